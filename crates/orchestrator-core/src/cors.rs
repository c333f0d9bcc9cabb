//! What an app lets pages of other origins do, as the headers that tell their browsers. Who may read an answer is decided
//! here alone: what a script says about it is taken out.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
    response::Response,
};
use picloud_shared::cors::{Allowed, Cors, Origin};
use std::{collections::HashSet, fmt::Display};

/// How every header of the mechanism begins.
const PREFIX: &str = "access-control-";

/// The headers of an app's setting, made once.
#[derive(Debug)]
pub(crate) struct CorsHeaders {
    origins: Origins,
    may_send: Option<HeaderValue>,
    may_read: Option<HeaderValue>,
    max_age: HeaderValue,
}

#[derive(Debug)]
enum Origins {
    /// Never with credentials.
    All,
    Listed {
        origins: HashSet<String>,
        credentials: bool,
    },
}

/// What of a request says that a page of another origin sent it.
#[derive(Debug)]
pub(crate) struct Asking {
    origin: Option<HeaderValue>,
    /// Whether a browser asks if a page's request may be sent at all; it never carries what signs anybody in.
    pub(crate) preflight: bool,
}

impl Asking {
    pub(crate) fn of(parts: &Parts) -> Self {
        let origin = parts.headers.get(header::ORIGIN).cloned();
        let asks = parts.method == Method::OPTIONS && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        Self { preflight: asks && origin.is_some(), origin }
    }
}

impl CorsHeaders {
    pub(crate) fn of(cors: &Cors) -> Self {
        let listed = |origin: &Allowed<Origin>| match origin {
            Allowed::One(origin) => Some(origin.as_str().to_owned()),
            Allowed::All => None,
        };
        Self {
            // `None` as soon as one of them is `*`.
            origins: match cors.origins.iter().map(listed).collect() {
                None => Origins::All,
                Some(origins) => Origins::Listed { origins, credentials: cors.credentials },
            },
            // `*` means every header but this one, which has to be named.
            may_send: joined(cors.headers.iter().map(|name| match name {
                Allowed::All => "*, authorization".to_owned(),
                Allowed::One(name) => name.to_string(),
            })),
            may_read: joined(&cors.expose),
            max_age: HeaderValue::from(cors.max_age),
        }
    }

    /// Marks an answer as one that the page that asked may read, or as one that it may not.
    pub(crate) fn mark(&self, asking: &Asking, response: &mut Response) {
        let headers = response.headers_mut();
        let scripts: Vec<HeaderName> =
            headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
        for name in scripts {
            headers.remove(name);
        }
        if !self.admits(asking, headers) {
            return;
        }
        if asking.preflight {
            // What there is at this path, as any OPTIONS request is told.
            if let Some(methods) = headers.get(header::ALLOW).cloned() {
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            }
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
            if let Some(may_send) = &self.may_send {
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, may_send.clone());
            }
        } else if let Some(may_read) = &self.may_read {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, may_read.clone());
        }
    }

    fn admits(&self, asking: &Asking, headers: &mut HeaderMap) -> bool {
        match &self.origins {
            Origins::All => {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                true
            }
            Origins::Listed { origins, credentials } => {
                // Also when there is no origin: a cache must not give that answer to a page.
                headers.append(header::VARY, HeaderValue::from_static("origin"));
                let listed = |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| origins.contains(origin));
                let Some(origin) = asking.origin.as_ref().filter(listed) else { return false };
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                if *credentials {
                    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
                true
            }
        }
    }
}

/// As the value of one header; `None` where there is nothing to say.
fn joined<T: Display>(names: impl IntoIterator<Item = T>) -> Option<HeaderValue> {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    if names.is_empty() { None } else { HeaderValue::try_from(names.join(", ")).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, http::Request};

    fn cors(json: &str) -> CorsHeaders {
        let cors: Cors = serde_json::from_str(json).unwrap();
        cors.check().unwrap();
        CorsHeaders::of(&cors)
    }

    /// The headers of an answer, in alphabetical order, to a request with these.
    fn marked(cors: &CorsHeaders, method: &str, asking: &[(&str, &str)], scripts: &[(&str, &str)]) -> Vec<String> {
        let request = asking.iter().fold(Request::builder().method(method), |request, (k, v)| request.header(*k, *v));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = scripts.iter().fold(Response::builder(), |response, (k, v)| response.header(*k, *v));
        let mut response = response.body(Body::empty()).unwrap();
        cors.mark(&Asking::of(&parts), &mut response);
        let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
        let mut lines: Vec<String> = response.headers().iter().map(line).collect();
        lines.sort();
        lines
    }

    const PREFLIGHT: (&str, &str) = ("access-control-request-method", "PUT");

    #[test]
    fn only_listed_origins_are_answered_and_every_answer_varies() {
        let cors = cors(r#"{"origins": ["https://a.example", "https://b.example:8443"], "credentials": true}"#);
        let known = [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://b.example:8443",
            "access-control-expose-headers: x-request-id",
            "vary: origin",
        ];
        assert_eq!(marked(&cors, "GET", &[("origin", "https://b.example:8443")], &[]), known);
        for strange in
            ["https://b.example", "https://a.example.evil", "http://a.example", "null", "*", "https://A.example"]
        {
            assert_eq!(marked(&cors, "GET", &[("origin", strange)], &[]), ["vary: origin"], "{strange}");
            assert_eq!(marked(&cors, "OPTIONS", &[("origin", strange), PREFLIGHT], &[]), ["vary: origin"], "{strange}");
        }
        assert_eq!(marked(&cors, "GET", &[], &[]), ["vary: origin"]);
    }

    #[test]
    fn a_preflight_is_told_what_may_be_sent() {
        let cors = cors(r#"{"origins": ["https://a.example"], "headers": ["x-a", "x-b"], "max_age": 60}"#);
        let asking = [("origin", "https://a.example"), PREFLIGHT];
        let told = [
            "access-control-allow-headers: x-a, x-b",
            "access-control-allow-methods: GET, PUT",
            "access-control-allow-origin: https://a.example",
            "access-control-max-age: 60",
            "allow: GET, PUT",
            "vary: origin",
        ];
        assert_eq!(marked(&cors, "OPTIONS", &asking, &[("allow", "GET, PUT")]), told);
        // Without its question it is a request like any other.
        let plain = marked(&cors, "OPTIONS", &asking[..1], &[("allow", "GET, PUT")]);
        assert!(!plain.iter().any(|line| line.contains("max-age") || line.contains("methods")), "{plain:?}");
    }

    #[test]
    fn for_all_origins_the_answer_is_the_same() {
        let cors = cors(r#"{"origins": ["*"], "headers": ["*"], "expose": []}"#);
        for asking in [&[("origin", "https://a.example")][..], &[("origin", "null")], &[]] {
            assert_eq!(marked(&cors, "GET", asking, &[]), ["access-control-allow-origin: *"]);
        }
        let preflight = marked(&cors, "OPTIONS", &[("origin", "null"), PREFLIGHT], &[]);
        assert!(preflight.contains(&"access-control-allow-headers: *, authorization".to_owned()), "{preflight:?}");
    }

    #[test]
    fn a_script_cannot_open_what_its_app_closes() {
        let cors = cors(r#"{"origins": ["https://a.example"], "expose": []}"#);
        let scripts = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("access-control-made-up", "1"),
            ("vary", "accept"),
        ];
        assert_eq!(
            marked(&cors, "GET", &[("origin", "https://b.example")], &scripts),
            ["vary: accept", "vary: origin"]
        );
        let known = marked(&cors, "GET", &[("origin", "https://a.example")], &scripts);
        assert_eq!(known, ["access-control-allow-origin: https://a.example", "vary: accept", "vary: origin"]);
    }
}
