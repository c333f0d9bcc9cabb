//! Hosts and origins, as the whole router has them.

use crate::support::{Answer, PASSWORD, Server};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::json;

async fn ask(server: &Server, path: &str, host: &str, origin: Option<&str>) -> Answer {
    let body = json!({"username": "ada", "password": PASSWORD}).to_string();
    let mut request = Request::builder().uri(path).header(header::HOST, host);
    if path.ends_with("/login") {
        request = request.method("POST").header(header::CONTENT_TYPE, "application/json");
    }
    if let Some(origin) = origin {
        request = request.header(header::ORIGIN, origin);
    }
    server.send_raw(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_page_that_leads_its_name_here_gets_nothing() {
    let (server, _) = Server::with_app().await;
    for path in ["/", "/api/v1/auth/login", "/api/v1/nowhere", "/setup", "/invite", "/metrics"] {
        let refused = ask(&server, path, "rebound.evil.example:7070", None).await;
        assert_eq!(refused.error(), (421, "foreign_host".into()), "{path}");
        assert!(refused.text.contains("--manager-host rebound.evil.example"), "{}", refused.text);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(&server, path, "probed-by-any-name:7070", None).await.status, 200);
    }
    for host in ["picloud.test", "PICLOUD.test:443", "localhost:7070", "127.0.0.1:7070", "[::1]:7070"] {
        assert_eq!(ask(&server, "/api/v1/auth/login", host, None).await.status, 200, "{host}");
    }
    assert_eq!(ask(&server, "/", "a b", None).await.error(), (400, "malformed_request".into()));
}

#[tokio::test]
async fn a_page_of_another_origin_gets_nothing() {
    let (server, _) = Server::with_app().await;
    let login = async |origin: &str| ask(&server, "/api/v1/auth/login", "localhost:7070", Some(origin)).await;
    assert_eq!(login("http://localhost:7070").await.status, 200);
    for origin in ["http://localhost:8080", "http://shop.localhost:7070", "null", "https://evil.example"] {
        let refused = login(origin).await;
        assert_eq!(refused.error(), (403, "foreign_origin".into()), "{origin}");
        assert!(!refused.headers.contains_key("access-control-allow-origin"));
    }
}
