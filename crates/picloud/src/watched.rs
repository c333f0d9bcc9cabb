//! An executor that tells what came of each invocation, for those who sit in front of it.

use picloud_abi::invocation::Trigger;
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
            None => format!("{:?}, attempt {}", event.kind, event.attempt).to_lowercase(),
        },
    }
}
