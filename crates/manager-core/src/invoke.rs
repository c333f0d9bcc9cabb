//! Manual runs: what the asker gave becomes a trigger, the script runs once, and the record is stored before anybody
//! is told. A run goes on when its asker hangs up, so that what it did is always recorded.

use crate::{
    Manager,
    trigger::{InvalidRun, Wanted, wanted},
};
use picloud_abi::invocation::Outcome;
use picloud_shared::{
    api::{self, Invoke},
    executor::{ExecutorError, Job},
    ids::InvocationId,
    limits::Limits,
    names::ScriptName,
    time::now_ms,
};
use picloud_store::{App, Invocation, InvocationStart, Script, StoreError, StoredLog};
use std::{sync::Arc, time::Duration};

/// Why a script was not run, or its run not recorded. A script that fails is no error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    /// What the script should see cannot be.
    #[error(transparent)]
    Invalid(#[from] InvalidRun),
    /// There is no such script, or it was deleted meanwhile.
    #[error("no such script")]
    NoSuchScript,
    /// The app has burnt what it may in this minute; the next one begins after this time.
    #[error("the app has burnt what it may in this minute")]
    NoFuel(Duration),
    /// The executor could not run it.
    #[error("the script could not be run")]
    Executor(#[from] ExecutorError),
    /// The store failed.
    #[error("the run was not recorded")]
    Store(#[from] StoreError),
    /// The runtime is shutting down.
    #[error("the run was cut short")]
    Interrupted,
}

/// A run that is over and recorded.
pub(crate) struct Run {
    /// As stored.
    pub(crate) invocation: Invocation,
    /// As stored.
    pub(crate) logs: Vec<StoredLog>,
    /// What is not stored: the response, or the value.
    pub(crate) outcome: Outcome,
}

impl Manager {
    /// Runs a script's active version once.
    pub(crate) async fn run(&self, app: &App, name: &ScriptName, invoke: Invoke) -> Result<Run, InvokeError> {
        let id = InvocationId::new();
        let limits = self.settings.limits.in_force(&app.limits);
        let wanted = wanted(id, name, invoke, limits.request_body)?;
        self.activity.of(app.id).check_fuel(&limits, now_ms()).map_err(InvokeError::NoFuel)?;
        let script = self.store.script_head(app.id, name).await?.ok_or(InvokeError::NoSuchScript)?;
        let wanted = wanted.along(&script.routes);
        let (manager, app) = (self.clone(), app.clone());
        let run = tokio::spawn(async move { manager.run_and_record(id, app, script, limits, wanted).await });
        run.await.map_err(|_| InvokeError::Interrupted)?
    }

    async fn run_and_record(
        &self,
        id: InvocationId,
        App { id: app, outbound, .. }: App,
        script: Script,
        limits: Limits,
        Wanted { trigger, line, .. }: Wanted,
    ) -> Result<Run, InvokeError> {
        let start = InvocationStart {
            id,
            app,
            script: script.id,
            version: script.version.id,
            trigger: api::Trigger::Manual,
            request: line,
            fuel_limit: limits.fuel,
            started_at: now_ms(),
            node: Arc::clone(&self.settings.node),
        };
        let job = Job {
            id,
            app,
            version: script.version.id,
            script: script.name,
            trigger,
            depth: 0,
            limits: Arc::new(limits),
            outbound,
        };
        let report = self.executor.invoke(job, Box::pin(std::future::pending())).await?;
        self.activity.ended(&self.activity.of(app), &report, now_ms());
        let (records, outcome) = start.finished(report).into_records();
        self.store.record_all(&records).await?;
        let (invocation, logs) = self.store.invocation(app, id).await?.ok_or(InvokeError::NoSuchScript)?;
        Ok(Run { invocation, logs, outcome })
    }
}
