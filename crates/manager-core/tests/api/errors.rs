//! Every refusal has its status, its code and the one shape.

use crate::support::Server;
use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use futures_util::stream;
use serde_json::{Value, json};
use std::convert::Infallible;

const SCRIPT: &str = "/api/v1/apps/shop/scripts/greet";

/// Method, path, body; status and code.
type Case = (&'static str, &'static str, Option<Value>, (u16, &'static str));

#[tokio::test]
async fn refusals_have_their_status_and_code() {
    let (server, token) = Server::with_app().await;
    let source = |source: &str| Some(json!({"source": source}));
    let routes = |routes: Value| Some(json!({"source": "1", "routes": routes}));
    let other = "/api/v1/apps/shop/scripts/other";
    assert_eq!(server.send("PUT", SCRIPT, &token, source("1")).await.status, 201);
    let large = "x".repeat((256 << 10) + 1);
    let huge = "x".repeat(2 << 20);
    let cases: [Case; 29] = [
        ("GET", "/api/v1/nowhere", None, (404, "not_found")),
        ("DELETE", "/api/v1/apps", None, (405, "method_not_allowed")),
        ("POST", "/healthz", None, (405, "method_not_allowed")),
        ("POST", "/api/v1/apps", None, (415, "unsupported_media_type")),
        ("POST", "/api/v1/apps", Some(json!({"slug": "shop"})), (409, "slug_taken")),
        ("POST", "/api/v1/apps", Some(json!({"slug": "Shop"})), (422, "invalid_request")),
        ("POST", "/api/v1/apps", Some(json!({"slug": "a", "nmae": "b"})), (422, "invalid_request")),
        ("POST", "/api/v1/apps", Some(json!({"slug": "a", "name": "x".repeat(20 << 10)})), (413, "body_too_large")),
        ("GET", "/api/v1/apps/other", None, (404, "not_found")),
        ("GET", "/api/v1/apps/Not%20a%20slug", None, (404, "not_found")),
        ("GET", "/api/v1/apps/%ff", None, (400, "malformed_request")),
        ("PUT", "/api/v1/apps/other/scripts/a", source("1"), (404, "not_found")),
        ("PUT", "/api/v1/apps/shop/scripts/a%2F..%2Fb", source("1"), (422, "invalid_request")),
        ("PUT", SCRIPT, source("a !"), (422, "invalid_script")),
        ("PUT", SCRIPT, source(&large), (413, "source_too_large")),
        ("PUT", SCRIPT, source(&huge), (413, "body_too_large")),
        ("PUT", other, routes(json!(["ANY /greet"])), (409, "route_conflict")),
        ("PUT", other, routes(json!(["GET a"])), (422, "invalid_request")),
        ("PUT", other, routes(json!(["GET /a", "GET /a"])), (422, "invalid_request")),
        ("PUT", other, routes((0..101).map(|i| format!("GET /{i}")).collect()), (422, "invalid_request")),
        ("GET", other, None, (404, "not_found")),
        ("POST", "/api/v1/apps/shop/scripts/greet/rollback", Some(json!({})), (404, "not_found")),
        ("POST", "/api/v1/apps/shop/scripts/greet/check", source(&large), (413, "source_too_large")),
        ("GET", "/api/v1/apps/shop/invocations?limit=0", None, (422, "invalid_request")),
        ("GET", "/api/v1/apps/shop/invocations?status=odd", None, (400, "malformed_request")),
        ("GET", "/api/v1/apps/shop/invocations/x", None, (404, "not_found")),
        (
            "POST",
            "/api/v1/apps/shop/scripts/greet/invoke",
            Some(json!({"payload": 1, "body": ""})),
            (422, "invalid_request"),
        ),
        ("POST", "/api/v1/apps/shop/scripts/greet/invoke", Some(json!({"body": huge})), (413, "body_too_large")),
        ("POST", "/api/v1/apps/shop/scripts/greet/invoke", Some(json!({"path": "/full"})), (503, "overloaded")),
    ];
    for (method, path, body, (status, code)) in cases {
        let answer = server.send(method, path, &token, body).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{method} {path}");
        assert_eq!(answer.headers.contains_key(header::ALLOW), status == 405, "{method} {path}");
        assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), status == 503, "{method} {path}");
    }
    let scripts = server.send("GET", "/api/v1/apps/shop/scripts", &token, None).await.items();
    assert_eq!(scripts.as_array().unwrap().len(), 1, "a refused script was stored");
    assert_eq!(scripts[0]["version"]["number"], 1);
}

#[tokio::test]
async fn refusals_say_what_and_where() {
    let (server, token) = Server::with_app().await;
    let put = async |name: &str, body: Value| {
        let path = format!("/api/v1/apps/shop/scripts/{name}");
        server.send("PUT", &path, &token, Some(body)).await.json()["error"].clone()
    };
    let error = put("greet", json!({"source": "let !"})).await;
    assert_eq!((&error["message"], &error["line"], &error["column"]), (&json!("no '!'"), &json!(1), &json!(5)));
    put("greet", json!({"source": "1"})).await;
    let message = |error: Value| error["message"].as_str().unwrap().to_owned();
    let conflict = message(put("other", json!({"source": "1", "routes": ["ANY /greet"]})).await);
    assert!(conflict.contains("ANY /greet") && conflict.contains("script greet"), "{conflict}");
    let rule = message(put("other", json!({"source": "1", "routes": ["HEAD /a"]})).await);
    assert!(rule.contains("routes[0]") && rule.contains("the method is one of"), "{rule}");
    assert!(!rule.contains("column"), "a place in the JSON reads like one in the script: {rule}");
    let rule = message(put("a%20b", json!({"source": "1"})).await);
    assert!(rule.starts_with("a script's name is"), "{rule}");
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let (server, token) = Server::with_app().await;
    for (body, expected) in [
        (&b"{"[..], (400, "malformed_request")),
        (b"", (400, "malformed_request")),
        (b"{\"source\": \"\xff\"}", (400, "malformed_request")),
        (b"{\"source\": 1}", (422, "invalid_request")),
        (b"[]", (422, "invalid_request")),
    ] {
        let request = Request::put(SCRIPT)
            .header(header::AUTHORIZATION, format!("bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let (status, code) = server.send_raw(request).await.error();
        assert_eq!((status, code.as_str()), expected, "{body:?}");
    }
}

#[tokio::test]
async fn bodies_are_not_waited_for_endlessly() {
    let server = Server::start().await;
    let request = Request::post("/api/v1/auth/login").header(header::CONTENT_TYPE, "application/json");
    let body = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    // From here on the clock jumps to whatever is waited for.
    tokio::time::pause();
    let answer = server.send_raw(request.body(body).unwrap()).await;
    assert_eq!(answer.error(), (408, "body_too_slow".to_owned()));
}

#[tokio::test]
async fn failures_keep_their_reason_to_the_log() {
    let (server, token) = Server::with_app().await;
    server.send("PUT", SCRIPT, &token, Some(json!({"source": "1"}))).await;
    let invoke = format!("{SCRIPT}/invoke");
    let answer = server.send("POST", &invoke, &token, Some(json!({"path": "/broken"}))).await;
    assert_eq!(answer.error(), (500, "internal".to_owned()));
    assert!(!answer.text.contains("secret"), "{}", answer.text);
}
