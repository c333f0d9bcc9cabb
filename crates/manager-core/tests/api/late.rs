//! Requests whose body comes late: what was revoked meanwhile is dead by then.

use crate::support::{Answer, Server};
use axum::{
    body::{Body, Bytes},
    http::{Request, header},
};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::{convert::Infallible, future::Future};

const APP: &str = "/api/v1/apps/shop";

/// A request whose body ends only once something else has happened.
async fn late(
    server: &Server,
    how: (&str, &str),
    token: &str,
    body: &Value,
    meanwhile: impl Future<Output = ()> + Send + 'static,
) -> Answer {
    let body = Bytes::from(body.to_string());
    let (most, last) = (body.slice(..body.len() - 1), body.slice(body.len() - 1..));
    let rest = stream::once(async {
        meanwhile.await;
        Ok(last)
    });
    let body = Body::from_stream(stream::iter([Ok::<_, Infallible>(most)]).chain(rest));
    let request = Request::builder()
        .method(how.0)
        .uri(how.1)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body);
    server.send_raw(request.unwrap()).await
}

#[tokio::test]
async fn what_was_revoked_while_the_body_came_does_nothing() {
    let (server, ada) = Server::with_app().await;
    let server = std::sync::Arc::new(server);
    // A request of ada's, to be sent meanwhile.
    let by_ada = |method: &'static str, path: &str, body: Option<Value>| {
        let (server, ada, path) = (server.clone(), ada.clone(), path.to_owned());
        async move {
            let answer = server.send(method, &path, &ada, body).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text);
        }
    };
    let put = format!("{APP}/scripts/late");
    let everything = [
        ("PUT", put.clone(), json!({"source": "1"})),
        ("POST", format!("{APP}/deploy"), json!({"scripts": [{"name": "late", "source": "1"}]})),
        ("PUT", format!("{APP}/kv/late"), json!({"value": 1})),
        ("PUT", format!("{APP}/vars/LATE"), json!({"value": "1"})),
        ("PUT", format!("{APP}/secrets/LATE"), json!({"value": "1"})),
        ("POST", format!("{APP}/topics/late"), json!({"payload": 1})),
        ("POST", format!("{APP}/scripts/there/invoke"), json!({})),
        ("PATCH", APP.to_owned(), json!({"name": "Late"})),
        ("PUT", format!("{APP}/members/ada"), json!({"role": "viewer"})),
        ("POST", format!("{APP}/invitations"), json!({"role": "owner"})),
    ];
    server.send("PUT", &format!("{APP}/scripts/there"), &ada, Some(json!({"source": "1"}))).await;
    let bob = "/api/v1/users/bob";
    let member = format!("{APP}/members/bob");
    let session = server.join(&ada, "bob", json!({})).await;
    let before = server.send("GET", &format!("{APP}/audit?actor=bob"), &ada, None).await.json();
    for (method, path, body) in &everything {
        let how = (*method, path.as_str());
        by_ada("PUT", &member, Some(json!({"role": "owner"}))).await;
        let meanwhile = by_ada("DELETE", &member, None);
        assert_eq!(late(&server, how, &session, body, meanwhile).await.error(), (404, "not_found".into()), "{how:?}");

        by_ada("PUT", &member, Some(json!({"role": "owner"}))).await;
        let meanwhile = by_ada("PUT", &member, Some(json!({"role": "viewer"})));
        assert_eq!(late(&server, how, &session, body, meanwhile).await.error(), (403, "forbidden".into()), "{how:?}");

        by_ada("PUT", &member, Some(json!({"role": "owner"}))).await;
        let session = server.login("bob", crate::support::PASSWORD, "198.51.100.1").await.json()["token"].clone();
        let session = session.as_str().unwrap().to_owned();
        let meanwhile = {
            let (server, session) = (server.clone(), session.clone());
            async move { assert_eq!(server.send("POST", "/api/v1/auth/logout", &session, None).await.status, 204) }
        };
        let answer = late(&server, how, &session, body, meanwhile).await;
        assert_eq!(answer.error(), (401, "unauthorized".into()), "{how:?}");
    }
    for (path, body, right) in [
        ("/api/v1/apps", json!({"slug": "late"}), "create_apps"),
        ("/api/v1/invitations", json!({"admin": true}), "admin"),
    ] {
        by_ada("PATCH", bob, Some(json!({right: true}))).await;
        let meanwhile = by_ada("PATCH", bob, Some(json!({right: false})));
        let answer = late(&server, ("POST", path), &session, &body, meanwhile).await;
        assert_eq!(answer.error(), (403, "forbidden".into()), "{path}");
    }
    let invited = server.send("POST", &format!("{APP}/invitations"), &ada, Some(json!({"role": "owner"}))).await;
    let accept = json!({"token": invited.json()["token"]});
    let meanwhile = by_ada("PATCH", bob, Some(json!({"disabled": true})));
    let answer = late(&server, ("POST", "/api/v1/invitations/accept"), &session, &accept, meanwhile).await;
    assert_eq!(answer.error(), (401, "unauthorized".into()));

    let scripts = server.send("GET", &format!("{APP}/scripts"), &ada, None).await.json();
    assert_eq!(
        scripts["items"].as_array().unwrap().iter().map(|script| &script["name"]).collect::<Vec<_>>(),
        ["there"]
    );
    assert_eq!(server.send("GET", &format!("{APP}/invocations"), &ada, None).await.json()["items"], json!([]));
    let after = server.send("GET", &format!("{APP}/audit?actor=bob"), &ada, None).await.json();
    assert_eq!(after, before, "what was refused is in the audit log");
}
