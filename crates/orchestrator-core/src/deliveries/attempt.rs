//! One attempt of a delivery: the script runs with the event, the invocation is recorded, and the lease ends, the last two
//! in one transaction.

use super::{DeliverySettings, RETRY_TIME, backoff};
use picloud_abi::invocation::{Event, EventKind, Outcome, Trigger};
use picloud_shared::{
    activity::Activity,
    api,
    executor::{Executor, ExecutorError, Job},
    ids::{AppId, InvocationId},
    limits::Limits,
    outbound::AllowedHosts,
    outcome,
    time::now_ms,
};
use picloud_store::{Claimed, InvocationStart, Lease, NewInvocation, Occasion, Settlement, Store};
use std::{future::pending, sync::Arc, time::Duration};

/// How long a delivery waits that this node has no room for.
const OVERLOADED_TIME: Duration = Duration::from_secs(1);
/// How long a delivery waits whose version was replaced at that moment.
const REPLACED_TIME: Duration = Duration::from_millis(100);

/// All that an attempt needs.
pub(super) struct Attempt {
    pub(super) store: Store,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) settings: Arc<DeliverySettings>,
    pub(super) activity: Arc<Activity>,
    pub(super) app: AppId,
    pub(super) limits: Arc<Limits>,
    pub(super) outbound: AllowedHosts,
}

impl Attempt {
    pub(super) async fn make(self, claimed: Claimed) {
        let lease = claimed.lease.clone();
        // Each claim counts, so that a script that takes the process down with it does not do so for ever.
        let (settlement, records) = if claimed.attempt > self.settings.attempts {
            let error = "the server ended during the last attempt".to_owned();
            (Settlement::Dead { error, begun: false }, Vec::new())
        } else {
            self.run(claimed).await
        };
        self.settle(&lease, settlement, records).await;
    }

    async fn run(&self, claimed: Claimed) -> (Settlement, Vec<NewInvocation>) {
        let id = InvocationId::new();
        let (kind, trigger, topic, scheduled_at) = match claimed.occasion {
            Occasion::Topic(topic) => (EventKind::Topic, api::Trigger::Topic, Some(topic.into()), None),
            Occasion::Slot(at) => (EventKind::Schedule, api::Trigger::Schedule, None, Some(at)),
        };
        let event = Event {
            id: claimed.lease.delivery.to_string(),
            kind,
            payload: claimed.payload,
            attempt: claimed.attempt,
            topic,
            scheduled_at,
        };
        let start = InvocationStart {
            id,
            app: self.app,
            script: claimed.script_id,
            version: claimed.version,
            trigger,
            request: None,
            fuel_limit: self.limits.fuel,
            started_at: now_ms(),
            node: Arc::clone(&self.settings.node),
        };
        let job = Job {
            id,
            app: self.app,
            version: claimed.version,
            script: claimed.name,
            trigger: Trigger::Event(event),
            depth: claimed.depth,
            limits: Arc::clone(&self.limits),
            outbound: self.outbound.clone(),
        };
        match self.executor.invoke(job, Box::pin(pending())).await {
            Ok(report) => {
                self.activity.ended(&self.activity.of(self.app), &report, now_ms());
                let (records, outcome) = start.finished(report).into_records();
                let settlement = failure(&outcome).map_or(Settlement::Done, |why| self.failed(claimed.attempt, why));
                (settlement, records)
            }
            Err(ExecutorError::Overloaded) => (not_begun(OVERLOADED_TIME), Vec::new()),
            Err(ExecutorError::NoSuchVersion) => (not_begun(REPLACED_TIME), Vec::new()),
            Err(ExecutorError::Internal(error)) => {
                tracing::error!(error, delivery = %claimed.lease.delivery, "an event could not be delivered");
                (self.failed(claimed.attempt, "the platform failed; its log tells why".to_owned()), Vec::new())
            }
        }
    }

    fn failed(&self, attempt: u32, error: String) -> Settlement {
        if attempt >= self.settings.attempts {
            return Settlement::Dead { error, begun: true };
        }
        // Without randomness the wait is a whole one.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        Settlement::Retry { after_ms: millis(backoff::wait(self.settings.backoff, attempt, random)) }
    }

    /// Goes on until the database answers: what the script did shall not be done again for the database's sake, and the
    /// lease is extended meanwhile.
    async fn settle(&self, lease: &Lease, settlement: Settlement, records: Vec<NewInvocation>) {
        loop {
            match self.store.settle_delivery(lease, settlement.clone(), &records).await {
                Ok(true) => return,
                Ok(false) => {
                    tracing::warn!(delivery = %lease.delivery, "an event was delivered by somebody else meanwhile");
                    return;
                }
                // An earlier try has stored it, and only its answer was lost.
                Err(error) if error.is_duplicate() => return,
                Err(error) => {
                    tracing::error!(%error, delivery = %lease.delivery, "a delivery cannot be settled; trying again");
                    tokio::time::sleep(RETRY_TIME).await;
                }
            }
        }
    }
}

fn not_begun(wait: Duration) -> Settlement {
    Settlement::NotBegun { after_ms: millis(wait) }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

/// Why a delivery did not arrive, for whoever reads the dead letter.
fn failure(outcome: &Outcome) -> Option<String> {
    let error = outcome::error(outcome)?;
    Some(format!("{}: {}{}", outcome::word(outcome), error.message, outcome::place(&error)))
}
