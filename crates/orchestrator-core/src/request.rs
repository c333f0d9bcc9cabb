//! An HTTP request as a script sees it.

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Method, request::Parts},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use picloud_abi::invocation::HttpRequest;
use picloud_shared::{ids::InvocationId, limits::BODY_TIME, target};
use std::net::IpAddr;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    /// The client went away or broke the protocol.
    Broken,
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    if body.is_end_stream() {
        return Ok(Vec::new());
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) => Err(BodyError::TooSlow),
    }
}

/// What the script gets from somebody who did not sign in: `segments` are those of the path within its app.
pub(crate) fn to_contract(
    id: InvocationId,
    method: &Method,
    parts: &Parts,
    segments: &[String],
    params: Vec<(String, String)>,
    body: Vec<u8>,
    ip: IpAddr,
) -> HttpRequest {
    HttpRequest {
        id: id.to_string(),
        method: method.to_string(),
        path: target::path(segments),
        params,
        query: target::query(parts.uri.query()),
        headers: headers(&parts.headers),
        body: body.into(),
        ip: ip.to_string(),
        user: None,
    }
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}
