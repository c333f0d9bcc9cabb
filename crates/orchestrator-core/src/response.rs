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
    executor::Report,
    ids::InvocationId,
    outcome,
};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

const FUEL: HeaderName = HeaderName::from_static("x-picloud-fuel");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// What an invocation cost, which only those may know who may know what it works with: exact cost tells of secrets.
#[derive(Debug)]
pub(crate) struct Cost {
    fuel: u64,
    timing: String,
}

impl Cost {
    pub(crate) fn of(report: &Report) -> Self {
        let mut calls: BTreeMap<&str, (u32, Duration)> = BTreeMap::new();
        for call in &report.calls {
            let capability = call.name.split_once('.').map_or(call.name, |(capability, _)| capability);
            let (count, duration) = calls.entry(capability).or_default();
            (*count, *duration) = (*count + 1, *duration + call.duration);
        }
        let mut timing = format!("total;dur={:.3}", millis(report.duration));
        for (capability, (count, duration)) in calls {
            // Writing to a text never fails.
            let _ = write!(timing, ", {capability};dur={:.3};desc=\"calls: {count}\"", millis(duration));
        }
        Self { fuel: report.fuel, timing }
    }

    fn add_to(self, response: &mut Response) {
        response.headers_mut().insert(FUEL, HeaderValue::from(self.fuel));
        if let Ok(timing) = HeaderValue::try_from(self.timing) {
            response.headers_mut().insert(SERVER_TIMING, timing);
        }
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// With a `cost`, whoever asked may also see what went wrong where.
pub(crate) fn from_outcome(id: InvocationId, outcome: Outcome, cost: Option<Cost>) -> Response {
    let mut response = told(id, outcome, cost.is_some());
    if let Some(cost) = cost {
        cost.add_to(&mut response);
    }
    response
}

fn told(id: InvocationId, outcome: Outcome, debug: bool) -> Response {
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

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::invocation::Failure;
    use picloud_shared::executor::Call;

    #[test]
    fn calls_of_one_capability_are_added_up() {
        let ms = Duration::from_millis;
        let call = |name, duration| Call { name, start: ms(0), duration: ms(duration) };
        let failure =
            Failure { code: FailureCode::Error, message: String::new(), status: None, script: None, position: None };
        let calls = vec![call("kv.get", 1), call("http.get", 20), call("kv.set", 2)];
        let report = Report { fuel: 7, duration: ms(30), calls, ..Report::never_begun(failure) };
        let mut response = Response::default();
        Cost::of(&report).add_to(&mut response);
        assert_eq!(response.headers()[FUEL], "7");
        let expected = r#"total;dur=30.000, http;dur=20.000;desc="calls: 1", kv;dur=3.000;desc="calls: 2""#;
        assert_eq!(response.headers()[SERVER_TIMING], expected);
    }
}
