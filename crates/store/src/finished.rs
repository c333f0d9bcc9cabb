//! An invocation that is over, as it is to be recorded: made of what was known when it began and of the executor's report.

use picloud_abi::invocation::Outcome;
use picloud_shared::{
    api::{Call, Diagnostic, Trigger},
    executor::{Called, LogLine, Report},
    ids::{AppId, InvocationId, ScriptId, VersionId},
    outcome,
    tally::Counted,
    time::TimestampMs,
};
use std::sync::Arc;

/// An invocation to be recorded.
#[derive(Clone, Debug)]
pub struct NewInvocation {
    /// The invocation's id.
    pub id: InvocationId,
    /// The script's app.
    pub app: AppId,
    /// What ran.
    pub script: ScriptId,
    /// Which version of it.
    pub version: VersionId,
    /// What started it.
    pub trigger: Trigger,
    /// The invocation that called it.
    pub parent: Option<InvocationId>,
    /// `GET /path` of an HTTP request.
    pub request: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// `ok`, or the code of what went wrong.
    pub outcome: &'static str,
    /// Fuel burnt.
    pub fuel: u64,
    /// Fuel it might have burnt.
    pub fuel_limit: u64,
    /// Peak of linear memory.
    pub memory_bytes: u64,
    /// Wall time in microseconds.
    pub duration_us: u64,
    /// When it began.
    pub started_at: TimestampMs,
    /// The machine that ran it.
    pub node: Arc<str>,
    /// What went wrong.
    pub error: Option<Diagnostic>,
    /// Its log, in the order written.
    pub logs: Vec<LogLine>,
    /// Log lines that were not kept.
    pub logs_dropped: u32,
    /// Calls to the platform, in order.
    pub calls: Vec<Call>,
}

/// What is known of an invocation when it begins.
#[derive(Clone, Debug)]
pub struct InvocationStart {
    /// The invocation's id.
    pub id: InvocationId,
    /// The script's app.
    pub app: AppId,
    /// What runs.
    pub script: ScriptId,
    /// Which version of it.
    pub version: VersionId,
    /// What starts it.
    pub trigger: Trigger,
    /// `GET /path` of an HTTP request.
    pub request: Option<String>,
    /// Fuel it may burn.
    pub fuel_limit: u64,
    /// When it begins.
    pub started_at: TimestampMs,
    /// The machine that runs it.
    pub node: Arc<str>,
}

/// An invocation that is over.
#[derive(Debug)]
pub struct Finished {
    /// Its record.
    pub record: NewInvocation,
    /// Those of the scripts that it called.
    pub called: Vec<NewInvocation>,
    /// How it ended, which is not stored.
    pub outcome: Outcome,
}

impl NewInvocation {
    /// What is counted of it, be it recorded or not.
    pub fn counted(&self) -> Counted {
        Counted {
            at: self.started_at,
            failed: self.outcome != outcome::OK,
            fuel: self.fuel,
            duration_us: self.duration_us,
            memory_bytes: self.memory_bytes,
            logs_dropped: self.logs_dropped,
            called: self.parent.is_some(),
        }
    }
}

impl Finished {
    /// All of its records, its own first, and how it ended.
    pub fn into_records(self) -> (Vec<NewInvocation>, Outcome) {
        let Self { record, mut called, outcome } = self;
        called.insert(0, record);
        (called, outcome)
    }
}

impl InvocationStart {
    /// What is to be stored.
    pub fn finished(self, mut report: Report) -> Finished {
        let called = std::mem::take(&mut report.called);
        let called: Vec<NewInvocation> = called.into_iter().map(|called| self.called(called)).collect();
        let (record, outcome) = self.recorded(report, None);
        Finished { record, called, outcome }
    }

    /// The record of a script that this invocation called, itself or through others.
    fn called(&self, called: Called) -> NewInvocation {
        let start = Self {
            id: called.id,
            app: self.app,
            script: called.script,
            version: called.version,
            trigger: Trigger::Invoke,
            request: None,
            fuel_limit: called.fuel_limit,
            started_at: called.started_at,
            node: Arc::clone(&self.node),
        };
        start.recorded(called.report, Some(called.parent)).0
    }

    fn recorded(self, report: Report, parent: Option<InvocationId>) -> (NewInvocation, Outcome) {
        let calls = outcome::calls(&report);
        let Report { outcome, fuel, memory_bytes, duration, logs, logs_dropped, .. } = report;
        let record = NewInvocation {
            id: self.id,
            app: self.app,
            script: self.script,
            version: self.version,
            trigger: self.trigger,
            parent,
            request: self.request,
            status: outcome::status(&outcome),
            outcome: outcome::word(&outcome),
            fuel,
            fuel_limit: self.fuel_limit,
            memory_bytes,
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            started_at: self.started_at,
            node: self.node,
            error: outcome::error(&outcome),
            logs,
            logs_dropped,
            calls,
        };
        (record, outcome)
    }
}
