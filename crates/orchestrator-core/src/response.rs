//! An outcome as an HTTP response.

use crate::error::{detail, error_response};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use picloud_abi::{
    http::may_set_header,
    invocation::{self, FailureCode, Outcome},
};
use picloud_shared::{
    api::{Diagnostic, ErrorDetail},
    ids::InvocationId,
    outcome,
};

/// `debug`: the app wants its callers to see what went wrong.
pub(crate) fn from_outcome(id: InvocationId, outcome: Outcome, debug: bool) -> Response {
    let status = StatusCode::from_u16(outcome::status(&outcome)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = outcome::word(&outcome);
    match outcome {
        Outcome::Response(response) => from_script(status, response),
        Outcome::Value(value) => from_script(status, plain(value)),
        Outcome::Failure(failure) => {
            let told = debug || failure.code == FailureCode::Thrown;
            let Diagnostic { message, script, line, column } = failure.into();
            let message = if told { message } else { "the script failed; its log tells why".to_owned() };
            let error = detail(id, code, message);
            error_response(status, if debug { ErrorDetail { script, line, column, ..error } } else { error })
        }
    }
}

fn from_script(status: StatusCode, response: invocation::Response) -> Response {
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let mut answer = Response::new(if bodiless { Body::empty() } else { Body::from(response.body.into_vec()) });
    *answer.status_mut() = status;
    for (name, value) in response.headers {
        // The guest has told the script already; here the rule is kept whatever the guest does.
        if may_set_header(&name, &value).is_err() {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

fn plain(value: String) -> invocation::Response {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    invocation::Response { status: 200, headers, body: value.into_bytes().into() }
}
