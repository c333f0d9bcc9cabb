//! The host as its users see it: check a program, or run it once.

use crate::{
    compiled,
    engine::{self, Target},
    failure,
    instance::Instance,
    pool::Pool,
    seam::{self, Platform, State},
};
use picloud_abi::{
    bounds::{MESSAGE_BYTES, cut, headers_fit},
    invocation::{Diagnostic, Failure, FailureCode, Outcome, Program, Trigger},
};
use picloud_shared::{executor::Call, limits::Limits};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, InstancePre, Linker};

/// The pre-initialised guest, as built by `cargo xtask guest`.
const GUEST: &[u8] = include_bytes!("../../guest/prebuilt/guest.wasm");

/// Fuel for compiling one program, half a second or so. Rhai takes time that grows with the square of some counts, such
/// as a literal's keys: sources of ordinary shape need a hundredth of this, one such of 200 KiB more than there is.
const LOAD_FUEL: u64 = 4_000_000_000;
/// Wall time for compiling one program.
const LOAD_TIME: Duration = Duration::from_secs(10);

/// How a host is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the compiled guest is kept between starts: a directory that is made with mode 0700 where it is missing.
    pub cache: Option<PathBuf>,
    /// Instances at once; by the machine's memory when absent.
    pub slots: Option<u32>,
    /// What the guest is compiled to.
    pub target: Target,
    /// The largest [`Limits::memory`] that any invocation will ask for, in bytes.
    pub memory: usize,
}

/// Runs programs, each in a fresh instance. `P` answers their calls.
pub struct Host<P: 'static> {
    engine: Engine,
    guest: InstancePre<State<P>>,
    permits: Arc<Semaphore>,
}

/// Why the host could not run something. A script's own failure is an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Every slot is taken.
    #[error("every slot of the pool is taken")]
    Overloaded,
    /// The engine or the guest is at fault.
    #[error("the engine failed: {0:#}")]
    Engine(wasmtime::Error),
}

impl From<wasmtime::Error> for HostError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(error)
    }
}

/// What one run left.
#[derive(Debug)]
pub struct Run<P> {
    /// The guest's answer, or the failure that a trap or a limit stands for.
    pub outcome: Outcome,
    /// Fuel burnt since the program began; compiling it is not counted.
    pub fuel: u64,
    /// Most bytes of linear memory, the interpreter's own included.
    pub memory_bytes: u64,
    /// Wall time since the program began.
    pub duration: Duration,
    /// Calls to the platform that may wait, in order; only the first hundred.
    pub calls: Vec<Call>,
    /// What answered the calls, with whatever it gathered.
    pub platform: P,
}

impl<P: Platform> Host<P> {
    /// Compiles the guest, or takes it from the cache, and sets up the pool.
    ///
    /// # Errors
    /// When the machine cannot give the engine what it needs, such as address space.
    pub fn new(settings: &Settings) -> Result<Self, HostError> {
        let pool = Pool::for_this_machine(settings.slots, settings.memory);
        let engine = engine::build(settings.target, &pool)?;
        let module = compiled::module(&engine, GUEST, settings.cache.as_deref())?;
        let mut linker = Linker::new(&engine);
        seam::link(&mut linker)?;
        let guest = linker.instantiate_pre(&module)?;
        tracing::info!(slots = pool.slots, may_swap = pool.may_swap, target = ?settings.target, "the engine is ready");
        Ok(Self { engine, guest, permits: Arc::new(Semaphore::new(pool.slots as usize)) })
    }

    /// Slots that are free now.
    pub fn free_slots(&self) -> usize {
        self.permits.available_permits()
    }

    /// Compiles a program without running any of it. `platform` is never asked.
    ///
    /// # Errors
    /// Only the host's own.
    pub async fn check(
        &self,
        program: &Program,
        platform: P,
        limits: &Limits,
    ) -> Result<Result<(), Diagnostic>, HostError> {
        let _permit = self.admit()?;
        let mut instance = Instance::fresh(&self.engine, &self.guest, platform, limits.memory).await?;
        let checked = tokio::time::timeout(LOAD_TIME, instance.check(program, LOAD_FUEL)).await;
        Ok(match checked {
            Ok(Ok(checked)) => checked,
            Ok(Err(trap)) => Err(too_large(failure::from_trap(&trap, instance.fault()))),
            Err(_) => Err(too_large(failure::timeout())),
        })
    }

    /// Runs a program once, in an instance of its own, until it ends or `cancelled` does.
    ///
    /// # Errors
    /// Only the host's own; whatever the program does is an outcome.
    pub async fn invoke(
        &self,
        program: &Program,
        trigger: &Trigger,
        platform: P,
        limits: &Limits,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Run<P>, HostError> {
        // Dropped last: a slot is free once its instance is gone.
        let _permit = self.admit()?;
        let mut instance = Instance::fresh(&self.engine, &self.guest, platform, limits.memory).await?;
        let loaded = match tokio::time::timeout(LOAD_TIME, instance.load(program, LOAD_FUEL)).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(diagnostic))) => Err(unloadable(diagnostic)),
            Ok(Err(trap)) => Err(failure::from_trap(&trap, instance.fault())),
            Err(_) => Err(failure::timeout()),
        };
        let started = Instant::now();
        let (outcome, fuel) = match loaded {
            Err(failure) => (Outcome::Failure(failure), 0),
            Ok(()) => {
                let invoked = tokio::select! {
                    invoked = instance.invoke(trigger, limits) => Ok(invoked),
                    () = tokio::time::sleep(limits.wall_time) => Err(failure::timeout()),
                    () = cancelled => Err(failure::cancelled()),
                };
                let outcome = match invoked {
                    Ok(Ok(outcome)) => outcome,
                    Ok(Err(trap)) => Outcome::Failure(failure::from_trap(&trap, instance.fault())),
                    Err(failure) => Outcome::Failure(failure),
                };
                (outcome, limits.fuel.saturating_sub(instance.fuel_left()))
            }
        };
        let duration = started.elapsed();
        let memory_bytes = instance.memory_bytes() as u64;
        let State { platform, running, .. } = instance.finish();
        let calls = running.map_or_else(Vec::new, |running| running.calls);
        Ok(Run { outcome: bounded(outcome, limits), fuel, memory_bytes, duration, calls, platform })
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, HostError> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| HostError::Overloaded)
    }
}

/// A program that compiled when it was uploaded does so again, unless the guest has changed since.
fn unloadable(diagnostic: Diagnostic) -> Failure {
    let Diagnostic { message, position } = diagnostic;
    Failure { code: FailureCode::Error, message, status: None, position }
}

fn too_large(failure: Failure) -> Diagnostic {
    Diagnostic { message: format!("the script is too large to compile: {}", failure.message), position: None }
}

/// What the guest has told its script already, kept here whatever the guest does.
fn bounded(outcome: Outcome, limits: &Limits) -> Outcome {
    let (length, headers_fit) = match outcome {
        Outcome::Failure(mut failure) => {
            cut(&mut failure.message, MESSAGE_BYTES);
            return Outcome::Failure(failure);
        }
        Outcome::Response(ref response) => (response.body.len(), headers_fit(&response.headers)),
        Outcome::Value(ref value) => (value.len(), true),
    };
    if length > limits.response_body {
        let limit = limits.response_body;
        return Outcome::Failure(failure::response_too_large(&format!(
            "the response has {length} bytes of at most {limit}"
        )));
    }
    if !headers_fit {
        return Outcome::Failure(failure::response_too_large("the response's headers are larger than their limit"));
    }
    outcome
}
