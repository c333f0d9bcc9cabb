//! The way from whoever starts invocations to whoever runs them.

use crate::{
    ids::{AppId, InvocationId, ScriptId, VersionId},
    limits::Limits,
    names::ScriptName,
    outbound::AllowedHosts,
    time::TimestampMs,
};
use picloud_abi::{
    invocation::{Failure, Outcome, Position, Trigger},
    log::Level,
};
use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

/// A future that can be sent and named.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Ends when nobody waits for an invocation any more.
pub type Cancelled = BoxFuture<'static, ()>;

/// Runs invocations. What is asked of it is answered with a value even when the script fails; `Err` means that the
/// platform could not run it.
pub trait Executor: Send + Sync + 'static {
    /// Compiles sources as they would be with each other and with what the app has already, but for the scripts that are to
    /// go, at its expense; also the scripts that import them, or what goes. Of a source that is imported what stands outside
    /// functions runs, and nothing else does.
    fn check(
        &self,
        app: AppId,
        sources: Vec<Source>,
        gone: BTreeSet<ScriptName>,
    ) -> BoxFuture<'_, Result<Result<Vec<Imports>, Faults>, ExecutorError>>;

    /// Runs a stored version once, until it ends or `cancelled` does: then too there is a report of what it did.
    fn invoke(&self, job: Job, cancelled: Cancelled) -> BoxFuture<'_, Result<Report, ExecutorError>>;

    /// How busy it is now.
    fn load(&self) -> Load;
}

/// A source that is to become a script's.
#[derive(Clone, Debug)]
pub struct Source {
    /// The script's name.
    pub name: ScriptName,
    /// Rhai.
    pub text: Arc<str>,
}

/// The scripts that a source imports itself.
pub type Imports = BTreeSet<ScriptName>;

/// Why sources cannot become scripts.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Which of them cannot.
    pub source: ScriptName,
    /// The script in which the place is.
    pub script: ScriptName,
    /// What is wrong.
    pub message: String,
    /// And where, if it is at one place.
    pub position: Option<Position>,
}

/// All that is wrong with sources, as far as it was looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// What was found first.
    pub first: Fault,
    /// What was found after it.
    pub others: Vec<Fault>,
}

impl Faults {
    /// `None` where nothing is wrong.
    pub fn of(faults: Vec<Fault>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let first = faults.next()?;
        Some(Self { first, others: faults.collect() })
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// How busy an executor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Instances that there may be at once.
    pub slots: usize,
    /// Those that there is room for now.
    pub slots_free: usize,
    /// Invocations that wait to begin.
    pub waiting: usize,
    /// How often an invocation found its version compiled.
    pub image_hits: u64,
    /// How often it had to be compiled, or waited for.
    pub image_misses: u64,
    /// Invocations in an instance that had been kept.
    pub instances_kept: u64,
    /// Invocations in a new instance.
    pub instances_new: u64,
}

/// One invocation to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Chosen by whoever starts it.
    pub id: InvocationId,
    /// Whose data its calls reach.
    pub app: AppId,
    /// What runs.
    pub version: VersionId,
    /// The script's name, for messages.
    pub script: ScriptName,
    /// What the script sees as `req` or `event`.
    pub trigger: Trigger,
    /// How many events caused one another until this: 0 for what no event started.
    pub depth: u32,
    /// What it may cost.
    pub limits: Arc<Limits>,
    /// Which other servers it may reach.
    pub outbound: AllowedHosts,
}

/// What an invocation left.
#[derive(Clone, Debug)]
pub struct Report {
    /// The response, the value, or why there is none.
    pub outcome: Outcome,
    /// Fuel burnt, that of the scripts included that it called; exact.
    pub fuel: u64,
    /// Bytes of linear memory at the end, which is the peak, since it never shrinks.
    pub memory_bytes: u64,
    /// Wall time from the first instruction to the last.
    pub duration: Duration,
    /// In the order written.
    pub logs: Vec<LogLine>,
    /// Lines that were not kept because of a limit.
    pub logs_dropped: u32,
    /// Calls to the platform, in order, at most [`Report::MAX_CALLS`].
    pub calls: Vec<Call>,
    /// The scripts that it called, and those that these called.
    pub called: Vec<Called>,
}

/// A script that an invocation called: an invocation of its own.
#[derive(Clone, Debug)]
pub struct Called {
    /// Its id.
    pub id: InvocationId,
    /// The invocation that called it.
    pub parent: InvocationId,
    /// What ran.
    pub script: ScriptId,
    /// Which version of it.
    pub version: VersionId,
    /// What its caller had left for it.
    pub fuel_limit: u64,
    /// When it began.
    pub started_at: TimestampMs,
    /// What it left; whatever it called stands beside it.
    pub report: Report,
}

impl Report {
    /// Calls after the first so many are not listed, to bound what one invocation stores.
    pub const MAX_CALLS: usize = 100;

    /// Of an invocation that failed before its script began.
    pub fn never_begun(failure: Failure) -> Self {
        Self {
            outcome: Outcome::Failure(failure),
            fuel: 0,
            memory_bytes: 0,
            duration: Duration::ZERO,
            logs: Vec::new(),
            logs_dropped: 0,
            calls: Vec::new(),
            called: Vec::new(),
        }
    }
}

/// One line of a script's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: TimestampMs,
    /// How important it is.
    pub level: Level,
    /// The text; may hold any character.
    pub message: String,
    /// What is looked for by name: a JSON object's text.
    pub fields: Option<String>,
}

/// One call that a script made to the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Capability and function, such as `kv.get`.
    pub name: &'static str,
    /// From the start of the invocation to the start of the call.
    pub start: Duration,
    /// How long it took.
    pub duration: Duration,
}

/// Why the platform could not run something.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// Every slot is taken, or too many wait; later it may work.
    #[error("this node has more to do than it can")]
    Overloaded,
    /// There is no such version (any more).
    #[error("no such version")]
    NoSuchVersion,
    /// A defect or a failing part; the text is for the operator, never for the caller.
    #[error("{0}")]
    Internal(String),
}
