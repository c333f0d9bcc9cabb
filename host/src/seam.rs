//! The one seam: every request of a script to the platform passes here, is counted, timed, and answered.

use crate::{exports::Exports, limiter::MemoryLimiter};
use picloud_abi::{
    Packed, kv,
    seam::{Answer, Refusal, RefusalCode, Request},
};
use picloud_shared::{
    executor::{Call, Report},
    limits::Limits,
};
use std::time::Instant;
use wasmtime::{Caller, Linker, format_err};

/// What a script's requests mean. One value serves one invocation.
pub trait Platform: Send + 'static {
    /// Answers one request. `fault` never arrives here.
    fn call(&mut self, request: Request) -> impl Future<Output = Answer> + Send;
}

/// What the host keeps beside an instance.
pub(crate) struct State<P> {
    pub(crate) platform: P,
    pub(crate) limiter: MemoryLimiter,
    pub(crate) exports: Option<Exports>,
    pub(crate) running: Option<Running>,
    /// What the guest said before it trapped.
    pub(crate) fault: Option<String>,
}

/// What is counted from the start of `invoke`. While a program is loaded there is none, and nothing may be called.
pub(crate) struct Running {
    pub(crate) started: Instant,
    pub(crate) calls: Vec<Call>,
    kv_left: u32,
    kv_limit: u32,
}

impl Running {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { started: Instant::now(), calls: Vec::new(), kv_left: limits.kv_calls, kv_limit: limits.kv_calls }
    }
}

/// Longest request that is read from a guest: two values of the largest size, their key, and room.
const REQUEST_BYTES: u32 = 1 << 20;

/// Gives the guest its two imports.
pub(crate) fn link<P: Platform>(linker: &mut Linker<State<P>>) -> wasmtime::Result<()> {
    linker.func_wrap_async("picloud", "call", |mut caller: Caller<'_, State<P>>, (ptr, len): (u32, u32)| {
        Box::new(async move { call(&mut caller, Packed { ptr, len }).await })
    })?;
    linker.func_wrap("picloud", "fuel", |caller: Caller<'_, State<P>>| -> wasmtime::Result<i64> {
        Ok(i64::try_from(caller.get_fuel()?).unwrap_or(i64::MAX))
    })?;
    Ok(())
}

async fn call<P: Platform>(caller: &mut Caller<'_, State<P>>, place: Packed) -> wasmtime::Result<u64> {
    let exports = caller.data().exports.clone().ok_or_else(|| format_err!("a call before instantiation was done"))?;
    if place.len > REQUEST_BYTES {
        let refusal = refused(RefusalCode::TooLarge, &format!("a call takes at most {REQUEST_BYTES} bytes"));
        return Ok(exports.give(caller, &picloud_abi::encode(&refusal)).await?.into());
    }
    let request: Request = picloud_abi::decode(exports.bytes(&*caller, place)?)?;
    let state = caller.data_mut();
    let answer = match (request, &mut state.running) {
        (Request::Fault(message), _) => {
            state.fault = Some(message);
            Answer::Done
        }
        (_, None) => refused(RefusalCode::Loading, "nothing of the platform can be called while a script is loaded"),
        (request, Some(running)) => match running.admit(&request) {
            Err(refusal) => refusal,
            Ok(None) => state.platform.call(request).await,
            Ok(Some(name)) => {
                let start = running.started.elapsed();
                let answer = state.platform.call(request).await;
                if running.calls.len() < Report::MAX_CALLS {
                    running.calls.push(Call { name, start, duration: running.started.elapsed() - start });
                }
                answer
            }
        },
    };
    Ok(exports.give(caller, &picloud_abi::encode(&answer)).await?.into())
}

impl Running {
    /// Counts a request, and says under which name it is timed: log lines, time and randomness never wait.
    fn admit(&mut self, request: &Request) -> Result<Option<&'static str>, Answer> {
        let Request::Kv(request) = request else { return Ok(None) };
        let Some(left) = self.kv_left.checked_sub(1) else {
            let message = format!("an invocation may call the key-value store {} times", self.kv_limit);
            return Err(refused(RefusalCode::Quota, &message));
        };
        self.kv_left = left;
        Ok(Some(match request {
            kv::Request::Get(_) => "kv.get",
            kv::Request::Set(_) => "kv.set",
            kv::Request::Delete(_) => "kv.delete",
            kv::Request::Incr(_) => "kv.incr",
            kv::Request::CompareAndSet(_) => "kv.compare_and_set",
            kv::Request::List(_) => "kv.list",
        }))
    }
}

fn refused(code: RefusalCode, message: &str) -> Answer {
    Answer::Refused(Refusal { code, message: message.to_owned() })
}
