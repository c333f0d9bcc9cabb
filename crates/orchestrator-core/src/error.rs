//! What the ingress itself refuses, in the one error shape.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use picloud_shared::{
    activity::{NotNow, whole_seconds},
    api::{ErrorBody, ErrorDetail},
    bodies::NoRoom as NoRoomForBody,
    ids::InvocationId,
};

/// Why a request did not reach a script.
#[derive(Debug)]
pub(crate) enum Refused {
    InvalidPath(String),
    InvalidHost,
    NotImplemented,
    NoApp,
    /// Also for a stranger to the app, whose route answers members only.
    NoRoute,
    Unauthorized,
    /// The methods that there are, for `Allow`.
    MethodNotAllowed(String),
    BodyTooLarge(usize),
    BodyTooSlow,
    BodyBroken,
    NoRoom(NoRoomForBody),
    AppBusy,
    /// The app has used what it may in this minute; seconds until the next.
    RateLimited(u64),
    Overloaded,
    /// Logged where it happened.
    Internal,
}

/// How long a refused caller should wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl Refused {
    pub(crate) fn into_response(self, id: InvocationId) -> Response {
        use StatusCode as S;
        let (status, code, message) = match &self {
            Self::InvalidPath(why) => (S::BAD_REQUEST, "invalid_path", why.clone()),
            Self::InvalidHost => (S::BAD_REQUEST, "invalid_host", "a request names exactly one host".to_owned()),
            Self::NotImplemented => {
                (S::NOT_IMPLEMENTED, "not_implemented", "scripts answer no requests of this method".to_owned())
            }
            Self::NoApp => (
                S::NOT_FOUND,
                "no_such_app",
                "there is no such app here: an app answers at /{app}/…, at its name below the apps domain, and at domains of its own".to_owned(),
            ),
            Self::NoRoute => (S::NOT_FOUND, "no_such_route", "no script of this app answers at this path".to_owned()),
            Self::Unauthorized => (
                S::UNAUTHORIZED,
                "unauthorized",
                "this needs a valid token of a member of the app: authorization: Bearer pic_…".to_owned(),
            ),
            Self::MethodNotAllowed(allow) => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", format!("this path answers only to {allow}"))
            }
            Self::BodyTooLarge(limit) => {
                (S::PAYLOAD_TOO_LARGE, "body_too_large", format!("a request's body has at most {limit} bytes"))
            }
            Self::BodyTooSlow => (S::REQUEST_TIMEOUT, "body_too_slow", "the request's body took too long".to_owned()),
            Self::BodyBroken => (S::BAD_REQUEST, "body_broken", "the request's body ended early".to_owned()),
            Self::NoRoom(why @ NoRoomForBody::ForSender) => (S::TOO_MANY_REQUESTS, "app_busy", why.to_string()),
            Self::NoRoom(why @ NoRoomForBody::ForAnybody) => (S::SERVICE_UNAVAILABLE, "overloaded", why.to_string()),
            Self::AppBusy => {
                (S::TOO_MANY_REQUESTS, "app_busy", "this app has as many requests in flight as it may".to_owned())
            }
            Self::RateLimited(seconds) => (
                S::TOO_MANY_REQUESTS,
                "rate_limited",
                format!("this app has used what it may in a minute; the next one begins in {seconds} s"),
            ),
            Self::Overloaded => (
                S::SERVICE_UNAVAILABLE,
                "overloaded",
                "this server has more to do than it can; try again in a moment".to_owned(),
            ),
            Self::Internal => {
                (S::INTERNAL_SERVER_ERROR, "internal", "the platform failed; its log tells why".to_owned())
            }
        };
        let mut response = error_response(status, detail(id, code, message));
        match self {
            Self::MethodNotAllowed(allow) => {
                if let Ok(allow) = HeaderValue::try_from(allow) {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
            }
            Self::Unauthorized => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::RateLimited(seconds) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Self::AppBusy | Self::Overloaded | Self::NoRoom(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}

impl From<NotNow> for Refused {
    fn from(not_now: NotNow) -> Self {
        match not_now {
            NotNow::Busy => Self::AppBusy,
            NotNow::Used(wait) => Self::RateLimited(whole_seconds(wait)),
        }
    }
}

pub(crate) fn detail(id: InvocationId, code: &str, message: String) -> ErrorDetail {
    ErrorDetail { code: code.to_owned(), message, request_id: id.to_string(), script: None, line: None, column: None }
}

/// An answer of the one error shape.
pub(crate) fn error_response(status: StatusCode, error: ErrorDetail) -> Response {
    (status, [(header::X_CONTENT_TYPE_OPTIONS, "nosniff")], Json(ErrorBody { error })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn who_should_come_back_is_told_when() {
        let used = NotNow::Used(Duration::from_millis(2_001)).into();
        let cases = [(Refused::AppBusy, Some("1")), (Refused::Overloaded, Some("1")), (used, Some("3"))];
        let no_room =
            [NoRoomForBody::ForSender, NoRoomForBody::ForAnybody].map(|why| (Refused::NoRoom(why), Some("1")));
        for (refused, after) in cases.into_iter().chain(no_room).chain([(Refused::NoRoute, None)]) {
            let response = refused.into_response(InvocationId::new());
            let told = response.headers().get(header::RETRY_AFTER).map(|after| after.to_str().unwrap());
            assert_eq!(told, after);
        }
    }
}
