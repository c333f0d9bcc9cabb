//! Delivers the events of topics and of schedules: claims what is due, in turns that are fair between apps, keeps the
//! leases of what runs, and sleeps until something is due or heard of. Firing slots is in `timetable`, how one attempt goes
//! in `attempt`.

mod attempt;
mod backoff;
mod clock;
mod timetable;

use attempt::Attempt;
use clock::ClockSet;
use picloud_shared::{
    activity::Activity, executor::Executor, ids::AppId, limit_rules::LimitRules, limits::Limits, time::now_ms,
};
use picloud_store::{AppDeliveries, Claimed, Claims, Due, Heard, Lease, Store, StoreError, Wake};
use std::{collections::HashMap, future::pending, io, pin::pin, sync::Arc, time::Duration};
use timetable::Timetable;
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{Instant, sleep_until},
};

/// Deliveries that a node makes at once.
const AT_ONCE: usize = 64;
/// Deliveries of one app that a node makes at once, beside the requests that it answers.
const AT_ONCE_PER_APP: usize = 16;
/// How long a lease lasts, and how often it is extended: two of three may go missing.
const LEASE: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long deliveries may take to end once the process is told to stop, as requests may.
const DRAIN_TIME: Duration = Duration::from_secs(30);
/// How often to look although nothing was heard, where other processes publish and the database has a clock of its own:
/// a message of theirs may be lost, and nobody tells that that clock was set.
const LOOK_ANYWAY: Duration = Duration::from_secs(30);
/// How long to wait after the database has failed.
const RETRY_TIME: Duration = Duration::from_secs(1);
/// How long to wait for what is due and was not given, as another node is about to claim it.
const CONTENDED_TIME: Duration = Duration::from_millis(50);
/// How often to say that an app cannot be read.
const TELL_AGAIN: Duration = Duration::from_secs(60 * 60);

/// What the binary decides.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// The name of this machine, kept with the invocations that it runs.
    pub node: Arc<str>,
    /// What an app's invocations may cost.
    pub limits: LimitRules,
    /// Attempts after which a delivery is given up.
    pub attempts: u32,
    /// The wait after the first attempt.
    pub backoff: Duration,
}

/// The deliveries of one process.
pub struct Dispatcher {
    store: Store,
    executor: Arc<dyn Executor>,
    settings: Arc<DeliverySettings>,
    activity: Arc<Activity>,
    wake: Wake,
    /// `None` when the kernel does not tell.
    clock: Option<ClockSet>,
    timetable: Timetable,
    attempts: JoinSet<()>,
    running: HashMap<task::Id, (AppId, Lease)>,
    /// When to extend the leases of what runs.
    heartbeat: Instant,
    /// The app that was served last; the next round begins behind it.
    last: Option<AppId>,
    /// When what this process knows was last taken for outdated without being told.
    doubted: Instant,
    /// What was told of apps that cannot be read, and when: they are found at every look.
    told: HashMap<String, Instant>,
}

/// When to look again though nothing is heard.
type Next = Option<Instant>;

impl Dispatcher {
    /// Takes up what an earlier process left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new(
        store: Store,
        executor: Arc<dyn Executor>,
        activity: Arc<Activity>,
        settings: DeliverySettings,
    ) -> Result<Self, StoreError> {
        store.reclaim_leases().await?;
        let wake = store.wake().await?;
        let told = |error: &io::Error| tracing::warn!(%error, "the kernel does not tell when the clock is set");
        let clock = ClockSet::new().inspect_err(told).ok();
        let timetable = Timetable::default();
        let (settings, attempts, running) = (Arc::new(settings), JoinSet::new(), HashMap::new());
        let now = Instant::now();
        Ok(Self {
            store,
            executor,
            settings,
            activity,
            wake,
            clock,
            timetable,
            attempts,
            running,
            heartbeat: now,
            last: None,
            doubted: now,
            told: HashMap::new(),
        })
    }

    /// Delivers until `stop` ends, then until what has begun is over.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let next = self.look().await.unwrap_or_else(|error| {
                tracing::error!(%error, "deliveries cannot be claimed; trying again");
                Some(Instant::now() + RETRY_TIME)
            });
            let (attempts, wake, clock) = (&mut self.attempts, &mut self.wake, &mut self.clock);
            tokio::select! {
                () = &mut stop => break,
                heard = something_new(wake, clock, next) => if heard == Heard::Schedules {
                    self.timetable.forget();
                },
                Some(ended) = attempts.join_next_with_id() => self.forget(ended),
                () = sleep_until(self.heartbeat), if !self.running.is_empty() => self.extend_leases().await,
            }
            while let Some(ended) = self.attempts.try_join_next_with_id() {
                self.forget(ended);
            }
        }
        self.drain().await;
    }

    /// Fires and begins what is due.
    async fn look(&mut self) -> Result<Next, StoreError> {
        // A connection that was cut off without a word hears nothing for ever.
        if self.wake.has_others() && self.doubted.elapsed() >= LOOK_ANYWAY {
            self.store.doubt();
            self.doubted = Instant::now();
        }
        let anyway = (self.wake.has_others() || self.clock.is_none()).then_some(LOOK_ANYWAY);
        // What keeps slots from being fired keeps no event from being delivered.
        let slot = self.timetable.fire_due(&self.store, anyway).await.unwrap_or_else(|error| {
            tracing::error!(%error, "schedules cannot be fired; trying again");
            Some(Instant::now() + RETRY_TIME)
        });
        Ok(self.claim_due().await?.into_iter().chain(slot).min())
    }

    /// Begins as many of the deliveries that are due as there is room for.
    async fn claim_due(&mut self) -> Result<Next, StoreError> {
        let Due { mut apps, unreadable } = self.store.apps_with_deliveries().await?;
        self.tell_unreadable(unreadable);
        let served = apps.partition_point(|app| self.last.is_some_and(|last| app.app <= last));
        apps.rotate_left(served);
        let mut soonest: Option<Duration> = None;
        let mut look_in = |time: Duration| soonest = Some(soonest.map_or(time, |known| known.min(time)));
        for app in apps {
            if let Ok(ms @ 1..) = u64::try_from(app.due_in_ms) {
                look_in(Duration::from_millis(ms));
                continue;
            }
            let limits = self.settings.limits.in_force(&app.limits);
            // They wait rather than fail; what has begun ends.
            if let Err(next_minute) = self.activity.of(app.app).check_fuel(&limits, now_ms()) {
                look_in(next_minute);
                continue;
            }
            let running = self.running.values().filter(|(other, _)| *other == app.app).count();
            let room = AT_ONCE_PER_APP.min(limits.concurrency).saturating_sub(running);
            let room = room.min(AT_ONCE.saturating_sub(self.running.len()));
            // Where there is none, the end of what runs is the next occasion.
            if room == 0 {
                continue;
            }
            let lease_ms = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
            let Claims { claimed, unreadable } = self.store.claim_deliveries(app.app, room, lease_ms).await?;
            for delivery in unreadable {
                tracing::error!(delivery, "a delivery cannot be read, and is left out; the others are made");
            }
            if claimed.is_empty() {
                look_in(CONTENDED_TIME);
                continue;
            }
            self.last = Some(app.app);
            let limits = Arc::new(limits);
            for claimed in claimed {
                self.begin(&app, claimed, &limits);
            }
        }
        Ok(soonest.map(|time| Instant::now() + time))
    }

    /// Each once, and again when it is so for long.
    fn tell_unreadable(&mut self, unreadable: Vec<String>) {
        self.told.retain(|_, at| at.elapsed() < TELL_AGAIN);
        for app in unreadable {
            self.told.entry(app).or_insert_with_key(|app| {
                tracing::error!(app, "an app cannot be read, and its deliveries wait; those of others are made");
                Instant::now()
            });
        }
    }

    fn begin(&mut self, app: &AppDeliveries, claimed: Claimed, limits: &Arc<Limits>) {
        let lease = claimed.lease.clone();
        let attempt = Attempt {
            store: self.store.clone(),
            executor: Arc::clone(&self.executor),
            settings: Arc::clone(&self.settings),
            activity: Arc::clone(&self.activity),
            app: app.app,
            limits: Arc::clone(limits),
            outbound: app.outbound.clone(),
        };
        if self.running.is_empty() {
            self.heartbeat = Instant::now() + HEARTBEAT;
        }
        let task = self.attempts.spawn(attempt.make(claimed));
        self.running.insert(task.id(), (app.app, lease));
    }

    /// An attempt that panicked is not settled: its lease ends, and it is tried again.
    fn forget(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "the delivery of an event ended early");
                error.id()
            }
        };
        self.running.remove(&id);
    }

    async fn extend_leases(&mut self) {
        self.heartbeat = Instant::now() + HEARTBEAT;
        let leases: Vec<Lease> = self.running.values().map(|(_, lease)| lease.clone()).collect();
        let lease_ms = i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX);
        if let Err(error) = self.store.extend_leases(&leases, lease_ms).await {
            tracing::error!(%error, "leases of deliveries could not be extended");
        }
    }

    async fn drain(mut self) {
        let end = Instant::now() + DRAIN_TIME;
        while !self.attempts.is_empty() {
            tokio::select! {
                Some(ended) = self.attempts.join_next_with_id() => self.forget(ended),
                () = sleep_until(self.heartbeat) => self.extend_leases().await,
                () = sleep_until(end) => {
                    let deliveries = self.attempts.len();
                    tracing::warn!(deliveries, "some deliveries did not end in time; they will be made again");
                    return;
                }
            }
        }
    }
}

/// Ends when it is time, or something was heard of.
async fn something_new(wake: &mut Wake, clock: &mut Option<ClockSet>, next: Next) -> Heard {
    tokio::select! {
        heard = heard(wake) => heard,
        () = clock_set(clock) => Heard::Schedules,
        () = until(next) => Heard::Deliveries,
    }
}

async fn until(time: Next) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

async fn heard(wake: &mut Wake) -> Heard {
    match wake.heard().await {
        Ok(heard) => heard,
        Err(error) => {
            tracing::error!(%error, "the database does not tell of events; looking for them instead");
            tokio::time::sleep(RETRY_TIME).await;
            Heard::Schedules
        }
    }
}

async fn clock_set(clock: &mut Option<ClockSet>) {
    let Some(timer) = clock else { return pending().await };
    if let Err(error) = timer.heard().await {
        tracing::warn!(%error, "the kernel does not tell any more when the clock is set");
        *clock = None;
    }
}
