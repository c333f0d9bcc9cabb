//! Rhai's errors as failures of the contract.

use crate::{api::Refused, watch::Stop};
use picloud_abi::{
    bounds::{MESSAGE_BYTES, cut},
    invocation::{Diagnostic, Failure, FailureCode, Position},
    seam::RefusalCode,
};
use rhai::{Dynamic, EvalAltResult, Map, ParseError};

/// Statuses that `throw #{status: …}` may ask for: those of HTTP errors.
const THROWN_STATUS: std::ops::RangeInclusive<i64> = 400..=599;

pub fn diagnostic(error: &ParseError) -> Diagnostic {
    Diagnostic { message: error.err_type().to_string(), script: None, position: position(error.position()) }
}

/// `script` is the name of what ran, if what it imports may have failed.
pub fn from_error(error: &EvalAltResult, script: Option<&str>) -> Failure {
    // The innermost error is where it went wrong; the frames around it are how it came there.
    let inner = error.unwrap_inner();
    let script = script.and_then(|name| source(error).filter(|source| *source != name).map(str::to_owned));
    let failure = |code, mut message: String| {
        cut(&mut message, MESSAGE_BYTES);
        Failure { code, message, status: None, script: script.clone(), position: position(inner.position()) }
    };
    match inner {
        EvalAltResult::ErrorTerminated(why, _) => match why.clone().try_cast::<Stop>() {
            Some(Stop::OutOfFuel) => failure(FailureCode::OutOfFuel, "the script used up its fuel".into()),
            Some(Stop::TooDeep) => failure(FailureCode::TooDeep, "calls are nested too deeply".into()),
            None => failure(FailureCode::Error, inner_message(inner)),
        },
        EvalAltResult::ErrorStackOverflow(_) => failure(FailureCode::TooDeep, "calls are nested too deeply".into()),
        EvalAltResult::ErrorRuntime(value, _) => thrown(value, failure),
        _ => failure(FailureCode::Error, inner_message(inner)),
    }
}

fn thrown(value: &Dynamic, failure: impl Fn(FailureCode, String) -> Failure) -> Failure {
    if let Some(refused) = value.read_lock::<Refused>() {
        let code = match refused.0.code {
            RefusalCode::Quota => FailureCode::Quota,
            RefusalCode::TooLarge => FailureCode::TooLarge,
            RefusalCode::QueueFull => FailureCode::QueueFull,
            RefusalCode::StorageFull => FailureCode::StorageFull,
            RefusalCode::Invalid
            | RefusalCode::Loading
            | RefusalCode::Unavailable
            | RefusalCode::RefusedAddress
            | RefusalCode::Timeout
            | RefusalCode::Unreachable
            | RefusalCode::NoSuchScript
            | RefusalCode::ScriptFailed => FailureCode::Error,
        };
        return failure(code, refused.0.message.clone());
    }
    if let Some(map) = value.read_lock::<Map>() {
        let status = map.get("status").and_then(|status| status.as_int().ok());
        let message = map.get("message").map(ToString::to_string);
        return match status {
            Some(status) if THROWN_STATUS.contains(&status) => Failure {
                status: u16::try_from(status).ok(),
                ..failure(FailureCode::Thrown, message.unwrap_or_default())
            },
            _ => failure(FailureCode::Error, message.unwrap_or_else(|| value.to_string())),
        };
    }
    failure(FailureCode::Error, value.to_string())
}

/// The script whose function, or whose call, the innermost error is in; none for what stands outside functions.
fn source(error: &EvalAltResult) -> Option<&str> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, name, inner, _) | EvalAltResult::ErrorInModule(name, inner, _) => {
            source(inner).or_else(|| Some(name.as_str()).filter(|name| !name.is_empty()))
        }
        _ => None,
    }
}

/// The message without the position, which travels apart.
fn inner_message(error: &EvalAltResult) -> String {
    let text = error.to_string();
    let position = error.position();
    if position.is_none() {
        return text;
    }
    text.strip_suffix(&format!(" ({position})")).map_or(text.clone(), str::to_owned)
}

pub fn position(position: rhai::Position) -> Option<Position> {
    let line = u32::try_from(position.line()?).ok()?;
    // Rhai counts columns from 1 and says 0 for the start of a line.
    let column = u32::try_from(position.position().unwrap_or(0)).ok()?.max(1);
    Some(Position { line, column })
}
