//! What scripts can call beyond the language: one file per module. A capability is one file here, one in `wit/` and
//! one in the executor.

mod base64;
mod bytes;
mod crypto;
mod files;
mod global;
mod hex;
mod http;
mod json;
mod kv;
pub mod log;
mod random;
mod regex;
mod scripts;
mod secrets;
mod time;
mod topics;
mod url;
mod uuid;
mod vars;

use crate::{platform, watch};
use picloud_abi::seam::{Answer, Refusal, RefusalCode, Request};
use rhai::{Dynamic, Engine, EvalAltResult, Module, NativeCallContext, Position};

/// The modules: how scripts name them, and what makes them.
pub const MODULES: [(&str, fn() -> Module); 17] = [
    ("base64", || rhai::exported_module!(base64::base64)),
    ("crypto", || rhai::exported_module!(crypto::crypto)),
    ("files", || rhai::exported_module!(files::files)),
    ("hex", || rhai::exported_module!(hex::hex)),
    ("http", || rhai::exported_module!(http::http)),
    ("json", || rhai::exported_module!(json::json)),
    ("kv", || rhai::exported_module!(kv::kv)),
    ("log", || rhai::exported_module!(log::log)),
    ("random", || rhai::exported_module!(random::random)),
    ("regex", || rhai::exported_module!(regex::regex)),
    ("scripts", || rhai::exported_module!(scripts::scripts)),
    ("secrets", || rhai::exported_module!(secrets::secrets)),
    ("time", || rhai::exported_module!(time::time)),
    ("topics", || rhai::exported_module!(topics::topics)),
    ("url", || rhai::exported_module!(url::url)),
    ("uuid", || rhai::exported_module!(uuid::uuid)),
    ("vars", || rhai::exported_module!(vars::vars)),
];

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Refused>("Refused")
        .register_get("code", |refused: &mut Refused| code(refused.0.code))
        .register_get("message", |refused: &mut Refused| refused.0.message.clone())
        .register_fn("to_string", |refused: &mut Refused| refused.0.message.clone());
    http::register(engine);
    engine.register_global_module(rhai::exported_module!(global::global).into());
    for (name, make) in MODULES {
        engine.register_static_module(name, make().into());
    }
}

/// An error of the platform as a script catches it: `err.code`, `err.message`.
#[derive(Clone)]
pub struct Refused(pub Refusal);

fn code(code: RefusalCode) -> &'static str {
    match code {
        RefusalCode::Quota => "quota",
        RefusalCode::TooLarge => "too_large",
        RefusalCode::Invalid => "invalid",
        RefusalCode::Loading => "loading",
        RefusalCode::QueueFull => "queue_full",
        RefusalCode::StorageFull => "storage_full",
        RefusalCode::Unavailable => "unavailable",
        RefusalCode::RefusedAddress => "refused_address",
        RefusalCode::Timeout => "timeout",
        RefusalCode::Unreachable => "unreachable",
        RefusalCode::NoSuchScript => "no_such_script",
        RefusalCode::ScriptFailed => "script_failed",
    }
}

type Result<T> = std::result::Result<T, Box<EvalAltResult>>;

/// Runs the body of a module's function; an error without a place gets that of the call, which Rhai itself does only
/// for functions outside modules.
fn at<T>(context: &NativeCallContext, body: impl FnOnce() -> Result<T>) -> Result<T> {
    body().map_err(|mut error| {
        if error.position().is_none() {
            error.set_position(context.call_position());
        }
        error
    })
}

/// Calls the platform; a refusal is an error that the script can catch.
fn call(request: &Request) -> Result<Answer> {
    let answer = platform::call(request);
    watch::look_soon();
    match answer {
        Answer::Refused(refusal) => Err(refused(refusal)),
        answer => Ok(answer),
    }
}

fn refused(refusal: Refusal) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(Dynamic::from(Refused(refusal)), Position::NONE).into()
}

/// The platform answered something else than was asked.
fn unexpected<T>() -> Result<T> {
    Err(refused(Refusal { code: RefusalCode::Unavailable, message: "the platform gave an unexpected answer".into() }))
}
