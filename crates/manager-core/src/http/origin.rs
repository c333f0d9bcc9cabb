//! Whether a request is meant for this server: pages of other origins, and pages that had their own name lead here, are
//! answered nothing. Tools, which send no `Origin` and the name that they were given, notice nothing of it.

use super::error::ApiError;
use crate::{Manager, hosts::ManagerHosts};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Asked by probes and by the proxy, under whatever name they know; they tell next to nothing.
const FOR_ANY_HOST: [&str; 3] = ["/healthz", "/readyz", "/internal/domain-check"];

pub(super) async fn check(State(manager): State<Manager>, request: Request, next: Next) -> Response {
    match meant(&manager.settings.manager_hosts, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn meant(hosts: &ManagerHosts, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = authority(uri, headers)?;
    if let Some(host) = &host
        && !FOR_ANY_HOST.contains(&uri.path())
        && !hosts.include(host.host())
    {
        return Err(ApiError::ForeignHost(host.host().to_owned()));
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Ok(()),
        (Some(origin), None) if host.is_some_and(|host| is_origin_of(origin.as_bytes(), &host)) => Ok(()),
        _ => Err(ApiError::ForeignOrigin),
    }
}

/// For whom the request is. A URL in the request line overrules the header (RFC 9112, 3.2.2). No browser leaves out both.
fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Option<Authority>, ApiError> {
    if let Some(authority) = uri.authority() {
        return Ok(Some(authority.clone()));
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let Some(first) = first else { return Ok(None) };
    let authority = Authority::try_from(first.as_bytes()).ok().filter(|host| !host.as_str().contains('@'));
    match (authority, second) {
        (Some(authority), None) => Ok(Some(authority)),
        _ => Err(ApiError::Malformed("the header host is not the name of one host".to_owned())),
    }
}

/// Whether a page of this origin was loaded from this host. Behind a proxy with TLS it is `https`, which cannot be seen here.
fn is_origin_of(origin: &[u8], host: &Authority) -> bool {
    let of = |scheme: &[u8], port: u16| {
        let page = Authority::try_from(origin.strip_prefix(scheme)?).ok()?;
        let same = page.host().eq_ignore_ascii_case(host.host())
            && page.port_u16().unwrap_or(port) == host.port_u16().unwrap_or(port)
            && !page.as_str().contains('@');
        Some(same)
    };
    of(b"https://", 443).or_else(|| of(b"http://", 80)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn asked(uri: &str, headers: &[(HeaderName, &str)]) -> Result<(), ApiError> {
        let hosts = ManagerHosts::from(vec!["picloud.example.com".parse().unwrap()]);
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::try_from(*value).unwrap()));
        meant(&hosts, &uri.parse().unwrap(), &headers.collect())
    }

    #[test]
    fn only_its_own_names_are_answered() {
        for own in ["127.0.0.1:7070", "[::1]:7070", "localhost:7070", "localhost", "PICLOUD.example.com", "192.0.2.7"] {
            assert!(asked("/api/v1/apps", &[(header::HOST, own)]).is_ok(), "{own}");
        }
        for foreign in ["evil.example", "evil.example:7070", "picloud.example.com.evil.example:443", "a.localhost:7070"]
        {
            let host = [(header::HOST, foreign)];
            for path in ["/", "/api/v1/auth/login", "/setup", "/metrics", "/healthz/", "/internal/domain-check/"] {
                assert!(matches!(asked(path, &host), Err(ApiError::ForeignHost(_))), "{foreign} {path}");
            }
            for probe in ["/healthz", "/readyz", "/internal/domain-check?domain=a.example"] {
                assert!(asked(probe, &host).is_ok(), "{foreign} {probe}");
            }
        }
        for broken in ["", "a b", "a@localhost", "localhost:x:y", "localhost/"] {
            assert!(matches!(asked("/healthz", &[(header::HOST, broken)]), Err(ApiError::Malformed(_))), "{broken}");
        }
        let two = [(header::HOST, "localhost"), (header::HOST, "localhost")];
        assert!(matches!(asked("/healthz", &two), Err(ApiError::Malformed(_))));
        // No browser sends such a thing.
        assert!(asked("/", &[]).is_ok());
        assert!(asked("http://localhost:7070/", &[(header::HOST, "evil.example")]).is_ok());
        let overruled = asked("http://evil.example/", &[(header::HOST, "localhost")]);
        assert!(matches!(overruled, Err(ApiError::ForeignHost(_))));
    }

    #[test]
    fn no_page_of_another_origin_is_answered() {
        for (host, origin) in [
            ("localhost:7070", "http://localhost:7070"),
            ("LOCALHOST:7070", "http://localhost:7070"),
            ("[::1]:7070", "http://[::1]:7070"),
            ("picloud.example.com", "https://picloud.example.com"),
            ("picloud.example.com:443", "https://picloud.example.com"),
            ("picloud.example.com", "http://picloud.example.com:80"),
        ] {
            assert!(asked("/", &[(header::HOST, host), (header::ORIGIN, origin)]).is_ok(), "{host} {origin}");
        }
        for origin in [
            "null",
            "",
            "http://localhost:8080",
            "http://localhost",
            "http://shop.localhost:7070",
            "http://127.0.0.1:7070",
            "https://evil.example",
            "http://localhost:7070.evil.example",
            "http://localhost:7070@evil.example",
            "http://a@localhost:7070",
            "ftp://localhost:7070",
            "localhost:7070",
            "http://localhost:7070/",
        ] {
            for path in ["/api/v1/auth/login", "/setup", "/healthz"] {
                let headers = [(header::HOST, "localhost:7070"), (header::ORIGIN, origin)];
                assert!(matches!(asked(path, &headers), Err(ApiError::ForeignOrigin)), "{origin} {path}");
            }
        }
        let twice =
            [(header::HOST, "localhost"), (header::ORIGIN, "http://localhost"), (header::ORIGIN, "http://localhost")];
        assert!(matches!(asked("/", &twice), Err(ApiError::ForeignOrigin)));
        assert!(matches!(asked("/", &[(header::ORIGIN, "http://localhost")]), Err(ApiError::ForeignOrigin)));
    }
}
