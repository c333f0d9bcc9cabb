//! The one seam: every request of a script to the platform passes here, is counted, timed, and answered.

use crate::{
    allowances::Allowances,
    exports::bytes_at,
    fuel::{self, Fuel},
    limiter::MemoryLimiter,
    thin::{PATIENCE, Thinning},
    watch::Pages,
};
use picloud_abi::{
    Packed,
    bounds::cut,
    scripts,
    seam::{Answer, Refusal, RefusalCode, Request},
};
use picloud_shared::{
    executor::{Call, Report},
    limits::{FILE_BYTES, Limits},
};
use std::{
    future::pending,
    mem,
    ops::Range,
    pin::{Pin, pin},
    sync::Arc,
    time::{Duration, Instant},
};
use wasmtime::{AsContextMut, Caller, Linker, Memory, format_err};

/// Longest text of a panic that is kept: it may hold what the script says.
const FAULT_BYTES: usize = 500;

/// What a script's requests mean. One value serves one invocation.
pub trait Platform: Send + 'static {
    /// Answers one request. `fault` and `scripts` never arrive here.
    fn call(&mut self, request: Request) -> impl Future<Output = Answer> + Send;

    /// Runs another script at this invocation's expense, within what is left to it; refused where there are no others.
    fn invoke(&mut self, call: scripts::Call, left: Left) -> impl Future<Output = Invoked> + Send {
        let message = format!("there is no script {}", call.script);
        let refusal = Refusal { code: RefusalCode::NoSuchScript, message };
        async { Invoked::refused(left.allowances, refusal) }
    }
}

/// What an invocation may still spend on a script that it calls.
#[derive(Debug)]
pub struct Left {
    /// Fuel.
    pub fuel: u64,
    /// Wall time.
    pub time: Duration,
    /// Calls to the platform.
    pub allowances: Allowances,
}

/// What became of a script that was called.
#[derive(Debug)]
pub struct Invoked {
    /// What it burnt, which is its caller's to pay.
    pub fuel: u64,
    /// What it has left of its caller's calls.
    pub allowances: Allowances,
    /// What its caller is told; nothing where it was ended by what ends its caller as well.
    pub answer: Option<Answer>,
}

impl Invoked {
    /// Nothing ran.
    pub const fn refused(allowances: Allowances, refusal: Refusal) -> Self {
        Self { fuel: 0, allowances, answer: Some(Answer::Refused(refusal)) }
    }
}

/// Fuel that stays with a caller, of a little a quarter: as much as it takes to tell its line if the other burns all.
const CALLERS_FUEL: u64 = 100_000;
/// What a random byte costs: drawn and copied it takes 2.6 ns, in which a loop of the guest burns about that.
const RANDOM_BYTE_FUEL: u64 = 30;
/// Wall time that stays with a caller, so that the other's end is seen, and recorded, before its own.
const CALLERS_TIME: Duration = Duration::from_millis(5);

/// What the host keeps beside an instance.
pub(crate) struct State<P> {
    pub(crate) limiter: MemoryLimiter,
    /// The guest's, once it is instantiated.
    pub(crate) memory: Option<Memory>,
    /// What the guest may burn, likewise.
    pub(crate) fuel: Option<Fuel>,
    pub(crate) running: Option<Running<P>>,
    /// Where its memory is watched, what has to know before the host writes to it.
    pub(crate) watched: Option<Arc<Pages>>,
    /// What has it give back memory while it waits for long.
    pub(crate) thinning: Option<Thinning>,
    /// What the guest said before it trapped.
    pub(crate) fault: Option<String>,
}

/// What is counted from the start of `invoke`. While a program is loaded there is none, and nothing may be called.
pub(crate) struct Running<P> {
    pub(crate) platform: P,
    pub(crate) started: Instant,
    wall_time: Duration,
    pub(crate) calls: Vec<Call>,
    /// An answer for which the guest had no room, until it has made some.
    waiting: Vec<u8>,
    pub(crate) allowances: Allowances,
}

impl<P> State<P> {
    pub(crate) fn new(limiter: MemoryLimiter, thinning: Option<Thinning>) -> Self {
        Self { limiter, memory: None, fuel: None, running: None, watched: None, thinning, fault: None }
    }
}

impl<P> Running<P> {
    /// `started` is what its wall time counts from.
    pub(crate) fn new(platform: P, started: Instant, limits: &Limits, allowances: Allowances) -> Self {
        Self { platform, started, wall_time: limits.wall_time, calls: Vec::new(), waiting: Vec::new(), allowances }
    }

    fn timed(&mut self, name: &'static str, start: Duration) {
        if self.calls.len() < Report::MAX_CALLS {
            self.calls.push(Call { name, start, duration: self.started.elapsed() - start });
        }
    }

    fn is_late(&self) -> bool {
        self.started.elapsed() >= self.wall_time
    }
}

/// Longest request that is read from a guest: a file of the largest size, and room.
const REQUEST_BYTES: u32 = FILE_BYTES as u32 + (64 << 10);

/// Gives the guest its two imports.
pub(crate) fn link<P: Platform>(linker: &mut Linker<State<P>>) -> wasmtime::Result<()> {
    linker.func_wrap_async(
        "picloud",
        "call",
        |mut caller: Caller<'_, State<P>>, (ptr, len, answer, room): (u32, u32, u32, u32)| {
            Box::new(async move { call(&mut caller, Packed { ptr, len }, Packed { ptr: answer, len: room }).await })
        },
    )?;
    linker.func_wrap_async("picloud", "fuel", |mut caller: Caller<'_, State<P>>, (): ()| {
        Box::new(async move { fuel_left(&mut caller).await })
    })?;
    Ok(())
}

/// What the guest may still burn. It asks because it wants to know, or because it has come to the end of a slice.
async fn fuel_left<P: Platform>(caller: &mut Caller<'_, State<P>>) -> wasmtime::Result<u64> {
    let mut fuel = caller.data().fuel.ok_or_else(|| format_err!("fuel before instantiation was done"))?;
    let ended = fuel.next_slice(&mut *caller);
    caller.data_mut().fuel = Some(fuel);
    let is_late = |caller: &Caller<'_, State<P>>| caller.data().running.as_ref().is_some_and(Running::is_late);
    if ended? && !is_late(caller) {
        fuel::let_others_run().await;
    }
    // A script whose time is over is ended by the guest as one without fuel is: there its line is known.
    if is_late(caller) {
        return Ok(0);
    }
    Ok(fuel.left(caller))
}

/// Writes the answer to a request into `room`; one that is longer waits for a call without a request. Gives its length.
async fn call<P: Platform>(caller: &mut Caller<'_, State<P>>, request: Packed, room: Packed) -> wasmtime::Result<u32> {
    let memory = caller.data().memory.ok_or_else(|| format_err!("a call before instantiation was done"))?;
    let answer = match request.len {
        0 => caller.data_mut().running.as_mut().map(|running| mem::take(&mut running.waiting)).unwrap_or_default(),
        1..=REQUEST_BYTES => {
            let answer = match picloud_abi::decode(bytes_at(&memory, &*caller, request)?)? {
                Request::Scripts(request) => invoke(caller, &memory, request).await?,
                request => {
                    // Of the others none waits for anybody but the database.
                    let thin = if matches!(request, Request::Http(_)) { Thin::of(caller, &memory) } else { None };
                    let answer = answer(caller.data_mut(), request, thin).await;
                    if let Answer::Random(bytes) = &answer {
                        pay_for(caller, bytes.len())?;
                    }
                    answer
                }
            };
            picloud_abi::encode(&answer)
        }
        _ => {
            let message = format!("a call takes at most {REQUEST_BYTES} bytes");
            picloud_abi::encode(&refused(RefusalCode::TooLarge, &message))
        }
    };
    let len = u32::try_from(answer.len())?;
    if len <= room.len {
        write(&memory, caller, Packed { len, ..room }, &answer)?;
    } else if let Some(running) = &mut caller.data_mut().running {
        running.waiting = answer;
    }
    Ok(len)
}

/// Writes what the guest is told to its memory.
pub(crate) fn write<P: 'static>(
    memory: &Memory,
    mut store: impl AsContextMut<Data = State<P>>,
    place: Packed,
    bytes: &[u8],
) -> wasmtime::Result<()> {
    let start = place.ptr as usize;
    let mut store = store.as_context_mut();
    if let Some(pages) = &store.data().watched {
        pages.allow(start..start.saturating_add(bytes.len()));
    }
    Ok(memory.write(&mut store, start, bytes)?)
}

/// How an instance gives back what it does not need while it waits.
struct Thin {
    /// The addresses of its memory, which nobody writes to before the call is answered.
    memory: Range<usize>,
    thinning: Thinning,
}

impl Thin {
    fn of<P: 'static>(caller: &Caller<'_, State<P>>, memory: &Memory) -> Option<Self> {
        let start = memory.data_ptr(caller).expose_provenance();
        let memory = start..start + memory.data_size(caller);
        caller.data().thinning.clone().map(|thinning| Self { memory, thinning })
    }
}

/// Has an instance give back what it can, once, if a call of it takes long.
async fn while_thin<T>(thin: Option<Thin>, mut call: Pin<&mut impl Future<Output = T>>) -> T {
    let Some(Thin { memory, thinning }) = thin else { return call.await };
    tokio::select! {
        biased;
        answer = &mut call => return answer,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    if let Err(error) = thinning.thin_memory(memory).and_then(|()| thinning.thin_stack()) {
        tracing::debug!(%error, "an invocation that waits keeps all of its memory");
    }
    call.await
}

async fn answer<P: Platform>(state: &mut State<P>, request: Request, thin: Option<Thin>) -> Answer {
    match (request, &mut state.running) {
        (Request::Fault(mut message), _) => {
            cut(&mut message, FAULT_BYTES);
            state.fault = Some(message);
            Answer::Done
        }
        (_, None) => while_loading(),
        (request, Some(running)) => match running.allowances.admit(&request) {
            Err(refusal) => refusal,
            Ok(None) => running.platform.call(request).await,
            Ok(Some(name)) => {
                let start = running.started.elapsed();
                let answer = while_thin(thin, pin!(running.platform.call(request))).await;
                running.timed(name, start);
                answer
            }
        },
    }
}

/// Has another script run, and takes what it burnt from what this one may burn, to the unit.
async fn invoke<P: Platform>(
    caller: &mut Caller<'_, State<P>>,
    memory: &Memory,
    request: scripts::Request,
) -> wasmtime::Result<Answer> {
    let mut fuel = caller.data().fuel.ok_or_else(|| format_err!("a call before instantiation was done"))?;
    let fuel_left = fuel.left(&mut *caller);
    let thin = Thin::of(caller, memory);
    let Some(running) = &mut caller.data_mut().running else { return Ok(while_loading()) };
    if let Err(refusal) = running.allowances.admit_script() {
        return Ok(refusal);
    }
    let start = running.started.elapsed();
    let left = Left {
        fuel: without_reserve(fuel_left),
        time: running.wall_time.saturating_sub(start + CALLERS_TIME),
        allowances: running.allowances.clone(),
    };
    let scripts::Request::Invoke(call) = request;
    let invoked = while_thin(thin, pin!(running.platform.invoke(call, left))).await;
    running.allowances = invoked.allowances;
    running.timed("scripts.invoke", start);
    fuel.spend(&mut *caller, invoked.fuel)?;
    caller.data_mut().fuel = Some(fuel);
    match invoked.answer {
        Some(answer) => Ok(answer),
        // Whoever waits for this future is about to end it.
        None => pending().await,
    }
}

/// Takes what it costs to draw so many random bytes from what a script may burn.
fn pay_for<P: Platform>(caller: &mut Caller<'_, State<P>>, random_bytes: usize) -> wasmtime::Result<()> {
    let mut fuel = caller.data().fuel.ok_or_else(|| format_err!("a call before instantiation was done"))?;
    let most = without_reserve(fuel.left(&mut *caller));
    fuel.spend(&mut *caller, most.min(random_bytes as u64 * RANDOM_BYTE_FUEL))?;
    caller.data_mut().fuel = Some(fuel);
    Ok(())
}

/// What may be burnt elsewhere at a script's expense.
fn without_reserve(left: u64) -> u64 {
    left - CALLERS_FUEL.min(left / 4)
}

fn while_loading() -> Answer {
    refused(RefusalCode::Loading, "nothing of the platform can be called while a script is loaded")
}

fn refused(code: RefusalCode, message: &str) -> Answer {
    Answer::Refused(Refusal { code, message: message.to_owned() })
}
