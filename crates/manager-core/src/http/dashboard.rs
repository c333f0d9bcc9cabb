//! Serves the dashboard: its files, which the program carries, and its one page at every other address that is not the
//! API's. What it may load, run and be shown in is said by headers.

use super::{API, error::ApiError};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

/// One file of the dashboard.
struct File {
    /// Below the directory that it was built into.
    path: &'static str,
    mime: &'static str,
    /// Of its content.
    tag: &'static str,
    content: &'static [u8],
    /// With gzip, where that is smaller.
    compressed: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

const PAGE: &str = "index.html";
/// Files here have a hash of their content in their names.
const IMMUTABLE: &str = "_app/immutable/";
/// Below these nothing is a page of the dashboard: programs that ask for what is not there are told so.
const FOR_PROGRAMS: [&str; 3] = ["/api", "/internal", "/_app"];

/// What no other route answers.
pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    if method != Method::GET && method != Method::HEAD {
        return Err(ApiError::NoSuchEndpoint);
    }
    let path = uri.path();
    let file = match file(path.trim_start_matches('/')) {
        Some(file) => file,
        None if for_programs(path) => return Err(ApiError::NoSuchEndpoint),
        None => file(PAGE).ok_or(ApiError::NoSuchEndpoint)?,
    };
    Ok(answer(file, takes_gzip(&headers)))
}

fn file(path: &str) -> Option<&'static File> {
    let place = FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    FILES.get(place)
}

fn for_programs(path: &str) -> bool {
    debug_assert!(API.starts_with(FOR_PROGRAMS[0]));
    FOR_PROGRAMS
        .iter()
        .any(|place| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Whether whoever asks reads gzip, which all browsers do.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let encodings = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    encodings.flat_map(|list| list.split(',')).any(|encoding| {
        let (name, quality) = encoding.split_once(';').unwrap_or((encoding, ""));
        let quality = quality.trim().strip_prefix("q=").map(str::trim);
        name.trim().eq_ignore_ascii_case("gzip") && quality.and_then(|q| q.parse::<f32>().ok()) != Some(0.0)
    })
}

fn answer(file: &'static File, gzip: bool) -> Response {
    let compressed = file.compressed.filter(|_| gzip);
    let tag = format!("\"{}{}\"", file.tag, if compressed.is_some() { "-gzip" } else { "" });
    let mut response = (StatusCode::OK, Body::from(compressed.unwrap_or(file.content))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.mime));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if compressed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    let kept = if file.path.starts_with(IMMUTABLE) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    for (name, value) in guards() {
        // A page without its policy is not shown at all.
        match HeaderValue::try_from(value) {
            Ok(value) => headers.insert(name, value),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
    }
    response
}

/// What the dashboard may load and run, and that nobody shows it in a frame or learns from which of its pages somebody comes: the
/// links of invitations hold tokens.
fn guards() -> [(HeaderName, String); 4] {
    [
        (header::CONTENT_SECURITY_POLICY, format!("{PAGE_POLICY}; frame-ancestors 'none'")),
        (header::X_FRAME_OPTIONS, "DENY".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_who_reads_it() {
        let asked = |value: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        for taken in ["gzip", "br, gzip", "GZIP;q=0.5", "deflate,gzip;q=1.0"] {
            assert!(asked(taken), "{taken}");
        }
        for refused in ["", "br", "gzip;q=0", "gzip;q=0.000", "x-gzip-not"] {
            assert!(!asked(refused), "{refused}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn files_are_found_by_their_whole_path() {
        for file in FILES {
            assert!(super::file(file.path).is_some_and(|found| found.path == file.path), "{}", file.path);
        }
        assert!(super::file("").is_none() && super::file("_app").is_none() && super::file("../Cargo.toml").is_none());
    }
}
