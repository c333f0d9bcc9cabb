//! How a trap looks to the caller.

use crate::{
    instance::AnswerTooLong,
    limiter::{MemoryLimitPassed, NodeMemoryTaken},
};
use picloud_abi::invocation::{Failure, FailureCode, Outcome};
use wasmtime::Trap;

/// What `Vec` and `String` say when asked for more than an address can count; as good as out of memory.
const CAPACITY_OVERFLOW: &str = "capacity overflow";

/// Whether the node, not the instance, came to its end.
pub(crate) fn is_overload(error: &wasmtime::Error) -> bool {
    error.downcast_ref::<NodeMemoryTaken>().is_some()
}

/// Maps what ended an instance to a failure. `fault` is what the guest said before it trapped.
pub(crate) fn from_trap(error: &wasmtime::Error, fault: Option<&str>) -> Failure {
    if error.downcast_ref::<MemoryLimitPassed>().is_some() {
        return out_of_memory();
    }
    if error.downcast_ref::<AnswerTooLong>().is_some() {
        return response_too_large("the response is larger than its limit");
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => failure(FailureCode::OutOfFuel, "the script used up its fuel"),
        // The guest's own stack lies at the bottom of its memory: passing its end leaves memory.
        Some(Trap::StackOverflow | Trap::MemoryOutOfBounds) => {
            failure(FailureCode::TooDeep, "calls or values are nested too deeply")
        }
        _ if fault.is_some_and(|fault| fault.ends_with(CAPACITY_OVERFLOW)) => out_of_memory(),
        _ => {
            tracing::error!(%error, fault, "the guest crashed");
            failure(FailureCode::Crashed, "the interpreter failed; this is a defect of PiCloud, not of the script")
        }
    }
}

pub(crate) fn timeout() -> Failure {
    failure(FailureCode::Timeout, "the script ran longer than its limit")
}

/// How a script that was over its time has ended: the guest was told of no fuel, and knows no more.
pub(crate) fn out_of_time(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failure(Failure { code: FailureCode::OutOfFuel, script, position, .. }) => {
            Outcome::Failure(Failure { script, position, ..timeout() })
        }
        outcome => outcome,
    }
}

pub(crate) fn cancelled() -> Failure {
    failure(FailureCode::Cancelled, "the caller went away")
}

pub(crate) fn response_too_large(why: &str) -> Failure {
    failure(FailureCode::ResponseTooLarge, why)
}

pub(crate) fn out_of_memory() -> Failure {
    failure(FailureCode::OutOfMemory, "the script asked for more memory than its limit")
}

fn failure(code: FailureCode, message: &str) -> Failure {
    Failure { code, message: message.to_owned(), status: None, script: None, position: None }
}
