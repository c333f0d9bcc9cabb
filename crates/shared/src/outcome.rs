//! What an invocation's outcome means to those who see it: its HTTP status, its word, its error. The one mapping, for
//! the ingress as well as for manual runs.

use crate::api::Diagnostic;
use picloud_abi::invocation::{FailureCode, Outcome};

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
            FailureCode::Error
            | FailureCode::OutOfFuel
            | FailureCode::OutOfMemory
            | FailureCode::TooDeep
            | FailureCode::ResponseTooLarge
            | FailureCode::Quota
            | FailureCode::TooLarge
            | FailureCode::Crashed => 500,
        },
    };
    if (200..=599).contains(&status) { status } else { 500 }
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
            FailureCode::Crashed => "crashed",
        },
    }
}

/// What went wrong and where, if anything did.
pub fn error(outcome: &Outcome) -> Option<Diagnostic> {
    match outcome {
        Outcome::Response(_) | Outcome::Value(_) => None,
        Outcome::Failure(failure) => Some(Diagnostic {
            message: failure.message.clone(),
            line: failure.position.map(|position| position.line),
            column: failure.position.map(|position| position.column),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::invocation::{Failure, Position, Response};

    fn failure(code: FailureCode, status: Option<u16>) -> Outcome {
        let position = Some(Position { line: 3, column: 7 });
        Outcome::Failure(Failure { code, message: "no".into(), status, position })
    }

    fn response(status: u16) -> Outcome {
        Outcome::Response(Response { status, headers: Vec::new(), body: Vec::new() })
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
    }

    #[test]
    fn a_status_that_is_no_answer_is_500() {
        for bad in [0, 99, 101, 600, u16::MAX] {
            assert_eq!(status(&response(bad)), 500);
            assert_eq!(status(&failure(FailureCode::Thrown, Some(bad))), 500);
        }
    }
}
