//! Members of apps: what each role may, and who gives roles.

use crate::support::Server;
use serde_json::{Value, json};

const APP: &str = "/api/v1/apps/shop";
const MEMBERS: &str = "/api/v1/apps/shop/members";

async fn set(server: &Server, token: &str, name: &str, role: &str) -> crate::support::Answer {
    server.send("PUT", &format!("{MEMBERS}/{name}"), token, Some(json!({"role": role}))).await
}

#[tokio::test]
async fn each_role_does_what_it_may() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({})).await;
    let calls: [(&str, String, Value, [u16; 4]); 7] = [
        ("GET", APP.to_owned(), json!({}), [404, 200, 200, 200]),
        ("GET", MEMBERS.to_owned(), json!({}), [404, 200, 200, 200]),
        ("PUT", format!("{APP}/vars/A"), json!({"value": "1"}), [404, 403, 204, 204]),
        ("PATCH", APP.to_owned(), json!({"name": "b"}), [404, 403, 403, 200]),
        ("PUT", format!("{MEMBERS}/eve"), json!({"role": "owner"}), [404, 403, 403, 200]),
        ("GET", format!("{APP}/invitations"), json!({}), [404, 403, 403, 200]),
        ("GET", format!("{APP}/audit"), json!({}), [404, 403, 403, 200]),
    ];
    for (n, role) in [None, Some("viewer"), Some("editor"), Some("owner")].into_iter().enumerate() {
        if let Some(role) = role {
            assert_eq!(set(&server, &token, "eve", role).await.status, if n == 1 { 201 } else { 200 });
        }
        for (method, path, body, statuses) in &calls {
            let answer = server.send(method, path, &eve, Some(body.clone())).await;
            assert_eq!(answer.status.as_u16(), statuses[n], "{role:?} {method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn members_are_listed_changed_and_leave() {
    let (server, token) = Server::with_app().await;
    let (eve, bob) = (server.join(&token, "eve", json!({})).await, server.join(&token, "bob", json!({})).await);
    set(&server, &token, "eve", "viewer").await;
    set(&server, &token, "bob", "viewer").await;
    let listed = server.send("GET", MEMBERS, &bob, None).await.json();
    let member = |name: &str, role: &str| json!({"username": name, "role": role});
    assert_eq!(listed["items"], json!([member("ada", "owner"), member("bob", "viewer"), member("eve", "viewer")]));
    let page = server.send("GET", &format!("{MEMBERS}?limit=1&after=ada"), &bob, None).await.json();
    assert_eq!((&page["items"], &page["next"]), (&json!([member("bob", "viewer")]), &json!("bob")));
    assert_eq!(set(&server, &token, "nobody", "viewer").await.error(), (404, "not_found".into()));
    assert_eq!(set(&server, &token, "eve", "admin").await.error(), (422, "invalid_request".into()));

    let remove = async |token: &str, name: &str| server.send("DELETE", &format!("{MEMBERS}/{name}"), token, None).await;
    assert_eq!(remove(&bob, "eve").await.error(), (403, "forbidden".into()));
    assert_eq!(remove(&bob, "bob").await.status, 204);
    assert_eq!(remove(&bob, "bob").await.error(), (404, "not_found".into()));
    // A token that shows less takes its user out of nothing.
    let capped = server.api_token(&eve, json!({"name": "look", "role": "viewer"})).await;
    assert_eq!(remove(&capped, "eve").await.error(), (403, "forbidden".into()));
    assert_eq!(remove(&token, "eve").await.status, 204);
    assert_eq!(remove(&token, "eve").await.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn the_last_owner_stays() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({})).await;
    set(&server, &token, "eve", "owner").await;
    let own = format!("{MEMBERS}/eve");
    // An administrator may leave.
    assert_eq!(server.send("DELETE", &format!("{MEMBERS}/ada"), &token, None).await.status, 204);
    let last = (409, "last_owner".to_owned());
    assert_eq!(server.send("DELETE", &own, &eve, None).await.error(), last);
    assert_eq!(set(&server, &eve, "eve", "viewer").await.error(), last);
    assert_eq!(server.send("GET", APP, &token, None).await.json()["role"], "owner");
    assert_eq!(server.send("DELETE", &own, &token, None).await.status, 204);
    assert_eq!(server.send("GET", APP, &eve, None).await.error().0, 404);
    assert_eq!(server.send("GET", APP, &token, None).await.status, 200);
}
