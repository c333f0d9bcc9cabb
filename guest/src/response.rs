//! What a script answers: the response that it makes on purpose, and the mapping of its last value to one.

use crate::json::{self, Result};
use picloud_abi::{
    bounds::{HEADER_BYTES, HEADERS, headers_fit},
    http::may_set_header,
    invocation,
};
use rhai::{Array, Blob, Dynamic, Engine, ImmutableString, Map};

/// A response that a script made on purpose.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Dynamic,
}

impl Response {
    /// Status 200.
    pub fn page(text: ImmutableString) -> Self {
        Self { status: 200, headers: vec![content_type("text/html; charset=utf-8")], body: text.into() }
    }
}

pub fn register(engine: &mut Engine) {
    engine
        .register_type_with_name::<Response>("Response")
        .register_get("status", |response: &mut Response| i64::from(response.status))
        .register_get("body", |response: &mut Response| response.body.clone());
}

/// # Errors
/// When the status or a header is none that a script may set.
pub fn answer(status: i64, body: Dynamic, headers: Map) -> Result<Response> {
    let status = u16::try_from(status)
        .ok()
        .filter(|status| (200..=599).contains(status))
        .ok_or_else(|| format!("a response's status is 200 to 599, not {status}"))?;
    let mut pairs = Vec::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        match value.try_cast_result::<Array>() {
            Ok(values) => {
                for value in values {
                    pairs.push(header(&name, value)?);
                }
            }
            Err(value) => pairs.push(header(&name, value)?),
        }
    }
    if !headers_fit(&pairs) {
        return Err(format!("a response has at most {HEADERS} headers of {HEADER_BYTES} bytes together").into());
    }
    Ok(Response { status, headers: pairs, body })
}

/// # Errors
/// When the status is none of a redirection, or the address none that a header can hold.
pub fn redirection(url: &str, status: i64) -> Result<Response> {
    if !(300..=399).contains(&status) {
        return Err(format!("a redirect's status is 300 to 399, not {status}").into());
    }
    let headers = Map::from([("location".into(), url.to_owned().into())]);
    answer(status, Dynamic::UNIT, headers)
}

fn header(name: &str, value: Dynamic) -> Result<(String, String)> {
    let value = value.to_string();
    match may_set_header(name, &value) {
        Ok(()) => Ok((name.to_owned(), value)),
        Err(why) => Err(format!("response header {name:?}: {why}").into()),
    }
}

/// The last value of a script that was called over HTTP.
pub fn from_value(value: Dynamic) -> Result<invocation::Response> {
    let response = match value.try_cast_result::<Response>() {
        Ok(response) => response,
        Err(unit) if unit.is_unit() => Response { status: 204, headers: Vec::new(), body: unit },
        Err(body) => Response { status: 200, headers: Vec::new(), body },
    };
    let Response { status, mut headers, body } = response;
    let (kind, body) = encode(body)?;
    if let Some(kind) = kind
        && !headers.iter().any(|(name, _)| name == "content-type")
    {
        headers.push(content_type(kind));
    }
    Ok(invocation::Response { status, headers, body: body.into() })
}

/// The last value of a script that an event started, as JSON.
pub fn result(value: &Dynamic) -> Result<String> {
    match value.read_lock::<Response>() {
        Some(response) => json::stringify(&response.body),
        None => json::stringify(value),
    }
}

/// A body, and the type of content that it has unless the script says another.
pub fn encode(body: Dynamic) -> Result<(Option<&'static str>, Vec<u8>)> {
    if body.is_unit() {
        return Ok((None, Vec::new()));
    }
    if body.is_string() || body.is_char() {
        return Ok((Some("text/plain; charset=utf-8"), body.to_string().into_bytes()));
    }
    match body.try_cast_result::<Blob>() {
        Ok(blob) => Ok((Some("application/octet-stream"), blob)),
        Err(other) => Ok((Some("application/json"), json::stringify(&other)?.into_bytes())),
    }
}

pub fn content_type(kind: &str) -> (String, String) {
    ("content-type".to_owned(), kind.to_owned())
}
