//! An HTTP request as a script sees it.

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Method, request::Parts},
};
use http_body_util::BodyExt;
use picloud_abi::invocation::HttpRequest;
use picloud_shared::{
    bodies::{self, NoRoom},
    ids::InvocationId,
    limits::{BODY_TIME, SMALL_BODY_BYTES},
    target,
};
use std::net::IpAddr;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    /// The client went away or broke the protocol.
    Broken,
    NoRoom(NoRoom),
}

impl From<NoRoom> for BodyError {
    fn from(no_room: NoRoom) -> Self {
        Self::NoRoom(no_room)
    }
}

/// Reads a body of at most `limit` bytes, which count with those of `counted`.
pub(crate) async fn read_body(body: Body, limit: usize, counted: &mut bodies::Body) -> Result<Vec<u8>, BodyError> {
    if body.is_end_stream() {
        return Ok(Vec::new());
    }
    let announced = body.size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(BodyError::TooLarge);
    }
    counted.expect(announced.unwrap_or(0))?;
    let read = async {
        // One that says that it is small, and can be no larger, is put together in one piece.
        if announced.is_some_and(|bytes| bytes <= SMALL_BODY_BYTES) {
            return Ok(body.collect().await.map_err(|_| BodyError::Broken)?.to_bytes().into());
        }
        let (mut body, mut bytes) = (body, Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            if bytes.len() + data.len() > limit {
                return Err(BodyError::TooLarge);
            }
            counted.arrived(data.len())?;
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    };
    tokio::time::timeout(BODY_TIME, read).await.unwrap_or(Err(BodyError::TooSlow))
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
        method: method.as_str().to_owned(),
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
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}
