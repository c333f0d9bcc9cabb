//! An executor that tells what came of each invocation, for those who sit in front of it.

use picloud_abi::invocation::{EventKind, Trigger};
use picloud_executor_core::LocalExecutor;
use picloud_shared::{
    executor::{BoxFuture, Cancelled, Executor, ExecutorError, Faults, Imports, Job, Load, Report, Source},
    ids::{AppId, InvocationId},
    names::ScriptName,
    outbound::AllowedHosts,
    target,
};
use std::{collections::BTreeSet, sync::Arc};

/// An invocation that is over.
pub(crate) struct Ran<'a> {
    pub(crate) id: InvocationId,
    pub(crate) script: ScriptName,
    /// What started it, as people read it: `GET /greet/Ada`, or the kind of an event.
    pub(crate) cause: String,
    pub(crate) fuel_limit: u64,
    pub(crate) report: &'a Report,
}

/// Who is told.
pub(crate) type Teller = Box<dyn Fn(Ran) + Send + Sync>;

/// Runs what the other executor runs, which has everything else to do with it.
pub(crate) struct Watched {
    pub(crate) executor: Arc<LocalExecutor>,
    /// The servers that scripts reach, whatever their app allows.
    pub(crate) outbound: Option<AllowedHosts>,
    pub(crate) tell: Teller,
}

impl Executor for Watched {
    fn check(
        &self,
        app: AppId,
        sources: Vec<Source>,
        gone: BTreeSet<ScriptName>,
    ) -> BoxFuture<'_, Result<Result<Vec<Imports>, Faults>, ExecutorError>> {
        Executor::check(&*self.executor, app, sources, gone)
    }

    fn invoke(&self, mut job: Job, cancelled: Cancelled) -> BoxFuture<'_, Result<Report, ExecutorError>> {
        Box::pin(async move {
            let (id, script, fuel_limit) = (job.id, job.script.clone(), job.limits.fuel);
            let cause = cause(&job.trigger);
            job.outbound = self.outbound.clone().unwrap_or(job.outbound);
            let report = Executor::invoke(&*self.executor, job, cancelled).await?;
            (self.tell)(Ran { id, script, cause, fuel_limit, report: &report });
            Ok(report)
        })
    }

    fn load(&self) -> Load {
        Executor::load(&*self.executor)
    }
}

fn cause(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Http(request) => target::line(&request.method, &request.path),
        Trigger::Event(event) => match &event.topic {
            Some(topic) => format!("topic {topic}, attempt {}", event.attempt),
            None => format!("{}, attempt {}", word(event.kind), event.attempt),
        },
    }
}

/// As scripts read it in `event.kind`.
const fn word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Manual => "manual",
        EventKind::Schedule => "schedule",
        EventKind::Topic => "topic",
        EventKind::Invoke => "invoke",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::invocation::Event;

    #[test]
    fn an_event_is_told_as_scripts_read_it() {
        for (kind, topic, told) in [
            (EventKind::Schedule, None, "schedule, attempt 2"),
            (EventKind::Manual, None, "manual, attempt 2"),
            (EventKind::Topic, Some("orders".to_owned()), "topic orders, attempt 2"),
        ] {
            let (id, payload) = ("1".to_owned(), "null".to_owned());
            let event = Event { id, kind, payload, attempt: 2, topic, scheduled_at: None };
            assert_eq!(cause(&Trigger::Event(event)), told);
        }
    }
}
