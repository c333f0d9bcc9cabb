//! Writes invocation records in batches, off the hot path. The queue is bounded: when the database cannot keep up,
//! logs go first, then whole records, each counted; the scripts' totals stay exact.

use picloud_shared::{activity::Activity, ids::ScriptId, tally::Tally};
use picloud_store::{NewInvocation, Store};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// Records that may wait.
const QUEUE_RECORDS: usize = 10_000;
/// Bytes of logs that may wait with them.
const QUEUE_LOG_BYTES: usize = 16 << 20;
/// Records written in one transaction.
const BATCH_RECORDS: usize = 4_000;
/// Least time from the end of one batch to the next: a lone record is written at once, many come together. Each batch
/// syncs, and writes again the pages on which the last one ended.
const BATCH_TIME: Duration = Duration::from_millis(100);
/// How long to wait before a failed batch is tried again.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// Where finished invocations go. Clones share the queue.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: mpsc::Sender<NewInvocation>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Bytes of logs that may still join the queue.
    log_bytes_left: AtomicUsize,
    tallies: Mutex<HashMap<ScriptId, Tally>>,
    /// Told how many wait and how many are dropped.
    activity: Arc<Activity>,
}

/// The task that writes. It ends, with everything written, when the last [`Recorder`] is gone.
pub type Writer = tokio::task::JoinHandle<()>;

impl Recorder {
    /// Starts the writer.
    pub fn start(store: Store, activity: Arc<Activity>) -> (Self, Writer) {
        let (recorder, waiting) = Self::bounded(QUEUE_RECORDS, QUEUE_LOG_BYTES, activity);
        let writer = tokio::spawn(write(store, waiting, Arc::clone(&recorder.shared)));
        (recorder, writer)
    }

    fn bounded(records: usize, log_bytes: usize, activity: Arc<Activity>) -> (Self, mpsc::Receiver<NewInvocation>) {
        let (queue, waiting) = mpsc::channel(records);
        let shared = Shared { log_bytes_left: AtomicUsize::new(log_bytes), tallies: Mutex::default(), activity };
        (Self { queue, shared: Arc::new(shared) }, waiting)
    }

    /// Takes a record; never waits. What it comes to is counted in any case.
    pub(crate) fn submit(&self, mut record: NewInvocation) {
        let (script, mut counted) = (record.script, record.counted());
        let log_bytes = log_bytes(&record);
        if self.shared.reserve_log_bytes(log_bytes).is_err() {
            let dropped = u32::try_from(std::mem::take(&mut record.logs).len()).unwrap_or(u32::MAX);
            record.logs_dropped = record.logs_dropped.saturating_add(dropped);
            counted.logs_dropped = record.logs_dropped;
        }
        let kept = u32::try_from(record.logs.len()).unwrap_or(u32::MAX);
        let activity = &self.shared.activity;
        // Who takes the record out of the queue takes what it comes to as well, and so may not come in between.
        let mut tallies = self.shared.tallies();
        activity.records_waiting.fetch_add(1, Ordering::Relaxed);
        let result = self.queue.try_send(record);
        let full =
            if let Err(mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record)) = result {
                self.shared.release_log_bytes(&record);
                activity.records_waiting.fetch_sub(1, Ordering::Relaxed);
                counted.logs_dropped = counted.logs_dropped.saturating_add(kept);
                true
            } else {
                false
            };
        let (records, logs) = (u64::from(full), u64::from(counted.logs_dropped));
        activity.records_dropped.fetch_add(records, Ordering::Relaxed);
        activity.logs_dropped.fetch_add(logs, Ordering::Relaxed);
        let tally = tallies.entry(script).or_default();
        tally.add(&counted);
        tally.dropped_records += i64::from(full);
    }
}

impl Shared {
    fn reserve_log_bytes(&self, bytes: usize) -> Result<usize, usize> {
        self.log_bytes_left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes))
    }

    fn release_log_bytes(&self, record: &NewInvocation) {
        self.log_bytes_left.fetch_add(log_bytes(record), Ordering::AcqRel);
    }

    fn tallies(&self) -> std::sync::MutexGuard<'_, HashMap<ScriptId, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rest of a record is bounded and small.
fn log_bytes(record: &NewInvocation) -> usize {
    record.logs.iter().map(|line| line.message.len() + line.fields.as_ref().map_or(0, String::len)).sum()
}

async fn write(store: Store, mut waiting: mpsc::Receiver<NewInvocation>, shared: Arc<Shared>) {
    let mut batch = Vec::new();
    let mut earliest = Instant::now();
    // Sleeps without a timer while nothing is recorded.
    while let Some(first) = waiting.recv().await {
        batch.push(first);
        tokio::time::sleep_until(earliest).await;
        if !waiting.is_empty() {
            waiting.recv_many(&mut batch, BATCH_RECORDS - 1).await;
        }
        let tallies = std::mem::take(&mut *shared.tallies());
        // A database that is away keeps the batch here, and the queue fills, and then records are dropped and counted.
        while let Err(error) = store.record(&batch, &tallies).await {
            // A batch is one transaction: when one of its records is there, an earlier try has stored them all, and only
            // its answer was lost.
            if error.is_duplicate() {
                break;
            }
            tracing::error!(%error, records = batch.len(), "invocations could not be recorded; trying again");
            if waiting.is_closed() {
                tracing::error!(records = batch.len(), "invocations are lost: the database failed while stopping");
                break;
            }
            tokio::time::sleep(RETRY_TIME).await;
        }
        // After a full one there may be another's worth already.
        earliest = Instant::now() + if batch.len() < BATCH_RECORDS { BATCH_TIME } else { Duration::ZERO };
        shared.activity.records_waiting.fetch_sub(batch.len(), Ordering::Relaxed);
        for record in batch.drain(..) {
            shared.release_log_bytes(&record);
        }
    }
    let rest = std::mem::take(&mut *shared.tallies());
    if let Err(error) = store.record(&[], &rest).await {
        tracing::error!(%error, "the last totals are lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::log::Level;
    use picloud_shared::{
        api::{Totals, Trigger},
        executor::LogLine,
        ids::{AppId, InvocationId},
        precondition::Precondition,
        tally::MINUTE,
    };
    use picloud_store::{Database, InvocationFilter, NewApp, NewVersion, Script, StatsOf};

    async fn script(store: &Store) -> (AppId, Script) {
        let app = AppId::new();
        let new =
            NewApp { id: app, slug: "app".parse().unwrap(), name: "App".into(), debug: false, owner: None, now: 0 };
        store.create_app(new).await.unwrap().unwrap();
        let version = NewVersion {
            name: "s".parse().unwrap(),
            source: "1".into(),
            routes: None,
            topics: None,
            schedules: None,
            imports: [].into(),
            author: None,
            now: 0,
        };
        (app, store.put_script(app, version, &Precondition::None).await.unwrap().unwrap().script)
    }

    fn record(app: AppId, script: &Script, log: &str) -> NewInvocation {
        NewInvocation {
            id: InvocationId::new(),
            app,
            script: script.id,
            version: script.version.id,
            trigger: Trigger::Http,
            parent: None,
            request: None,
            status: 200,
            outcome: "ok",
            fuel: 10,
            fuel_limit: 100,
            memory_bytes: 1,
            duration_us: 1,
            started_at: 0,
            node: "test".into(),
            error: None,
            logs: vec![LogLine { at: 0, level: Level::Info, message: log.into(), fields: None }],
            logs_dropped: 0,
            calls: Vec::new(),
        }
    }

    #[tokio::test]
    async fn a_batch_that_is_stored_already_does_not_stop_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().join("data"))).await.unwrap();
        let (app, script) = script(&store).await;
        let stored = record(app, &script, "once");
        store.record_all(std::slice::from_ref(&stored)).await.unwrap();
        let (recorder, writer) = Recorder::start(store.clone(), Arc::default());
        recorder.submit(stored);
        // Room is given back once a batch is done with.
        while recorder.shared.log_bytes_left.load(Ordering::Acquire) < QUEUE_LOG_BYTES {
            tokio::task::yield_now().await;
        }
        recorder.submit(record(app, &script, "twice"));
        drop(recorder);
        writer.await.unwrap();
        let filter = InvocationFilter { limit: 10, ..InvocationFilter::default() };
        assert_eq!(store.invocations(app, filter).await.unwrap().items.len(), 2);
    }

    #[tokio::test]
    async fn when_full_logs_go_first_then_records_and_totals_stay_exact() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().join("data"))).await.unwrap();
        let (app, script) = script(&store).await;
        let (recorder, waiting) = Recorder::bounded(3, 8, Arc::default());
        // Room for the first two logs, then for records only, then for nothing.
        for log in ["1234", "5678", "9", "10", "11"] {
            recorder.submit(record(app, &script, log));
        }
        let shared = Arc::clone(&recorder.shared);
        drop(recorder);
        write(store.clone(), waiting, Arc::clone(&shared)).await;

        let filter = InvocationFilter { limit: 10, ..InvocationFilter::default() };
        assert_eq!(store.invocations(app, filter).await.unwrap().items.len(), 3);
        let (stored, _) = store.script(app, &script.name).await.unwrap().unwrap();
        let expected = Totals {
            invocations: 5,
            fuel: 50,
            duration_us: 5,
            dropped_records: 2,
            dropped_logs: 3,
            ..Totals::default()
        };
        assert_eq!(stored.totals, expected);
        let stats = store.stats(StatsOf::App(app), MINUTE, 0, MINUTE).await.unwrap();
        let [(0, sums)] = &stats[..] else { panic!("{stats:?}") };
        assert_eq!((sums.requests, sums.fuel, sums.latency.count()), (5, 50, 5), "what is dropped counts");
        assert_eq!(shared.log_bytes_left.load(Ordering::Acquire), 8, "all room is given back");
        let activity = &shared.activity;
        let counts = [&activity.records_dropped, &activity.logs_dropped].map(|count| count.load(Ordering::Relaxed));
        assert_eq!((counts, activity.records_waiting.load(Ordering::Relaxed)), ([2, 3], 0));
    }
}
