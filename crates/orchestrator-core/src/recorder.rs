//! Writes invocation records in batches, off the hot path. The queue is bounded: when the database cannot keep up,
//! logs go first, then whole records, each counted; the scripts' totals stay exact.

use picloud_shared::{api::Totals, ids::ScriptId};
use picloud_store::{NewInvocation, Store};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::mpsc;

/// Records that may wait.
const QUEUE_RECORDS: usize = 10_000;
/// Bytes of logs that may wait with them.
const QUEUE_LOG_BYTES: usize = 16 << 20;
/// Records written in one transaction.
const BATCH_RECORDS: usize = 1_000;
/// How long the first record of a batch waits for others: few transactions, and yet soon enough to be looked at.
const BATCH_TIME: Duration = Duration::from_millis(20);
/// How long to wait before a failed batch is tried again.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// Where finished invocations go. Clones share the queue.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: mpsc::Sender<NewInvocation>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    log_bytes: AtomicUsize,
    totals: Mutex<HashMap<ScriptId, Totals>>,
}

/// The task that writes. It ends, with everything written, when the last [`Recorder`] is gone.
pub type Writer = tokio::task::JoinHandle<()>;

impl Recorder {
    /// Starts the writer.
    pub fn start(store: Store) -> (Self, Writer) {
        let (queue, waiting) = mpsc::channel(QUEUE_RECORDS);
        let shared = Arc::new(Shared::default());
        let writer = tokio::spawn(write(store, waiting, Arc::clone(&shared)));
        (Self { queue, shared }, writer)
    }

    /// Takes a record and what it adds to its script's totals; never waits.
    pub(crate) fn submit(&self, mut record: NewInvocation, mut totals: Totals) {
        let script = record.script;
        let log_bytes = log_bytes(&record);
        if self.shared.reserve_log_bytes(log_bytes).is_err() {
            let dropped = u32::try_from(std::mem::take(&mut record.logs).len()).unwrap_or(u32::MAX);
            record.logs_dropped = record.logs_dropped.saturating_add(dropped);
            totals.dropped_logs += i64::from(dropped);
        }
        let kept = record.logs.len();
        let result = self.queue.try_send(record);
        if let Err(mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record)) = result {
            self.shared.release_log_bytes(&record);
            totals.dropped_records += 1;
            totals.dropped_logs += i64::try_from(kept).unwrap_or(i64::MAX);
        }
        add(self.shared.totals().entry(script).or_default(), &totals);
    }
}

impl Shared {
    fn reserve_log_bytes(&self, bytes: usize) -> Result<usize, usize> {
        let within = |waiting: usize| waiting.checked_add(bytes).filter(|&sum| sum <= QUEUE_LOG_BYTES);
        self.log_bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, within)
    }

    fn release_log_bytes(&self, record: &NewInvocation) {
        self.log_bytes.fetch_sub(log_bytes(record), Ordering::AcqRel);
    }

    fn totals(&self) -> std::sync::MutexGuard<'_, HashMap<ScriptId, Totals>> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_bytes(record: &NewInvocation) -> usize {
    record.logs.iter().map(|line| line.message.len()).sum()
}

fn add(sum: &mut Totals, more: &Totals) {
    sum.invocations += more.invocations;
    sum.failures += more.failures;
    sum.fuel = sum.fuel.saturating_add(more.fuel);
    sum.duration_us = sum.duration_us.saturating_add(more.duration_us);
    sum.dropped_records += more.dropped_records;
    sum.dropped_logs += more.dropped_logs;
}

async fn write(store: Store, mut waiting: mpsc::Receiver<NewInvocation>, shared: Arc<Shared>) {
    let mut batch = Vec::new();
    // Sleeps without a timer while nothing is recorded.
    while let Some(first) = waiting.recv().await {
        batch.push(first);
        tokio::time::sleep(BATCH_TIME).await;
        while batch.len() < BATCH_RECORDS
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        let totals: Vec<_> = std::mem::take(&mut *shared.totals()).into_iter().collect();
        // A database that is away keeps the batch here, and the queue fills, and then records are dropped and counted.
        while let Err(error) = store.record(&batch, &totals).await {
            tracing::error!(%error, records = batch.len(), "invocations could not be recorded; trying again");
            if waiting.is_closed() {
                tracing::error!(records = batch.len(), "invocations are lost: the database failed while stopping");
                break;
            }
            tokio::time::sleep(RETRY_TIME).await;
        }
        for record in batch.drain(..) {
            shared.release_log_bytes(&record);
        }
    }
    let rest: Vec<_> = std::mem::take(&mut *shared.totals()).into_iter().collect();
    if !rest.is_empty()
        && let Err(error) = store.record(&[], &rest).await
    {
        tracing::error!(%error, "the last totals are lost");
    }
}
