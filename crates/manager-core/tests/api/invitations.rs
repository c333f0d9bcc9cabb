//! Invitations: the link, who makes one, and accepting it.

use crate::support::{Answer, PASSWORD, Server};
use axum::http::header;
use serde_json::{Value, json};

const TO_APP: &str = "/api/v1/apps/shop/invitations";
const TO_SERVER: &str = "/api/v1/invitations";

async fn accept(server: &Server, bearer: &str, body: Value) -> Answer {
    server.send("POST", "/api/v1/invitations/accept", bearer, Some(body)).await
}

async fn link(server: &Server, token: &str, list: &str, body: Value) -> String {
    let made = server.send("POST", list, token, Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_link_is_made_listed_and_revoked() {
    let (server, token) = Server::with_app().await;
    for (list, body, app, role) in [
        (TO_APP, json!({"role": "editor"}), json!("shop"), json!("editor")),
        (TO_SERVER, json!({"create_apps": true}), Value::Null, Value::Null),
    ] {
        let made = server.send("POST", list, &token, Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let made = made.json();
        let secret = made["token"].as_str().unwrap();
        assert_eq!(made["url"], format!("https://picloud.test/invite#token={secret}"));
        assert_eq!((&made["app"], &made["role"], &made["created_by"]), (&app, &role, &json!("ada")));
        assert_eq!(made["create_apps"], list == TO_SERVER);
        let life = made["expires_at"].as_i64().unwrap() - made["created_at"].as_i64().unwrap();
        assert_eq!(life, 7 * 86_400_000);
        let listed = server.send("GET", list, &token, None).await;
        assert!(!listed.text.contains(secret), "{}", listed.text);
        assert_eq!(listed.json()["items"][0]["id"], made["id"]);
        let path = format!("{list}/{}", made["id"].as_str().unwrap());
        let elsewhere = path.replace(list, if list == TO_APP { TO_SERVER } else { TO_APP });
        assert_eq!(server.send("DELETE", &elsewhere, &token, None).await.error(), (404, "not_found".into()));
        assert_eq!(server.send("DELETE", &path, &token, None).await.status, 204);
        assert_eq!(server.send("DELETE", &path, &token, None).await.error(), (404, "not_found".into()));
        let body = json!({"token": secret, "username": "eve", "password": PASSWORD});
        assert_eq!(accept(&server, "", body).await.error(), (404, "not_found".into()));
    }
    for (list, odd) in [
        (TO_APP, json!({})),
        (TO_APP, json!({"role": "admin"})),
        (TO_APP, json!({"role": "viewer", "admin": true})),
        (TO_SERVER, json!({"role": "viewer"})),
        (TO_SERVER, json!({"admin": 1})),
    ] {
        assert_eq!(server.send("POST", list, &token, Some(odd)).await.error(), (422, "invalid_request".into()));
    }
}

#[tokio::test]
async fn a_link_makes_a_user_or_a_member_once() {
    let (server, token) = Server::with_app().await;
    let secret = link(&server, &token, TO_APP, json!({"role": "viewer"})).await;
    let with = |name: &str, password: &str| json!({"token": secret, "username": name, "password": password});
    // What is refused uses nothing up.
    assert_eq!(accept(&server, "", with("eve", "short")).await.error(), (422, "invalid_request".into()));
    assert_eq!(accept(&server, "", with("a b", PASSWORD)).await.error(), (422, "invalid_request".into()));
    assert_eq!(accept(&server, "", with("ada", PASSWORD)).await.error(), (409, "username_taken".into()));
    assert_eq!(accept(&server, "", json!({"token": secret})).await.error(), (401, "unauthorized".into()));
    let half = json!({"token": secret, "username": "eve"});
    assert_eq!(accept(&server, &token, half).await.error(), (422, "invalid_request".into()));
    let joined = accept(&server, "", with("eve", PASSWORD)).await;
    assert_eq!(joined.status, 201, "{}", joined.text);
    let joined = joined.json();
    assert_eq!(
        (&joined["username"], &joined["app"], &joined["role"]),
        (&json!("eve"), &json!("shop"), &json!("viewer"))
    );
    let eve = joined["token"].as_str().unwrap();
    assert_eq!(server.send("GET", "/api/v1/apps/shop", eve, None).await.json()["role"], "viewer");
    assert_eq!(accept(&server, "", with("bob", PASSWORD)).await.error(), (410, "invitation_over".into()));
    assert_eq!(
        accept(&server, "", json!({"token": "0".repeat(64), "username": "bob", "password": PASSWORD})).await.error().0,
        404
    );

    // Somebody who is a user becomes a member, or an editor.
    let secret = link(&server, &token, TO_APP, json!({"role": "editor"})).await;
    let raised = accept(&server, eve, json!({"token": secret})).await;
    assert_eq!((raised.status.as_u16(), &raised.json()["token"]), (200, &Value::Null));
    assert_eq!(server.send("GET", "/api/v1/apps/shop", eve, None).await.json()["role"], "editor");
    let secret = link(&server, &token, TO_APP, json!({"role": "viewer"})).await;
    assert_eq!(accept(&server, eve, json!({"token": secret})).await.error(), (409, "already_a_member".into()));
    let secret = link(&server, &token, TO_SERVER, json!({"admin": true})).await;
    assert_eq!(accept(&server, eve, json!({"token": secret})).await.error(), (409, "not_for_users".into()));
    let boss = accept(&server, "", json!({"token": secret, "username": "boss", "password": PASSWORD})).await.json();
    let me = server.send("GET", "/api/v1/auth/me", boss["token"].as_str().unwrap(), None).await.json();
    assert_eq!((&me["username"], &me["admin"]), (&json!("boss"), &json!(true)));
}

#[tokio::test]
async fn what_an_owner_has_left_behind_brings_nobody_in() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({})).await;
    let member = "/api/v1/apps/shop/members/eve";
    server.send("PUT", member, &token, Some(json!({"role": "owner"}))).await;
    let secret = link(&server, &eve, TO_APP, json!({"role": "owner"})).await;
    assert_eq!(server.send("DELETE", member, &token, None).await.status, 204);
    assert_eq!(accept(&server, &eve, json!({"token": secret})).await.error(), (410, "invitation_over".into()));
    assert_eq!(server.send("GET", "/api/v1/apps/shop", &eve, None).await.error().0, 404);
}

#[tokio::test]
async fn trying_links_is_slowed_down() {
    let (server, token) = Server::with_app().await;
    let guess = json!({"token": "0".repeat(64), "username": "eve", "password": PASSWORD});
    for _ in 0..20 {
        assert_eq!(accept(&server, "", guess.clone()).await.error().0, 404);
    }
    let refused = accept(&server, "", guess).await;
    assert_eq!(refused.error(), (429, "too_many_sign_ins".into()));
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    assert_eq!(server.send("GET", "/api/v1/auth/me", &token, None).await.status, 200);
}
