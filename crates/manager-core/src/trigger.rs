//! What a script sees in a manual run, made from what the asker gave.
//!
//! The script is named, so whatever the path is, it runs. Where one of its own routes matches, the request has what that one captures
//! as `params`. It has no `user`, and comes from no address, so that its `ip` is empty.

use axum::http::{HeaderName, HeaderValue, uri::PathAndQuery};
use picloud_abi::invocation::{Event, EventKind, HttpRequest, Trigger};
use picloud_shared::{
    api::Invoke,
    ids::InvocationId,
    names::ScriptName,
    route::{METHODS, Route},
    routes::{Match, Routes},
    target::{self, InvalidPath},
};
use std::collections::BTreeMap;

/// Why a manual run cannot be as asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidRun {
    /// It would be no HTTP request that could reach a script.
    #[error("the method is one of GET, POST, PUT, PATCH, DELETE")]
    Method,
    /// See [`InvalidRun::Method`].
    #[error("the path starts with '/' and has no characters that a URL must encode")]
    Target,
    /// See [`InvalidRun::Method`].
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// See [`InvalidRun::Method`].
    #[error("{0:?} is no valid header")]
    Header(String),
    /// Event and HTTP request at once.
    #[error("a payload makes an event: it excludes the parts of an HTTP request")]
    Both,
    /// The body, or the payload as JSON, is larger than so many bytes.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
}

/// A manual run that can be.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// What the script sees.
    pub(crate) trigger: Trigger,
    /// `GET /path` of an HTTP request, for the record.
    pub(crate) line: Option<String>,
    /// Of an HTTP request's path, decoded.
    segments: Vec<String>,
}

impl Wanted {
    /// With what the script's own routes capture.
    pub(crate) fn along(mut self, routes: &[Route]) -> Self {
        if let Trigger::Http(request) = &mut self.trigger {
            let routes: Routes<()> = routes.iter().map(|route| (route.clone(), ())).collect();
            if let Match::Found((), params) = routes.find(&request.method, &self.segments) {
                request.params = params;
            }
        }
        self
    }
}

/// A path's segments, decoded, and the pairs of a query.
type Target = (Vec<String>, Vec<(String, String)>);

/// Makes the trigger of a manual run; a body or payload may have at most `body_limit` bytes.
pub(crate) fn wanted(
    id: InvocationId,
    name: &ScriptName,
    invoke: Invoke,
    body_limit: usize,
) -> Result<Wanted, InvalidRun> {
    let Invoke { method, path, query, headers, body, payload } = invoke;
    let within =
        |text: String| if text.len() > body_limit { Err(InvalidRun::BodyTooLarge(body_limit)) } else { Ok(text) };
    let id = id.to_string();
    let Some(payload) = payload else {
        let method = parse_method(method.as_deref().unwrap_or("GET"))?;
        let (segments, query) = parse_target(path.unwrap_or_else(|| format!("/{name}")), query)?;
        let headers = headers.into_iter().map(parse_header).collect::<Result<_, _>>()?;
        let body = within(body.unwrap_or_default())?.into_bytes().into();
        let path = target::path(&segments);
        let line = Some(target::line(&method, &path));
        let (params, ip) = (Vec::new(), String::new());
        let trigger = Trigger::Http(HttpRequest { id, method, path, params, query, headers, body, ip, user: None });
        return Ok(Wanted { trigger, line, segments });
    };
    if method.is_some() || path.is_some() || body.is_some() || !query.is_empty() || !headers.is_empty() {
        return Err(InvalidRun::Both);
    }
    let payload = within(payload.to_string())?;
    let trigger =
        Trigger::Event(Event { id, kind: EventKind::Manual, payload, attempt: 1, topic: None, scheduled_at: None });
    Ok(Wanted { trigger, line: None, segments: Vec::new() })
}

fn parse_method(method: &str) -> Result<String, InvalidRun> {
    let known = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method));
    known.map(|&known| known.to_owned()).ok_or(InvalidRun::Method)
}

/// The path's segments, and query pairs: those that the path carries, then the others.
fn parse_target(path: String, more: BTreeMap<String, String>) -> Result<Target, InvalidRun> {
    if !path.starts_with('/') {
        return Err(InvalidRun::Target);
    }
    let raw = PathAndQuery::try_from(path).map_err(|_| InvalidRun::Target)?;
    let mut query = target::query(raw.query());
    query.extend(more);
    Ok((target::segments(raw.path())?, query))
}

fn parse_header((name, value): (String, String)) -> Result<(String, String), InvalidRun> {
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
        (Ok(name), Ok(_)) => Ok((name.as_str().to_owned(), value)),
        _ => Err(InvalidRun::Header(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(invoke: serde_json::Value) -> Result<Wanted, InvalidRun> {
        let name = "lib/greet".parse().unwrap();
        wanted(InvocationId::new(), &name, serde_json::from_value(invoke).unwrap(), 8)
    }

    fn request(invoke: serde_json::Value) -> HttpRequest {
        match of(invoke).unwrap().trigger {
            Trigger::Http(request) => request,
            Trigger::Event(event) => panic!("{event:?}"),
        }
    }

    #[test]
    fn nothing_given_is_a_get_of_the_script() {
        let run = of(json!({})).unwrap();
        assert_eq!(run.line.as_deref(), Some("GET /lib/greet"));
        let request = request(json!({}));
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/lib/greet"));
        assert!(request.params.is_empty() && request.query.is_empty() && request.body.is_empty());
    }

    #[test]
    fn a_request_is_what_was_given() {
        let invoke = json!({
            "method": "post", "path": "/a%20b?x=1&y=a+b", "query": {"z": "ü"}, "headers": {"X-Mine": "1"}, "body": "hi",
        });
        assert_eq!(of(invoke.clone()).unwrap().line.as_deref(), Some("POST /a b"));
        let request = request(invoke);
        let pair = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a b"));
        assert_eq!(request.query, [("x", "1"), ("y", "a b"), ("z", "ü")].map(pair));
        assert_eq!(request.headers, [("x-mine", "1")].map(pair));
        assert_eq!(request.body, b"hi");
    }

    #[test]
    fn its_own_routes_capture_of_the_path() {
        let routes: Vec<Route> =
            ["GET /greet/{name}", "GET /greet/all", "ANY /{*rest}"].map(|route| route.parse().unwrap()).into();
        for (method, path, captured) in [
            ("GET", "/greet/a%2Fb", Some(("name", "a/b"))),
            ("GET", "/greet/all", None),
            ("POST", "/greet/ada", Some(("rest", "greet/ada"))),
            ("GET", "/", None),
        ] {
            let run = of(json!({"method": method, "path": path})).unwrap().along(&routes);
            let Trigger::Http(request) = run.trigger else { panic!("no request") };
            let captured: Vec<_> =
                captured.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
            assert_eq!(request.params, captured, "{method} {path}");
        }
        assert!(matches!(of(json!({"payload": 1})).unwrap().along(&routes).trigger, Trigger::Event(_)));
    }

    #[test]
    fn a_payload_is_an_event() {
        let run = of(json!({"payload": {"a": 1}})).unwrap();
        let Trigger::Event(event) = run.trigger else { panic!("no event") };
        assert_eq!((event.payload.as_str(), event.attempt, run.line), (r#"{"a":1}"#, 1, None));
    }

    #[test]
    fn what_cannot_be_says_why() {
        for (invoke, why) in [
            (json!({"method": "HEAD"}), InvalidRun::Method),
            (json!({"method": "G T"}), InvalidRun::Method),
            (json!({"path": "a"}), InvalidRun::Target),
            (json!({"path": ""}), InvalidRun::Target),
            (json!({"path": "/a b"}), InvalidRun::Target),
            (json!({"path": "/a/../b"}), InvalidRun::Path(InvalidPath::DotSegment)),
            (json!({"path": "/%ff"}), InvalidRun::Path(InvalidPath::NotUtf8)),
            (json!({"headers": {"a b": "c"}}), InvalidRun::Header("a b".into())),
            (json!({"headers": {"a": "b\r\nc: d"}}), InvalidRun::Header("a".into())),
            (json!({"payload": 1, "body": ""}), InvalidRun::Both),
            (json!({"payload": 1, "query": {"a": "b"}}), InvalidRun::Both),
            (json!({"body": "123456789"}), InvalidRun::BodyTooLarge(8)),
            (json!({"payload": "1234567"}), InvalidRun::BodyTooLarge(8)),
        ] {
            assert_eq!(of(invoke.clone()).unwrap_err(), why, "{invoke}");
        }
    }
}
