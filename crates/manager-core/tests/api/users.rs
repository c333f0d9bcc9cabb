//! Users: who may see and change them, and what they may do.

use crate::support::{PASSWORD, Server};
use serde_json::{Value, json};

const USERS: &str = "/api/v1/users";

#[tokio::test]
async fn administrators_see_and_change_users() {
    let (server, token) = Server::with_app().await;
    server.join(&token, "eve", json!({})).await;
    server.join(&token, "bob", json!({"create_apps": true})).await;
    let listed = server.send("GET", USERS, &token, None).await.json();
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ada", "bob", "eve"]);
    let keys: Vec<_> = listed["items"][1].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["admin", "create_apps", "created_at", "disabled", "id", "username"]);
    let page = server.send("GET", &format!("{USERS}?limit=1&after=ada"), &token, None).await.json();
    assert_eq!((&page["items"][0]["username"], &page["next"]), (&json!("bob"), &json!("bob")));
    for odd in ["limit=0", "after=%00", "before=a"] {
        let refused = server.send("GET", &format!("{USERS}?{odd}"), &token, None).await;
        assert!(matches!(refused.error(), (400 | 422, _)), "{odd}: {}", refused.text);
    }
    let patch =
        async |name: &str, body: Value| server.send("PATCH", &format!("{USERS}/{name}"), &token, Some(body)).await;
    let changed = patch("eve", json!({"create_apps": true})).await.json();
    assert_eq!((&changed["create_apps"], &changed["admin"]), (&json!(true), &json!(false)));
    assert_eq!(patch("eve", json!({})).await.json(), changed);
    assert_eq!(patch("nobody", json!({})).await.error(), (404, "not_found".into()));
    assert_eq!(patch("a%20b", json!({})).await.error(), (422, "invalid_request".into()));
    assert_eq!(patch("eve", json!({"username": "x"})).await.error(), (422, "invalid_request".into()));
    assert_eq!(patch("eve", json!({"admin": "yes"})).await.error(), (422, "invalid_request".into()));
    let delete = async |name: &str| server.send("DELETE", &format!("{USERS}/{name}"), &token, None).await;
    assert_eq!(delete("eve").await.status, 204);
    assert_eq!(delete("eve").await.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn nobody_but_administrators_does() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({"create_apps": true})).await;
    for (method, path) in [
        ("GET", USERS.to_owned()),
        ("PATCH", format!("{USERS}/eve")),
        ("DELETE", format!("{USERS}/ada")),
        ("GET", "/api/v1/invitations".to_owned()),
        ("POST", "/api/v1/invitations".to_owned()),
        ("DELETE", "/api/v1/invitations/x".to_owned()),
        ("GET", "/api/v1/audit".to_owned()),
    ] {
        let refused = server.send(method, &path, &eve, Some(json!({}))).await;
        assert_eq!(refused.error(), (403, "forbidden".into()), "{method} {path}");
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let (server, token) = Server::with_app().await;
    let ada = format!("{USERS}/ada");
    let last = (409, "last_administrator".to_owned());
    for body in [json!({"admin": false}), json!({"disabled": true})] {
        assert_eq!(server.send("PATCH", &ada, &token, Some(body)).await.error(), last);
    }
    assert_eq!(server.send("DELETE", &ada, &token, None).await.error(), last);
    let bob = server.join(&token, "bob", json!({"admin": true})).await;
    assert_eq!(server.send("PATCH", &ada, &bob, Some(json!({"admin": false}))).await.status, 200);
    assert_eq!(server.send("GET", USERS, &token, None).await.error(), (403, "forbidden".into()));
    assert_eq!(server.send("DELETE", &format!("{USERS}/bob"), &bob, None).await.error(), last);
}

#[tokio::test]
async fn who_may_make_apps_and_who_not() {
    let (server, token) = Server::with_app().await;
    let (eve, bob) =
        (server.join(&token, "eve", json!({})).await, server.join(&token, "bob", json!({"create_apps": true})).await);
    let make =
        async |token: &str, slug: &str| server.send("POST", "/api/v1/apps", token, Some(json!({"slug": slug}))).await;
    assert_eq!(make(&eve, "eves").await.error(), (403, "forbidden".into()));
    assert_eq!(make(&bob, "bobs").await.status, 201);
    assert_eq!(make(&token, "adas").await.status, 201);
    let me = async |token: &str| {
        let me = server.send("GET", "/api/v1/auth/me", token, None).await.json();
        (me["admin"].clone(), me["create_apps"].clone())
    };
    assert_eq!(me(&eve).await, (json!(false), json!(false)));
    assert_eq!(me(&bob).await, (json!(false), json!(true)));
    assert_eq!(me(&token).await, (json!(true), json!(true)));
    // To whoever is no member there is no such app.
    for slug in ["bobs", "adas", "shop"] {
        assert_eq!(server.send("GET", &format!("/api/v1/apps/{slug}"), &eve, None).await.error().0, 404);
    }
    assert_eq!(server.send("GET", "/api/v1/apps", &eve, None).await.items(), json!([]));
}

#[tokio::test]
async fn who_is_disabled_or_deleted_is_out_at_once() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({})).await;
    let api = server.api_token(&eve, json!({"name": "ci"})).await;
    let status = async |token: &str| server.send("GET", "/api/v1/auth/me", token, None).await.status.as_u16();
    let path = format!("{USERS}/eve");
    assert_eq!((status(&eve).await, status(&api).await), (200, 200));
    server.send("PATCH", &path, &token, Some(json!({"disabled": true}))).await;
    assert_eq!((status(&eve).await, status(&api).await), (401, 401));
    // Only whoever knows the password is told.
    assert_eq!(server.login("eve", PASSWORD, "198.51.100.1").await.error(), (403, "disabled".into()));
    assert_eq!(server.login("eve", "wrong password", "198.51.100.1").await.error(), (401, "wrong_credentials".into()));
    server.send("PATCH", &path, &token, Some(json!({"disabled": false}))).await;
    assert_eq!((status(&eve).await, status(&api).await), (401, 401));
    let again = server.login("eve", PASSWORD, "198.51.100.1").await.json()["token"].clone();
    assert_eq!(status(again.as_str().unwrap()).await, 200);
    server.send("DELETE", &path, &token, None).await;
    assert_eq!(status(again.as_str().unwrap()).await, 401);
    assert_eq!(server.login("eve", PASSWORD, "198.51.100.1").await.error(), (401, "wrong_credentials".into()));
}

#[tokio::test]
async fn a_password_is_changed_by_whoever_knows_it() {
    let (server, session) = Server::with_app().await;
    let other = server.login("ada", PASSWORD, "198.51.100.1").await.json()["token"].as_str().unwrap().to_owned();
    let api = server.api_token(&session, json!({"name": "ci"})).await;
    let change = async |token: &str, old: &str, new: &str| {
        let body = json!({"old_password": old, "new_password": new});
        server.send("POST", "/api/v1/auth/password", token, Some(body)).await
    };
    assert_eq!(change(&api, PASSWORD, "another horse").await.error(), (403, "session_needed".into()));
    assert_eq!(change(&session, "wrong password", "another horse").await.error(), (401, "wrong_credentials".into()));
    assert_eq!(change(&session, PASSWORD, "short").await.error(), (422, "invalid_request".into()));
    assert_eq!(change(&session, PASSWORD, "another horse").await.status, 204);
    let status = async |token: &str| server.send("GET", "/api/v1/auth/me", token, None).await.status.as_u16();
    assert_eq!((status(&session).await, status(&other).await, status(&api).await), (200, 401, 200));
    assert_eq!(server.login("ada", PASSWORD, "198.51.100.1").await.error().0, 401);
    assert_eq!(server.login("ada", "another horse", "198.51.100.1").await.status, 200);
}

#[tokio::test]
async fn guessing_is_slowed_down_for_each_address() {
    let (server, _) = Server::with_app().await;
    // An unknown user is told the same, as often.
    for (name, from) in [("ada", "198.51.100.1"), ("nobody", "198.51.100.2"), ("", "2001:db8::1")] {
        for _ in 0..20 {
            assert_eq!(server.login(name, "wrong password", from).await.error(), (401, "wrong_credentials".into()));
        }
        let refused = server.login(name, PASSWORD, from).await;
        assert_eq!(refused.error(), (429, "too_many_sign_ins".into()));
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    assert_eq!(server.login("ada", PASSWORD, "2001:db8::ffff").await.error().0, 429, "another address of its network");
    // Nobody else is kept out by it, nor does signing in count.
    for _ in 0..25 {
        assert_eq!(server.login("ada", PASSWORD, "198.51.100.3").await.status, 200);
    }
}
