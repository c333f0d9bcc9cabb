//! The host as its users see it: load a program, and invoke it any number of times.

use crate::{
    allowances::Allowances,
    compiled,
    engine::{self, Target},
    exports::ExportPlaces,
    failure,
    frugal::Frugality,
    fuel::let_others_run,
    image::Image,
    instance::{Guest, Instance},
    kept::Kept,
    limiter::{MemoryLimiter, NodeMemory},
    pool::Pool,
    seam::{self, Platform, Running},
    thin::Thinning,
    watch::Watch,
};
use picloud_abi::{
    bounds::{MESSAGE_BYTES, cut, headers_fit},
    invocation::{Diagnostic, Failure, ImportStatement, Outcome, Program, Trigger},
};
use picloud_shared::{executor::Call, limits::Limits};
use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Engine, Linker};

/// The pre-initialised guest, as built by `cargo xtask guest`.
const GUEST: &[u8] = include_bytes!("../../guest/prebuilt/guest.wasm");

/// Fuel for compiling one program with all that it imports, half a second or so. Rhai takes time that grows with the square of some counts, such
/// as a literal's keys: sources of ordinary shape need a hundredth of this, one such of 200 KiB more than there is.
const LOAD_FUEL: u64 = 4_000_000_000;
/// Wall time for compiling one program.
const LOAD_TIME: Duration = Duration::from_secs(10);
/// So many invocations at once are a crowd, most of which wait: from then on the memory that each takes counts for more than
/// the time until it begins, as it does where many are kept.
const CROWD: usize = 500;
/// Most bytes of an image.
const IMAGE_BYTES: usize = 8 << 20;

/// How a host is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the compiled guest is kept between starts: a directory that is made with mode 0700 where it is missing.
    pub cache: Option<PathBuf>,
    /// Invocations at once; by what the machine has when absent.
    pub slots: Option<u32>,
    /// What the guest is compiled to.
    pub target: Target,
    /// The largest [`Limits::memory`] that any invocation will ask for, in bytes.
    pub memory: usize,
    /// Whether each invocation gets a new instance, which takes longer, in place of one that was brought back.
    pub new_instances: bool,
}

/// Runs programs, each invocation in an instance that is as new. `P` answers their calls.
pub struct Host<P: 'static> {
    engine: Engine,
    guest: Guest<P>,
    slots: usize,
    permits: Arc<Semaphore>,
    /// Of those, what invocations that others call may have.
    permits_for_called: Arc<Semaphore>,
    memory_bytes: usize,
    node_memory: NodeMemory,
    /// The memory of an instance into which nothing was loaded yet.
    fresh: OnceLock<Box<[u8]>>,
    /// Instances that wait for another invocation, and what watches what they write to; none where each gets a new one.
    kept: Option<(Kept<P>, Watch)>,
    /// None where the kernel cannot.
    frugality: Option<Frugality>,
    /// None where there is no page map.
    thinning: Option<Thinning>,
    runs_kept: AtomicU64,
    runs_new: AtomicU64,
}

/// Why the host could not run something. A script's own failure is an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Every slot is taken, or the memory that instances may grow by, or the machine is too slow for its work.
    #[error("the node does as much as it can")]
    Overloaded,
    /// The engine or the guest is at fault.
    #[error("the engine failed: {0:#}")]
    Engine(wasmtime::Error),
    /// An instance lost count of what it ran; a defect.
    #[error("an instance lost its platform")]
    NotInvoked,
}

impl From<wasmtime::Error> for HostError {
    fn from(error: wasmtime::Error) -> Self {
        if failure::is_overload(&error) { Self::Overloaded } else { Self::Engine(error) }
    }
}

/// What one run left.
#[derive(Debug)]
pub struct Run<P> {
    /// The guest's answer, or the failure that a trap or a limit stands for.
    pub outcome: Outcome,
    /// Fuel burnt since the program began; loading it is not counted.
    pub fuel: u64,
    /// Most bytes of linear memory, the interpreter's own included.
    pub memory_bytes: u64,
    /// Wall time since the program began.
    pub duration: Duration,
    /// Calls to the platform that may wait, in order; only the first hundred.
    pub calls: Vec<Call>,
    /// Calls that it has left.
    pub allowances: Allowances,
    /// What answered the calls, with whatever it gathered.
    pub platform: P,
}

impl<P> Run<P> {
    /// Of a program that may not even begin.
    fn refused(failure: Failure, platform: P, allowances: Allowances) -> Self {
        let (outcome, calls) = (Outcome::Failure(failure), Vec::new());
        Self { outcome, fuel: 0, memory_bytes: 0, duration: Duration::ZERO, calls, allowances, platform }
    }
}

impl<P: Platform> Host<P> {
    /// Compiles the guest, or takes it from the cache, and sets up the pool.
    ///
    /// # Errors
    /// When the machine cannot give the engine what it needs, such as address space.
    pub fn new(settings: &Settings) -> Result<Self, HostError> {
        let pool = Pool::for_this_machine(settings);
        let engine = engine::build(settings.target, &pool)?;
        let module = compiled::module(&engine, GUEST, settings.cache.as_deref())?;
        compiled::make_memory_file(&module)?;
        let mut linker = Linker::new(&engine);
        seam::link(&mut linker)?;
        let guest = Guest { pre: linker.instantiate_pre(&module)?, places: ExportPlaces::of(&module)? };
        let kept = (pool.kept > 0).then(|| (Kept::new(pool.kept as usize), Watch::default()));
        let frugality = Frugality::open()
            .inspect_err(|error| tracing::info!(%error, "what many instances have in common is counted for each"));
        let thinning = Thinning::open()
            .inspect_err(|error| tracing::info!(%error, "invocations that wait keep all of their memory"));
        tracing::info!(slots = pool.slots, kept = pool.kept, target = ?settings.target, "the engine is ready");
        Ok(Self {
            engine,
            guest,
            slots: pool.slots as usize,
            permits: Arc::new(Semaphore::new(pool.slots as usize)),
            permits_for_called: Arc::new(Semaphore::new(pool.slots as usize / 2)),
            memory_bytes: pool.memory_bytes,
            node_memory: NodeMemory::new(pool.growth_bytes),
            fresh: OnceLock::new(),
            kept,
            frugality: frugality.ok(),
            thinning: thinning.ok(),
            runs_kept: AtomicU64::new(0),
            runs_new: AtomicU64::new(0),
        })
    }

    /// Invocations at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Slots that are free now.
    pub fn free_slots(&self) -> usize {
        self.permits.available_permits()
    }

    /// Invocations that found an instance kept for them, and those that got a new one.
    pub fn kept_and_new(&self) -> (u64, u64) {
        (self.runs_kept.load(Ordering::Relaxed), self.runs_new.load(Ordering::Relaxed))
    }

    /// The imports of a source that compiles.
    ///
    /// # Errors
    /// Only the host's own.
    pub async fn imports(&self, source: &str) -> Result<Result<Vec<ImportStatement>, Diagnostic>, HostError> {
        // No other word means it, so that most sources need no look.
        if !source.contains("import") {
            return Ok(Ok(Vec::new()));
        }
        let _permit = self.admit()?;
        let mut instance = self.fresh_instance().await?;
        let found = tokio::time::timeout(LOAD_TIME, instance.imports(source, LOAD_FUEL)).await;
        match found.map_err(|_| HostError::Overloaded)? {
            Ok(found) => Ok(found),
            Err(trap) => Ok(Err(trapped(&trap, instance.fault())?)),
        }
    }

    /// Compiles a program, of which nothing runs but what stands outside functions in what it imports, to an image from
    /// which it can be invoked any number of times.
    ///
    /// # Errors
    /// Only the host's own.
    pub async fn load(&self, program: &Program) -> Result<Result<Image, Diagnostic>, HostError> {
        let _permit = self.admit()?;
        let mut instance = self.fresh_instance().await?;
        let fresh = self.fresh.get_or_init(|| instance.memory().into());
        // What takes so long on an overloaded machine may take less later, so it is no property of the program.
        let loaded = tokio::time::timeout(LOAD_TIME, instance.load(program, LOAD_FUEL)).await;
        let runtime = match loaded.map_err(|_| HostError::Overloaded)? {
            Ok(Ok(runtime)) => runtime,
            Ok(Err(diagnostic)) => return Ok(Err(diagnostic)),
            Err(trap) => return Ok(Err(trapped(&trap, instance.fault())?)),
        };
        let image = instance.image(fresh, runtime).await?;
        if image.size() > IMAGE_BYTES {
            return Ok(Err(too_large(&format!("compiled, it has {} bytes of at most {IMAGE_BYTES}", image.size()))));
        }
        Ok(Ok(image))
    }

    /// Runs a program once, in an instance of its own, until it ends or `cancelled` does.
    ///
    /// # Errors
    /// Only the host's own; whatever the program does is an outcome.
    pub async fn invoke(
        &self,
        image: &Arc<Image>,
        trigger: &Trigger,
        platform: P,
        limits: &Limits,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Run<P>, HostError> {
        // Dropped last: a slot is free once its instance is gone.
        let _permit = self.admit()?;
        self.run(image, trigger, platform, limits, Allowances::of(limits), cancelled).await
    }

    /// The same for a program that another one calls, with what that one has left of its calls. All that are called have
    /// half of the slots together.
    ///
    /// # Errors
    /// Only the host's own; whatever the program does is an outcome.
    pub async fn invoke_within(
        &self,
        image: &Arc<Image>,
        trigger: &Trigger,
        platform: P,
        limits: &Limits,
        allowances: Allowances,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Run<P>, HostError> {
        let _permits = (permit(&self.permits_for_called)?, self.admit()?);
        self.run(image, trigger, platform, limits, allowances, cancelled).await
    }

    /// In a slot that was taken for it.
    async fn run(
        &self,
        image: &Arc<Image>,
        trigger: &Trigger,
        platform: P,
        limits: &Limits,
        allowances: Allowances,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Run<P>, HostError> {
        let started = Instant::now();
        if image.memory_bytes() > limits.memory {
            return Ok(Run::refused(failure::out_of_memory(), platform, allowances));
        }
        let mut instance = self.instance(image).await?;
        let invoked = tokio::select! {
            biased;
            invoked = instance.invoke(image, platform, trigger, started, limits, allowances) => Ok(invoked),
            () = cancelled => Err(failure::cancelled()),
            // No timer is made for one that returns without waiting.
            () = over(started + limits.wall_time) => Err(failure::timeout()),
        };
        let duration = started.elapsed();
        let late = duration >= limits.wall_time;
        let returned = matches!(invoked, Ok(Ok(_))) && !late;
        let outcome = match invoked {
            Ok(Ok(outcome)) => bounded(if late { failure::out_of_time(outcome) } else { outcome }, limits),
            Ok(Err(trap)) if failure::is_overload(&trap) => return Err(HostError::Overloaded),
            Ok(Err(trap)) => Outcome::Failure(failure::from_trap(&trap, instance.fault())),
            Err(failure) => Outcome::Failure(failure),
        };
        let fuel = limits.fuel.saturating_sub(instance.fuel_left());
        let memory_bytes = instance.memory_bytes() as u64;
        let Running { platform, calls, allowances, .. } = instance.take_running().ok_or(HostError::NotInvoked)?;
        if returned {
            self.keep(image, instance);
        }
        Ok(Run { outcome, fuel, memory_bytes, duration, calls, allowances, platform })
    }

    /// An instance that is at this image: one that was kept, or a new one.
    async fn instance(&self, image: &Arc<Image>) -> Result<Instance<P>, HostError> {
        if let Some(instance) = self.kept.as_ref().and_then(|(kept, _)| kept.take(image)) {
            self.runs_kept.fetch_add(1, Ordering::Relaxed);
            return Ok(instance);
        }
        self.runs_new.fetch_add(1, Ordering::Relaxed);
        let mut instance = self.fresh_instance().await?;
        // Where it may stay afterwards.
        let kept = self.kept.as_ref().filter(|_| image.learned.watches_next());
        if let Some(frugality) = &self.frugality
            && (self.slots - self.free_slots() > CROWD || kept.is_some_and(|(kept, _)| kept.are_many()))
        {
            instance.be_frugal(frugality);
        }
        instance.write(image)?;
        if let Some((_, watch)) = kept {
            instance.watch(image, watch);
        }
        Ok(instance)
    }

    async fn fresh_instance(&self) -> wasmtime::Result<Instance<P>> {
        let limiter = MemoryLimiter::new(self.memory_bytes, self.node_memory.clone());
        Instance::fresh(&self.engine, &self.guest, limiter, self.thinning.clone()).await
    }

    /// Brings an instance whose invocation has returned back to its image, and keeps it if that succeeds.
    fn keep(&self, image: &Arc<Image>, mut instance: Instance<P>) {
        if let (Some((kept, _)), Some(fresh)) = (&self.kept, self.fresh.get())
            && instance.restore(image, fresh)
        {
            kept.put(image, instance);
        }
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, HostError> {
        permit(&self.permits)
    }
}

fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, HostError> {
    Arc::clone(permits).try_acquire_owned().map_err(|_| HostError::Overloaded)
}

/// Waits until the time of an invocation is over, and one turn more: in that turn a script that computes sees it by itself, and
/// tells its line.
async fn over(time: Instant) {
    tokio::time::sleep_until(time.into()).await;
    let_others_run().await;
}

/// What a trap says of what was being compiled.
fn trapped(trap: &wasmtime::Error, fault: Option<&str>) -> Result<Diagnostic, HostError> {
    if failure::is_overload(trap) {
        return Err(HostError::Overloaded);
    }
    Ok(too_large(&failure::from_trap(trap, fault).message))
}

fn too_large(why: &str) -> Diagnostic {
    let message = format!("the script is too large to compile: {why}");
    Diagnostic { message, script: None, position: None }
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
