//! Runs invocations: finds the version's image, runs it in an instance of the host that is as new, and answers its calls with
//! the capabilities. Knows neither HTTP nor who may call.

mod apart;
mod capability;
mod check;
mod images;
mod platform;
mod programs;
mod redaction;
mod settings;
mod turns;
mod world;

pub use apart::{Apart, CONTROL, Control};
pub use world::{RealWorld, World};

use capability::{files::Files, log::Room};
use futures_util::future::{FutureExt as _, Shared};
use images::{Images, Loaded};
use picloud_abi::{
    invocation::{Diagnostic, Failure, FailureCode, Outcome, Program},
    log::Level,
};
use picloud_host::{Host, HostError, Image, Run, Settings as EngineSettings};
use picloud_shared::{
    api,
    executor::{BoxFuture, Cancelled, Executor, ExecutorError, Faults, Imports, Job, Load, LogLine, Report, Source},
    ids::{AppId, VersionId},
    names::ScriptName,
    outcome,
};
use picloud_store::{Store, StoreError};
use picloud_vault::Vault;
use platform::{Frame, Inherited, Remains, ScriptPlatform, Services};
use programs::Programs;
use redaction::Redactions;
use settings::Settings;
use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};
use turns::Turns;

/// How long an invocation waits for its version's image, which others may be waiting for as well: as long as loading one
/// may take.
const IMAGE_TIME: Duration = Duration::from_secs(10);

/// Ends when nobody waits for an invocation any more, for all that it calls as well.
type Gone = Shared<Cancelled>;

/// An executor in this process.
pub struct LocalExecutor {
    host: Host<ScriptPlatform>,
    images: Images,
    programs: Programs,
    turns: Turns,
    services: Arc<Services>,
}

impl LocalExecutor {
    /// Sets up the engine: on the first start this compiles the guest, which takes seconds.
    ///
    /// # Errors
    /// When the engine cannot be set up on this machine.
    pub fn new(
        store: Store,
        vault: Vault,
        settings: &EngineSettings,
        world: Arc<dyn World>,
    ) -> Result<Arc<Self>, HostError> {
        let host = Host::new(settings)?;
        let (turns, images) = (Turns::new(host.slots()), Images::new());
        let programs = Programs::new(store.clone());
        let settings = Settings::new(store.clone());
        let files = Files::new(store.clone());
        Ok(Arc::new_cyclic(|this| {
            let services = Services { store, vault, settings, files, executor: this.clone(), world };
            Self { host, images, programs, turns, services: Arc::new(services) }
        }))
    }

    async fn invoke(&self, job: Job, cancelled: Cancelled) -> Result<Report, ExecutorError> {
        let cancelled = cancelled.shared();
        let loaded = tokio::select! {
            // An image that is there is taken without a look at anything else, nor is a timer made.
            biased;
            loaded = self.image(job.app, &job.script, job.version) => loaded?,
            () = cancelled.clone() => return Ok(Report::never_begun(gone())),
            () = async { tokio::time::sleep(IMAGE_TIME).await } => return Err(ExecutorError::Overloaded),
        };
        let report = match loaded {
            Ok(image) => self.run(&image, job, None, cancelled).await?,
            Err(diagnostic) => Report::never_begun(not_loaded(diagnostic)),
        };
        Ok(self.with_complaint(report))
    }

    async fn image(&self, app: AppId, script: &ScriptName, version: VersionId) -> Result<Loaded, ExecutorError> {
        let parts = match self.programs.parts(app, script, version).await? {
            Ok(parts) => parts,
            Err(diagnostic) => return Ok(Err(diagnostic)),
        };
        let load = async || {
            let program = self.programs.program(&parts).await?;
            Ok(self.load(app, &program).await?.map(Arc::new))
        };
        self.images.get(&parts, load).await
    }

    /// Takes a turn of its own: whoever waits for an image has none meanwhile, and no part in what it costs.
    async fn load(&self, app: AppId, program: &Program) -> Result<Result<Image, Diagnostic>, ExecutorError> {
        let place = self.turns.begin(app).await?;
        place.in_slices(pin!(self.host.load(program))).await.map_err(from_host)
    }

    async fn run(
        &self,
        image: &Arc<Image>,
        job: Job,
        control: Option<Control>,
        cancelled: Gone,
    ) -> Result<Report, ExecutorError> {
        let place = tokio::select! {
            // A turn that is free is taken without a look at anything else.
            biased;
            place = self.turns.begin(job.app) => place?,
            () = cancelled.clone() => return Ok(Report::never_begun(gone())),
        };
        let Job { id, app, trigger, depth, limits, outbound, .. } = job;
        let inherited = Inherited { redactions: Redactions::default(), room: Room::of(&limits) };
        let frame = Frame {
            id,
            app,
            outbound,
            limits: Arc::clone(&limits),
            event_depth: depth,
            depth: 0,
            place: place.clone(),
            cancelled: cancelled.clone(),
            control,
        };
        let platform = ScriptPlatform::new(Arc::clone(&self.services), frame, inherited);
        let run = pin!(self.host.invoke(image, &trigger, platform, &limits, cancelled));
        let (report, _) = reported(place.in_slices(run).await.map_err(from_host)?);
        Ok(report)
    }

    /// Whoever reads the log to see why a script failed finds it there.
    fn with_complaint(&self, mut report: Report) -> Report {
        if let Some(message) = complaint(&report.outcome) {
            report.logs.push(LogLine { at: self.services.world.now(), level: Level::Error, message, fields: None });
        }
        report
    }
}

/// What is reported of a run, and what its caller goes on with.
fn reported(run: Run<ScriptPlatform>) -> (Report, Inherited) {
    let outcome = run.platform.without_secrets(run.outcome);
    let Remains { logs, logs_dropped, called, inherited } = run.platform.into_remains();
    let report = Report {
        outcome,
        fuel: run.fuel,
        memory_bytes: run.memory_bytes,
        duration: run.duration,
        logs,
        logs_dropped,
        calls: run.calls,
        called,
    };
    (report, inherited)
}

impl Executor for LocalExecutor {
    fn check(
        &self,
        app: AppId,
        sources: Vec<Source>,
        gone: BTreeSet<ScriptName>,
    ) -> BoxFuture<'_, Result<Result<Vec<Imports>, Faults>, ExecutorError>> {
        Box::pin(self.check(app, sources, gone))
    }

    fn invoke(&self, job: Job, cancelled: Cancelled) -> BoxFuture<'_, Result<Report, ExecutorError>> {
        Box::pin(self.invoke(job, cancelled))
    }

    fn load(&self) -> Load {
        let (image_hits, image_misses) = self.images.hits_and_misses();
        let (instances_kept, instances_new) = self.host.kept_and_new();
        Load {
            slots: self.host.slots(),
            slots_free: self.host.free_slots(),
            waiting: self.turns.waiting(),
            image_hits,
            image_misses,
            instances_kept,
            instances_new,
        }
    }
}

fn not_loaded(Diagnostic { message, script, position }: Diagnostic) -> Failure {
    Failure { code: FailureCode::Error, message, status: None, script, position }
}

fn gone() -> Failure {
    let message = "the caller went away before the script began".to_owned();
    Failure { code: FailureCode::Cancelled, message, status: None, script: None, position: None }
}

/// What a failure is in the log; a status that the script threw is its answer, not a failure.
fn complaint(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failure(failure) if failure.code != FailureCode::Thrown => {
            let error = api::Diagnostic::from(failure.clone());
            let place = outcome::place(&error);
            Some(error.message + &place)
        }
        _ => None,
    }
}

fn stored(error: StoreError) -> ExecutorError {
    ExecutorError::Internal(error.to_string())
}

fn from_host(error: HostError) -> ExecutorError {
    match error {
        HostError::Overloaded => ExecutorError::Overloaded,
        HostError::Engine(_) | HostError::NotInvoked => ExecutorError::Internal(error.to_string()),
    }
}
