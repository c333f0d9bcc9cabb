//! The dashboard as the manager serves it.

use crate::support::{Answer, Server};
use axum::{
    body::Body,
    http::{Request, header},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::BodyExt as _;
use sha2::{Digest, Sha256};

async fn page(server: &Server, path: &str) -> Answer {
    let answer = server.send("GET", path, "", None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer
}

/// The first address of a file in a page that begins so.
fn file(page: &Answer, start: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("\"{start}")).unwrap_or_else(|| panic!("no {start}: {}", page.text));
    format!("{start}{}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn its_one_page_is_at_every_address_of_its_own() {
    let server = Server::start().await;
    let root = page(&server, "/").await;
    assert!(root.text.starts_with("<!doctype html>"), "{}", root.text);
    for path in ["/login", "/setup?x=abc", "/invite", "/apps/shop/scripts/lib%2Futil", "/apiary", "/a/b/c"] {
        let page = page(&server, path).await;
        assert_eq!(page.text, root.text, "{path}");
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-cache");
        assert_eq!(page.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    }
    // A program that asks for what is not there is told so, and nothing is changed at such an address.
    for path in ["/api", "/api/v1", "/api/v1/nowhere", "/api/v2/apps", "/internal/x", "/_app/immutable/x.js"] {
        assert_eq!(server.send("GET", path, "", None).await.error(), (404, "not_found".into()), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        assert_eq!(server.send(method, "/setup", "", None).await.error(), (404, "not_found".into()), "{method}");
    }
}

#[tokio::test]
async fn it_loads_and_runs_its_own_and_stands_in_no_frame() {
    let server = Server::start().await;
    for path in ["/", "/setup", "/invite?x", "/apps/shop"] {
        let page = page(&server, path).await;
        let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe") && !policy.contains("http:") && !policy.contains('*'), "{policy}");
        for part in ["default-src 'none'", "connect-src 'self'", "style-src 'self'", "base-uri 'none'"] {
            assert!(policy.split(';').any(|directive| directive.trim().starts_with(part)), "no {part}: {policy}");
        }
        assert!(policy.ends_with("; frame-ancestors 'none'"), "{policy}");
        // Each script in the page itself is named by its hash; there is no style in it.
        let scripts: Vec<&str> = page.text.split("<script>").skip(1).collect();
        assert_eq!(scripts.len(), 1);
        for script in scripts {
            let script = script.split("</script>").next().unwrap();
            let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script)));
            assert!(policy.contains(&hash), "{hash}: {policy}");
        }
        assert!(!page.text.contains("<style") && !page.text.contains("style="), "{}", page.text);
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(page.headers[name], value, "{path}: {name}");
        }
        assert!(!page.headers.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn what_is_named_by_its_content_is_kept_and_the_rest_is_asked_for() {
    let server = Server::start().await;
    let root = page(&server, "/").await;
    let script = page(&server, &file(&root, "/_app/immutable/")).await;
    assert_eq!(script.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    let icon = page(&server, &file(&root, "/favicon.svg")).await;
    assert_eq!(icon.headers[header::CACHE_CONTROL], "no-cache");
    assert_eq!(icon.headers[header::CONTENT_TYPE], "image/svg+xml");
    let again = Request::get("/login").header(header::IF_NONE_MATCH, &root.headers[header::ETAG]);
    let again = server.send_raw(again.body(Body::empty()).unwrap()).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert!(again.headers.contains_key(header::CONTENT_SECURITY_POLICY));
}

#[tokio::test]
async fn it_comes_compressed_to_who_can_read_it() {
    let server = Server::start().await;
    let plain = page(&server, "/").await;
    assert!(!plain.headers.contains_key(header::CONTENT_ENCODING));
    let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip, deflate, br");
    let request = request.extension(axum::extract::ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 1))));
    let compressed = tower::ServiceExt::oneshot(server.router.clone(), request.body(Body::empty()).unwrap()).await;
    let (parts, body) = compressed.unwrap().into_parts();
    assert_eq!(parts.headers[header::CONTENT_ENCODING], "gzip");
    assert_eq!(parts.headers[header::VARY], "accept-encoding");
    assert_ne!(parts.headers[header::ETAG], plain.headers[header::ETAG]);
    let body = body.collect().await.unwrap().to_bytes();
    assert!(body.starts_with(&[0x1f, 0x8b]) && body.len() < plain.text.len());
}
