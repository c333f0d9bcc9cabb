//! The one seam: every request of a script to the platform passes here, is counted, timed, and answered.

use crate::{
    exports::bytes_at,
    fuel::{self, Fuel},
    limiter::MemoryLimiter,
};
use picloud_abi::{
    Packed, files, kv,
    seam::{Answer, Refusal, RefusalCode, Request},
    secrets, topics, vars,
};
use picloud_shared::{
    executor::{Call, Report},
    limits::Limits,
};
use std::{
    mem,
    time::{Duration, Instant},
};
use wasmtime::{Caller, Linker, Memory, format_err};

/// What a script's requests mean. One value serves one invocation.
pub trait Platform: Send + 'static {
    /// Answers one request. `fault` never arrives here.
    fn call(&mut self, request: Request) -> impl Future<Output = Answer> + Send;
}

/// What the host keeps beside an instance.
pub(crate) struct State<P> {
    pub(crate) limiter: MemoryLimiter,
    /// The guest's, once it is instantiated.
    pub(crate) memory: Option<Memory>,
    /// What the guest may burn, likewise.
    pub(crate) fuel: Option<Fuel>,
    pub(crate) running: Option<Running<P>>,
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
    kv: Allowance,
    topics: Allowance,
    http: Allowance,
    files: Allowance,
    settings: Allowance,
}

/// What variables and secrets are counted as, together.
const SETTINGS: &str = "read variables and secrets";

/// Calls of one capability.
struct Allowance {
    left: u32,
    limit: u32,
}

impl Allowance {
    const fn of(limit: u32) -> Self {
        Self { left: limit, limit }
    }

    /// Counts so many more; `what` ends the sentence that says how many there may be.
    fn take(&mut self, calls: u32, what: &str) -> Result<(), Answer> {
        let refusal = || refused(RefusalCode::Quota, &format!("an invocation may {what} {} times", self.limit));
        self.left = self.left.checked_sub(calls).ok_or_else(refusal)?;
        Ok(())
    }
}

impl<P> State<P> {
    pub(crate) fn new(limiter: MemoryLimiter) -> Self {
        Self { limiter, memory: None, fuel: None, running: None, fault: None }
    }
}

impl<P> Running<P> {
    pub(crate) fn new(platform: P, limits: &Limits) -> Self {
        Self {
            platform,
            started: Instant::now(),
            wall_time: limits.wall_time,
            calls: Vec::new(),
            waiting: Vec::new(),
            kv: Allowance::of(limits.kv_calls),
            topics: Allowance::of(limits.topic_calls),
            http: Allowance::of(limits.http_calls),
            files: Allowance::of(limits.file_calls),
            settings: Allowance::of(limits.setting_calls),
        }
    }

    fn is_late(&self) -> bool {
        self.started.elapsed() >= self.wall_time
    }
}

/// Longest request that is read from a guest: a file of the largest size, and room.
const REQUEST_BYTES: u32 = (10 << 20) + (64 << 10);

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
    if ended? {
        fuel::let_others_run().await;
    }
    // A script whose time is over is ended by the guest as one without fuel is: there its line is known.
    if caller.data().running.as_ref().is_some_and(Running::is_late) {
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
            let request = picloud_abi::decode(bytes_at(&memory, &*caller, request)?)?;
            picloud_abi::encode(&answer(caller.data_mut(), request).await)
        }
        _ => {
            let message = format!("a call takes at most {REQUEST_BYTES} bytes");
            picloud_abi::encode(&refused(RefusalCode::TooLarge, &message))
        }
    };
    let len = u32::try_from(answer.len())?;
    if len <= room.len {
        memory.write(caller, room.ptr as usize, &answer)?;
    } else if let Some(running) = &mut caller.data_mut().running {
        running.waiting = answer;
    }
    Ok(len)
}

async fn answer<P: Platform>(state: &mut State<P>, request: Request) -> Answer {
    match (request, &mut state.running) {
        (Request::Fault(message), _) => {
            state.fault = Some(message);
            Answer::Done
        }
        (_, None) => refused(RefusalCode::Loading, "nothing of the platform can be called while a script is loaded"),
        (request, Some(running)) => match running.admit(&request) {
            Err(refusal) => refusal,
            Ok(None) => running.platform.call(request).await,
            Ok(Some(name)) => {
                let start = running.started.elapsed();
                let answer = running.platform.call(request).await;
                if running.calls.len() < Report::MAX_CALLS {
                    running.calls.push(Call { name, start, duration: running.started.elapsed() - start });
                }
                answer
            }
        },
    }
}

impl<P> Running<P> {
    /// Counts a request, and says under which name it is timed: log lines, time and randomness never wait.
    fn admit(&mut self, request: &Request) -> Result<Option<&'static str>, Answer> {
        match request {
            Request::Kv(request) => {
                self.kv.take(kv_calls(request), "call the key-value store")?;
                Ok(Some(match request {
                    kv::Request::Get(_) => "kv.get",
                    kv::Request::Set(_) => "kv.set",
                    kv::Request::Delete(_) => "kv.delete",
                    kv::Request::Incr(_) => "kv.incr",
                    kv::Request::CompareAndSet(_) => "kv.compare_and_set",
                    kv::Request::List(_) => "kv.list",
                    kv::Request::Ttl(_) => "kv.ttl",
                    kv::Request::Expire(_) => "kv.expire",
                    kv::Request::GetMany(_) => "kv.get_many",
                    kv::Request::SetMany(_) => "kv.set_many",
                    kv::Request::Entries(_) => "kv.entries",
                }))
            }
            Request::Topics(topics::Request::Publish(_)) => {
                self.topics.take(1, "publish")?;
                Ok(Some("topics.publish"))
            }
            Request::Http(request) => {
                self.http.take(1, "send HTTP requests")?;
                Ok(Some(match request.method.as_str() {
                    "GET" => "http.get",
                    "HEAD" => "http.head",
                    "POST" => "http.post",
                    "PUT" => "http.put",
                    "PATCH" => "http.patch",
                    "DELETE" => "http.delete",
                    _ => "http.request",
                }))
            }
            Request::Files(request) => {
                self.files.take(1, "call about files")?;
                Ok(Some(match request {
                    files::Request::Read(_) => "files.read",
                    files::Request::Write(_) => "files.write",
                    files::Request::Delete(_) => "files.delete",
                    files::Request::List(_) => "files.list",
                    files::Request::Info(_) => "files.info",
                }))
            }
            Request::Vars(vars::Request::Get(_)) => {
                self.settings.take(1, SETTINGS)?;
                Ok(Some("vars.get"))
            }
            Request::Secrets(secrets::Request::Get(_)) => {
                self.settings.take(1, SETTINGS)?;
                Ok(Some("secrets.get"))
            }
            Request::Log(_) | Request::Clock | Request::Random(_) | Request::Fault(_) => Ok(None),
        }
    }
}

/// As how many calls a request counts: one that names many keys saves their round trips, not the work.
fn kv_calls(request: &kv::Request) -> u32 {
    let keys = match request {
        kv::Request::GetMany(keys) => keys.len(),
        kv::Request::SetMany(many) => many.entries.len(),
        _ => 1,
    };
    u32::try_from(keys.max(1)).unwrap_or(u32::MAX)
}

fn refused(code: RefusalCode, message: &str) -> Answer {
    Answer::Refused(Refusal { code, message: message.to_owned() })
}
