//! How many calls of each kind an invocation may still make.

use picloud_abi::{
    files, kv,
    seam::{Answer, Refusal, RefusalCode, Request},
    secrets, topics, vars,
};
use picloud_shared::limits::Limits;

/// The calls that are left to an invocation, and so to the scripts that it calls.
#[derive(Clone, Debug)]
pub struct Allowances {
    kv: Allowance,
    topics: Allowance,
    http: Allowance,
    files: Allowance,
    settings: Allowance,
    scripts: Allowance,
}

/// What variables and secrets are counted as, together.
const SETTINGS: &str = "read variables and secrets";

/// Calls of one capability.
#[derive(Clone, Copy, Debug)]
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
        let refusal = || {
            let message = format!("an invocation may {what} {} times", self.limit);
            Answer::Refused(Refusal { code: RefusalCode::Quota, message })
        };
        self.left = self.left.checked_sub(calls).ok_or_else(refusal)?;
        Ok(())
    }
}

impl Allowances {
    /// All that these limits allow.
    pub const fn of(limits: &Limits) -> Self {
        Self {
            kv: Allowance::of(limits.kv_calls),
            topics: Allowance::of(limits.topic_calls),
            http: Allowance::of(limits.http_calls),
            files: Allowance::of(limits.file_calls),
            settings: Allowance::of(limits.setting_calls),
            scripts: Allowance::of(limits.script_calls),
        }
    }

    /// Counts a request other than a call of a script, and says under which name it is timed: log lines, time and randomness never wait.
    pub(crate) fn admit(&mut self, request: &Request) -> Result<Option<&'static str>, Answer> {
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
            Request::Log(_) | Request::Clock | Request::Random(_) | Request::Scripts(_) | Request::Fault(_) => Ok(None),
        }
    }

    /// Counts a call of another script.
    pub(crate) fn admit_script(&mut self) -> Result<(), Answer> {
        self.scripts.take(1, "call other scripts")
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
