//! What goes on in this process, app by app and in all: how many invocations are in flight, and what each app has used of its
//! minute. In memory; every count is one step, and no app waits for another's.

use crate::{bodies::Bodies, executor::Report, ids::AppId, limits::Limits, outcome, tally::MINUTE, time::TimestampMs};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// Upper ends of what requests took, in microseconds; what took longer has no end.
pub const LATENCIES_US: [u64; 14] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

/// Apps that are kept before those are looked for of which nothing is to be known any more.
const APPS: usize = 1_024;

/// All of it. Clones of its [`Arc`] share it.
#[derive(Debug, Default)]
pub struct Activity {
    apps: Mutex<Apps>,
    /// Invocations by [`outcome::WORDS`].
    outcomes: [AtomicU64; outcome::WORDS.len()],
    fuel: AtomicU64,
    latencies: [AtomicU64; LATENCIES_US.len() + 1],
    latency_sum_us: AtomicU64,
    /// Records that wait to be written, and those that were dropped.
    pub records_waiting: AtomicUsize,
    /// See there.
    pub records_dropped: AtomicU64,
    /// Log lines that were dropped, because of a limit or with records.
    pub logs_dropped: AtomicU64,
    /// Bodies of requests that are on their way.
    pub bodies: Arc<Bodies>,
}

#[derive(Debug, Default)]
struct Apps {
    all: HashMap<AppId, Arc<AppActivity>>,
    clear_at: usize,
}

/// Of one app.
#[derive(Debug, Default)]
pub struct AppActivity {
    minute: Mutex<Minute>,
    in_flight: AtomicUsize,
}

/// What was used of a minute of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// When it began.
    start: TimestampMs,
    /// Requests that were let in.
    pub requests: u64,
    /// Fuel of all that ended in it.
    pub fuel: u64,
}

/// A request in flight; dropping it ends it.
#[derive(Debug)]
pub struct InFlight(Arc<AppActivity>);

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// The app has as many in flight as it may.
    Busy,
    /// It has used its minute; the next one begins after this time.
    Used(Duration),
}

/// The requests that were answered, by how long they took.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// How many took no longer than each of [`LATENCIES_US`], and no less than the one before; at last all others.
    pub counts: [u64; LATENCIES_US.len() + 1],
    /// What they took together, in microseconds.
    pub sum_us: u64,
}

/// A count is right even if some thread panicked while it held the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Activity {
    /// With so many bytes of bodies at once.
    pub fn with_bodies(bytes: usize) -> Self {
        Self { bodies: Arc::new(Bodies::new(bytes)), ..Self::default() }
    }

    /// That of one app.
    pub fn of(&self, app: AppId) -> Arc<AppActivity> {
        let mut apps = lock(&self.apps);
        if let Some(known) = apps.all.get(&app) {
            return Arc::clone(known);
        }
        if apps.all.len() >= apps.clear_at.max(APPS) {
            // Whoever serves an app holds it; one that nobody holds has at most a minute to remember.
            let newest = apps.all.values().map(|one| lock(&one.minute).start).max().unwrap_or(0);
            apps.all.retain(|_, one| Arc::strong_count(one) > 1 || lock(&one.minute).start >= newest);
            apps.clear_at = apps.all.len() * 2;
        }
        Arc::clone(apps.all.entry(app).or_default())
    }

    /// Counts an invocation that has ended, whatever started it, with those that it called.
    pub fn ended(&self, app: &AppActivity, report: &Report, now: TimestampMs) {
        app.at(now).fuel += report.fuel;
        self.fuel.fetch_add(report.fuel, Relaxed);
        for outcome in std::iter::once(&report.outcome).chain(report.called.iter().map(|called| &called.report.outcome))
        {
            self.outcomes[outcome::place_in_words(outcome)].fetch_add(1, Relaxed);
        }
    }

    /// Counts a request that was answered, be it refused.
    pub fn answered(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latencies[LATENCIES_US.partition_point(|end| *end < us)].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(us, Relaxed);
    }

    /// Invocations that have ended, by the word of their outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        outcome::WORDS.into_iter().zip(self.outcomes.iter().map(|count| count.load(Relaxed)))
    }

    /// Fuel that they have burnt.
    pub fn fuel(&self) -> u64 {
        self.fuel.load(Relaxed)
    }

    /// The requests that were answered.
    pub fn latencies(&self) -> Latencies {
        Latencies {
            counts: self.latencies.each_ref().map(|count| count.load(Relaxed)),
            sum_us: self.latency_sum_us.load(Relaxed),
        }
    }
}

impl AppActivity {
    fn at(&self, now: TimestampMs) -> MutexGuard<'_, Minute> {
        let mut minute = lock(&self.minute);
        let start = now - now.rem_euclid(MINUTE);
        // Where the clock was set back, the minute that it comes back to is a new one too.
        if minute.start != start {
            *minute = Minute { start, requests: 0, fuel: 0 };
        }
        minute
    }

    /// Whether another request would be let in.
    ///
    /// # Errors
    /// When it would not.
    pub fn check(&self, limits: &Limits, now: TimestampMs) -> Result<(), NotNow> {
        if self.in_flight() >= limits.concurrency {
            return Err(NotNow::Busy);
        }
        self.at(now).room(limits, now)
    }

    /// Lets a request in, and counts it.
    ///
    /// # Errors
    /// When the app has used what it may.
    pub fn admit(self: &Arc<Self>, limits: &Limits, now: TimestampMs) -> Result<InFlight, NotNow> {
        let more = |count: usize| (count < limits.concurrency).then_some(count + 1);
        self.in_flight.fetch_update(Relaxed, Relaxed, more).map_err(|_| NotNow::Busy)?;
        let admitted = InFlight(Arc::clone(self));
        let mut minute = self.at(now);
        minute.room(limits, now)?;
        minute.requests += 1;
        drop(minute);
        Ok(admitted)
    }

    /// Whether there is fuel left for an invocation that is no request.
    ///
    /// # Errors
    /// With the time until there is.
    pub fn check_fuel(&self, limits: &Limits, now: TimestampMs) -> Result<(), Duration> {
        if self.at(now).fuel < limits.fuel_per_minute { Ok(()) } else { Err(until_next(now)) }
    }

    /// What was used of the minute that it is now.
    pub fn minute(&self, now: TimestampMs) -> Minute {
        *self.at(now)
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }
}

impl Minute {
    fn room(&self, limits: &Limits, now: TimestampMs) -> Result<(), NotNow> {
        if self.requests < limits.requests_per_minute && self.fuel < limits.fuel_per_minute {
            Ok(())
        } else {
            Err(NotNow::Used(until_next(now)))
        }
    }
}

/// For `Retry-After`: never too early.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

fn until_next(now: TimestampMs) -> Duration {
    Duration::from_millis((MINUTE - now.rem_euclid(MINUTE)).unsigned_abs())
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::invocation::{Failure, FailureCode};

    fn limits(concurrency: usize, requests_per_minute: u64, fuel_per_minute: u64) -> Limits {
        Limits { concurrency, requests_per_minute, fuel_per_minute, ..Limits::default() }
    }

    fn report(fuel: u64, code: FailureCode) -> Report {
        let failure = Failure { code, message: String::new(), status: None, script: None, position: None };
        Report { fuel, ..Report::never_begun(failure) }
    }

    #[test]
    fn each_app_has_its_own_limit() {
        let (activity, limits) = (Activity::default(), limits(2, u64::MAX, u64::MAX));
        let (a, b) = (activity.of(AppId::new()), activity.of(AppId::new()));
        let held = (a.admit(&limits, 0).unwrap(), a.admit(&limits, 0).unwrap());
        assert_eq!((a.admit(&limits, 0).unwrap_err(), a.check(&limits, 0)), (NotNow::Busy, Err(NotNow::Busy)));
        assert!(b.admit(&limits, 0).is_ok());
        // The app's limit was raised, then lowered below what is in flight.
        let third = a.admit(&Limits { concurrency: 3, ..limits.clone() }, 0).unwrap();
        assert!(a.admit(&Limits { concurrency: 1, ..limits.clone() }, 0).is_err());
        drop((held, third));
        assert_eq!(a.in_flight(), 0);
        assert!(a.admit(&limits, 0).is_ok());
    }

    #[test]
    fn a_minute_has_so_many_requests_and_so_much_fuel() {
        let (activity, limits) = (Activity::default(), limits(9, 3, 100));
        let app = activity.of(AppId::new());
        let now = 5 * MINUTE + 59_000;
        for _ in 0..3 {
            drop(app.admit(&limits, now).unwrap());
        }
        let refused = NotNow::Used(Duration::from_secs(1));
        assert_eq!((app.admit(&limits, now).unwrap_err(), app.check(&limits, now)), (refused, Err(refused)));
        assert_eq!((app.minute(now).requests, app.in_flight()), (3, 0), "what is refused does not count");
        assert!(app.check_fuel(&limits, now).is_ok());
        let now = now + 1_000;
        assert!(app.check(&limits, now).is_ok(), "the next minute");
        activity.ended(&app, &report(60, FailureCode::Error), now);
        assert!(app.check(&limits, now).is_ok() && app.check_fuel(&limits, now).is_ok());
        activity.ended(&app, &report(60, FailureCode::Timeout), now);
        assert_eq!(app.check(&limits, now), Err(NotNow::Used(Duration::from_secs(60))));
        assert_eq!(app.check_fuel(&limits, now + 1), Err(Duration::from_millis(59_999)));
        // A clock that is set back neither locks the app out nor lets it in for ever.
        assert_eq!(app.minute(0), Minute { start: 0, requests: 0, fuel: 0 });
        assert_eq!(activity.fuel(), 120);
        let counted: Vec<_> = activity.outcomes().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("error", 1), ("timeout", 1)]);
    }

    #[test]
    fn requests_are_counted_by_what_they_took() {
        let activity = Activity::default();
        for us in [0, 1_000, 1_001, 30_000_000, 30_000_001] {
            activity.answered(Duration::from_micros(us));
        }
        let Latencies { counts, sum_us } = activity.latencies();
        assert_eq!((counts[0], counts[1], counts[13], counts[14], sum_us), (2, 1, 1, 1, 60_002_002));
    }

    #[test]
    fn apps_that_nobody_asks_for_are_forgotten() {
        let activity = Activity::default();
        let held = activity.of(AppId::new());
        let limits = limits(9, u64::MAX, u64::MAX);
        drop(held.admit(&limits, 0).unwrap());
        for n in 0..10_000 {
            drop(activity.of(AppId::new()).admit(&limits, n * MINUTE).unwrap());
        }
        assert!(lock(&activity.apps).all.len() <= 2 * APPS);
        assert!(lock(&activity.apps).all.values().any(|one| Arc::ptr_eq(one, &held)), "what is held is kept");
    }
}
