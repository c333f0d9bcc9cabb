//! What an invocation left, as those see it who ask for it: its HTTP status, its word, its error, its cost. The one
//! mapping, for the ingress as well as for manual runs.

use crate::{
    api::{Call, Diagnostic},
    executor::{Fault, Report},
    names::ScriptName,
};
use picloud_abi::invocation::{Failure, FailureCode, Outcome, Position};
use std::{borrow::Cow, time::Duration};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// The word of an outcome that is no failure.
pub const OK: &str = "ok";

/// The HTTP status that is answered, or would be: the response's, 200 for a value, the thrown one, 504 for a timeout,
/// and 500 for any other failure. A status that is no final answer (below 200 or above 599) counts as 500.
pub fn status(outcome: &Outcome) -> u16 {
    let status = match outcome {
        Outcome::Response(response) => response.status,
        Outcome::Value(_) => 200,
        Outcome::Failure(failure) => match failure.code {
            FailureCode::Thrown => failure.status.unwrap_or(500),
            FailureCode::Timeout => 504,
            // What nginx logs for a client that has gone: there is no standard status, as nobody reads it.
            FailureCode::Cancelled => 499,
            FailureCode::Error
            | FailureCode::OutOfFuel
            | FailureCode::OutOfMemory
            | FailureCode::TooDeep
            | FailureCode::ResponseTooLarge
            | FailureCode::Quota
            | FailureCode::TooLarge
            | FailureCode::QueueFull
            | FailureCode::StorageFull
            | FailureCode::Crashed => 500,
        },
    };
    if (200..=599).contains(&status) { status } else { 500 }
}

/// Every word that there is.
pub const WORDS: [&str; 14] = [
    OK,
    "thrown",
    "error",
    "out_of_fuel",
    "out_of_memory",
    "too_deep",
    "timeout",
    "response_too_large",
    "quota",
    "too_large",
    "queue_full",
    "storage_full",
    "cancelled",
    "crashed",
];

/// One of [`WORDS`] in the API's document, where fields hold it as a text.
#[derive(Debug)]
pub struct Word;

impl PartialSchema for Word {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(WORDS));
        text.description(Some("How an invocation ended: `ok`, or the code of what went wrong.")).into()
    }
}

impl ToSchema for Word {
    fn name() -> Cow<'static, str> {
        "Outcome".into()
    }
}

/// Where an outcome's word stands among [`WORDS`].
pub fn place_in_words(outcome: &Outcome) -> usize {
    let word = word(outcome);
    // A word that is missing there would be a defect, and counts as the last.
    WORDS.iter().position(|one| *one == word).unwrap_or(WORDS.len() - 1)
}

/// [`OK`], or the failure's code, such as `out_of_fuel`.
pub fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Response(_) | Outcome::Value(_) => OK,
        Outcome::Failure(failure) => match failure.code {
            FailureCode::Thrown => "thrown",
            FailureCode::Error => "error",
            FailureCode::OutOfFuel => "out_of_fuel",
            FailureCode::OutOfMemory => "out_of_memory",
            FailureCode::TooDeep => "too_deep",
            FailureCode::Timeout => "timeout",
            FailureCode::ResponseTooLarge => "response_too_large",
            FailureCode::Quota => "quota",
            FailureCode::TooLarge => "too_large",
            FailureCode::QueueFull => "queue_full",
            FailureCode::StorageFull => "storage_full",
            FailureCode::Cancelled => "cancelled",
            FailureCode::Crashed => "crashed",
        },
    }
}

/// What went wrong and where, if anything did.
pub fn error(outcome: &Outcome) -> Option<Diagnostic> {
    match outcome {
        Outcome::Response(_) | Outcome::Value(_) => None,
        Outcome::Failure(failure) => Some(failure.clone().into()),
    }
}

/// The place of an error, to be put behind its message.
pub fn place(error: &Diagnostic) -> String {
    match (&error.script, error.line.zip(error.column)) {
        (Some(script), Some((line, column))) => format!(" ({script}:{line}:{column})"),
        (Some(script), None) => format!(" ({script})"),
        (None, Some((line, column))) => format!(" (line {line}, column {column})"),
        (None, None) => String::new(),
    }
}

impl From<Failure> for Diagnostic {
    fn from(Failure { message, script, position, .. }: Failure) -> Self {
        diagnostic(message, script.and_then(|name| name.parse().ok()), position)
    }
}

impl From<Fault> for Diagnostic {
    fn from(Fault { source, script, message, position }: Fault) -> Self {
        diagnostic(message, Some(script).filter(|script| *script != source), position)
    }
}

fn diagnostic(message: String, script: Option<ScriptName>, position: Option<Position>) -> Diagnostic {
    Diagnostic { message, script, line: position.map(|at| at.line), column: position.map(|at| at.column) }
}

/// The calls to the platform, as stored and sent.
pub fn calls(report: &Report) -> Vec<Call> {
    let call = |call: &crate::executor::Call| Call {
        name: call.name.to_owned(),
        start_us: micros(call.start),
        duration_us: micros(call.duration),
    };
    report.calls.iter().map(call).collect()
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::invocation::Response;

    fn failure(code: FailureCode, status: Option<u16>) -> Outcome {
        let position = Some(Position { line: 3, column: 7 });
        Outcome::Failure(Failure { code, message: "no".into(), status, script: Some("lib/a".into()), position })
    }

    fn response(status: u16) -> Outcome {
        Outcome::Response(Response { status, headers: Vec::new(), body: Vec::new().into() })
    }

    #[test]
    fn answers_keep_their_status() {
        assert_eq!((status(&response(302)), word(&response(302))), (302, "ok"));
        assert_eq!((status(&Outcome::Value("1".into())), word(&Outcome::Value("1".into()))), (200, "ok"));
        assert_eq!(error(&response(500)), None);
    }

    #[test]
    fn failures_have_their_own() {
        assert_eq!(status(&failure(FailureCode::Thrown, Some(404))), 404);
        assert_eq!(status(&failure(FailureCode::Thrown, None)), 500);
        assert_eq!(status(&failure(FailureCode::Timeout, None)), 504);
        assert_eq!(status(&failure(FailureCode::OutOfFuel, Some(404))), 500);
        assert_eq!(word(&failure(FailureCode::OutOfFuel, None)), "out_of_fuel");
        let told = error(&failure(FailureCode::Error, None)).unwrap();
        assert_eq!((told.message.as_str(), told.line, told.column), ("no", Some(3), Some(7)));
        assert_eq!(told.script, Some("lib/a".parse().unwrap()));
    }

    #[test]
    fn calls_are_told_in_microseconds() {
        let report = Report {
            outcome: failure(FailureCode::Quota, None),
            fuel: 12,
            memory_bytes: 0,
            duration: Duration::from_millis(2),
            logs: Vec::new(),
            logs_dropped: 5,
            calls: vec![crate::executor::Call {
                name: "kv.get",
                start: Duration::from_micros(3),
                duration: Duration::from_micros(4),
            }],
            called: Vec::new(),
        };
        assert_eq!(calls(&report), [Call { name: "kv.get".into(), start_us: 3, duration_us: 4 }]);
    }

    #[test]
    fn every_word_has_its_place() {
        let codes = [
            FailureCode::Thrown,
            FailureCode::Error,
            FailureCode::OutOfFuel,
            FailureCode::OutOfMemory,
            FailureCode::TooDeep,
            FailureCode::Timeout,
            FailureCode::ResponseTooLarge,
            FailureCode::Quota,
            FailureCode::TooLarge,
            FailureCode::QueueFull,
            FailureCode::StorageFull,
            FailureCode::Cancelled,
            FailureCode::Crashed,
        ];
        let outcomes = std::iter::once(response(200)).chain(codes.map(|code| failure(code, None)));
        let places: Vec<_> = outcomes.map(|outcome| (place_in_words(&outcome), word(&outcome))).collect();
        assert_eq!(places, WORDS.into_iter().enumerate().collect::<Vec<_>>());
    }

    #[test]
    fn a_status_that_is_no_answer_is_500() {
        for bad in [0, 99, 101, 600, u16::MAX] {
            assert_eq!(status(&response(bad)), 500);
            assert_eq!(status(&failure(FailureCode::Thrown, Some(bad))), 500);
        }
    }
}
