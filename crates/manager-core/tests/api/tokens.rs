//! API tokens: what they are shown with, and what those that are for less than their user cannot do.

use crate::support::{PASSWORD, Server};
use serde_json::{Value, json};

const TOKENS: &str = "/api/v1/auth/tokens";

#[tokio::test]
async fn a_token_is_made_shown_once_and_ended() {
    let (server, session) = Server::with_app().await;
    let new = json!({"name": "ci", "role": "editor", "apps": ["shop"], "expires_in_days": 7});
    let made = server.send("POST", TOKENS, &session, Some(new)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("pic_") && token.len() == 68);
    assert_eq!((&made["name"], &made["role"], &made["apps"]), (&json!("ci"), &json!("editor"), &json!(["shop"])));
    let life = made["expires_at"].as_i64().unwrap() - made["created_at"].as_i64().unwrap();
    assert_eq!(life, 7 * 86_400_000);
    let plain = server.send("POST", TOKENS, &session, Some(json!({"name": "all"}))).await.json();
    let life = plain["expires_at"].as_i64().unwrap() - plain["created_at"].as_i64().unwrap();
    assert_eq!((life, &plain["role"], &plain["apps"]), (90 * 86_400_000, &Value::Null, &Value::Null));

    let all = plain["token"].as_str().unwrap();
    let listed = server.send("GET", TOKENS, all, None).await;
    assert!(!listed.text.contains("pic_"), "{}", listed.text);
    let listed = listed.json();
    let kinds: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|t| (t["kind"].clone(), t["current"].clone())).collect();
    assert_eq!(kinds, [(json!("api"), json!(true)), (json!("api"), json!(false)), (json!("session"), json!(false))]);
    assert!(listed["items"][0]["last_used_at"].is_i64() && listed["items"][1]["last_used_at"].is_null());
    assert!(listed["items"][2]["name"].is_null() && listed["items"][2]["last_used_at"].is_i64());
    let page = server.send("GET", &format!("{TOKENS}?limit=1"), &session, None).await.json();
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&plain["id"], &plain["id"]));

    let path = format!("{TOKENS}/{}", made["id"].as_str().unwrap());
    assert_eq!(server.send("GET", "/api/v1/auth/me", token, None).await.status, 200);
    assert_eq!(server.send("DELETE", &path, &session, None).await.status, 204);
    assert_eq!(server.send("GET", "/api/v1/auth/me", token, None).await.error().0, 401);
    assert_eq!(server.send("DELETE", &path, &session, None).await.error(), (404, "not_found".into()));
    assert_eq!(server.send("DELETE", &format!("{TOKENS}/x"), &session, None).await.error(), (404, "not_found".into()));
    // Nobody ends another's.
    let eve = server.join(&session, "eve", json!({})).await;
    let path = format!("{TOKENS}/{}", plain["id"].as_str().unwrap());
    assert_eq!(server.send("DELETE", &path, &eve, None).await.error(), (404, "not_found".into()));
    assert_eq!(server.send("GET", "/api/v1/auth/me", all, None).await.status, 200);
    // A token signs itself out.
    assert_eq!(server.send("POST", "/api/v1/auth/logout", all, None).await.status, 204);
    assert_eq!(server.send("GET", "/api/v1/auth/me", all, None).await.error().0, 401);
}

#[tokio::test]
async fn tokens_that_cannot_be_are_refused() {
    let (server, session) = Server::with_app().await;
    let make = async |body: Value| server.send("POST", TOKENS, &session, Some(body)).await;
    for odd in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "a\n"}),
        json!({"name": "x".repeat(101)}),
        json!({"name": "a", "expires_in_days": 0}),
        json!({"name": "a", "expires_in_days": 367}),
        json!({"name": "a", "expires_in_days": -1}),
        json!({"name": "a", "expires_in_days": null}),
        json!({"name": "a", "role": "admin"}),
        json!({"name": "a", "apps": []}),
        json!({"name": "a", "apps": vec!["shop"; 101]}),
        json!({"name": "a", "scope": "all"}),
    ] {
        assert_eq!(make(odd.clone()).await.error(), (422, "invalid_request".into()), "{odd}");
    }
    assert_eq!(make(json!({"name": "a", "apps": ["shop", "other"]})).await.error(), (404, "not_found".into()));
    assert_eq!(
        make(json!({"name": "ü".repeat(100), "apps": ["shop", "shop"], "expires_in_days": 366})).await.status,
        201
    );
    for _ in 1..100 {
        assert_eq!(make(json!({"name": "a"})).await.status, 201);
    }
    let refused = make(json!({"name": "a"})).await;
    assert_eq!(refused.error(), (422, "invalid_request".into()));
    assert!(refused.text.contains("at most 100 API tokens"), "{}", refused.text);
}

#[tokio::test]
async fn a_token_for_less_does_less() {
    let (server, session) = Server::with_app().await;
    server.send("POST", "/api/v1/apps", &session, Some(json!({"slug": "other"}))).await;
    let capped = server.api_token(&session, json!({"name": "capped", "role": "viewer"})).await;
    let scoped = server.api_token(&session, json!({"name": "scoped", "apps": ["shop"]})).await;
    let both = server.api_token(&session, json!({"name": "both", "apps": ["shop"], "role": "editor"})).await;
    let all = server.api_token(&session, json!({"name": "all"})).await;
    let role = async |token: &str, app: &str| {
        let app = server.send("GET", &format!("/api/v1/apps/{app}"), token, None).await;
        if app.status == 200 { app.json()["role"].clone() } else { json!(app.error().0) }
    };
    for (token, shop, other) in [
        (&capped, json!("viewer"), json!("viewer")),
        (&scoped, json!("owner"), json!(404)),
        (&both, json!("editor"), json!(404)),
        (&all, json!("owner"), json!("owner")),
    ] {
        assert_eq!((role(token, "shop").await, role(token, "other").await), (shop, other));
        let apps = server.send("GET", "/api/v1/apps", token, None).await.items();
        let seen = apps.as_array().unwrap().len();
        assert_eq!(seen, if token == &scoped || token == &both { 1 } else { 2 });
    }
    let put = async |token: &str, app: &str| {
        let path = format!("/api/v1/apps/{app}/scripts/greet");
        server.send("PUT", &path, token, Some(json!({"source": "1"}))).await.status.as_u16()
    };
    assert_eq!((put(&capped, "shop").await, put(&both, "other").await), (403, 404));
    assert_eq!((put(&both, "shop").await, put(&scoped, "other").await), (201, 404));
    // With a list or a role it is nobody's administrator, and makes no way around itself.
    for token in [&capped, &scoped, &both] {
        let me = server.send("GET", "/api/v1/auth/me", token, None).await.json();
        assert_eq!((&me["admin"], &me["create_apps"], &me["username"]), (&json!(false), &json!(false), &json!("ada")));
        for (method, path) in [
            ("GET", "/api/v1/users"),
            ("PATCH", "/api/v1/users/ada"),
            ("DELETE", "/api/v1/users/ada"),
            ("GET", TOKENS),
            ("POST", TOKENS),
            ("DELETE", "/api/v1/auth/tokens/x"),
            ("POST", "/api/v1/auth/password"),
            ("GET", "/api/v1/invitations"),
            ("POST", "/api/v1/invitations"),
            ("DELETE", "/api/v1/invitations/x"),
            ("GET", "/api/v1/audit"),
            ("POST", "/api/v1/apps"),
        ] {
            let refused = server.send(method, path, token, Some(json!({"slug": "a"}))).await;
            assert_eq!(refused.error(), (403, "scoped_token".into()), "{method} {path}");
        }
        let refused = server.send("POST", "/api/v1/invitations/accept", token, Some(json!({"token": "x"}))).await;
        assert_eq!(refused.error(), (403, "scoped_token".into()));
    }
    for (method, path) in [("GET", ""), ("POST", ""), ("DELETE", "/x")] {
        let path = format!("/api/v1/apps/shop/invitations{path}");
        let refused = server.send(method, &path, &scoped, Some(json!({"role": "viewer"}))).await;
        assert_eq!(refused.error(), (403, "scoped_token".into()), "{method} {path}");
    }
    // Opening the server's own network is an administrator's.
    let open = Some(json!({"outbound": ["10.0.0.7"]}));
    assert_eq!(
        server.send("PATCH", "/api/v1/apps/shop", &scoped, open.clone()).await.error(),
        (403, "forbidden".into())
    );
    assert_eq!(server.send("PATCH", "/api/v1/apps/shop", &all, open).await.status, 200);
}

#[tokio::test]
async fn what_makes_credentials_needs_a_session() {
    let (server, session) = Server::with_app().await;
    let all = server.api_token(&session, json!({"name": "all"})).await;
    let change = json!({"old_password": PASSWORD, "new_password": "another horse"});
    for (path, body) in [(TOKENS, json!({"name": "more"})), ("/api/v1/auth/password", change)] {
        assert_eq!(server.send("POST", path, &all, Some(body)).await.error(), (403, "session_needed".into()), "{path}");
    }
    assert_eq!(server.send("GET", "/api/v1/users", &all, None).await.status, 200);
}
