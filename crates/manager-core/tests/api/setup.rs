//! The first user, once.

use crate::support::{PASSWORD, Server};
use serde_json::json;

#[tokio::test]
async fn the_set_up_token_makes_one_administrator() {
    let server = Server::start().await;
    let token = server.setup_token.reveal().to_owned();
    let set_up = async |token: &str, password: &str| {
        let body = json!({"token": token, "username": "ada", "password": password});
        server.send("POST", "/api/v1/setup", "", Some(body)).await
    };
    let is_set_up = async || server.send("GET", "/api/v1/about", "", None).await.json()["set_up"] == json!(true);
    assert!(!is_set_up().await);
    assert_eq!(set_up("", PASSWORD).await.error(), (403, "wrong_setup_token".into()));
    assert_eq!(set_up(&token, "short").await.error(), (422, "invalid_request".into()));
    let made = set_up(&token, PASSWORD).await;
    assert_eq!(made.status, 201);
    assert!(is_set_up().await);
    let me = server.send("GET", "/api/v1/auth/me", made.json()["token"].as_str().unwrap(), None).await.json();
    assert_eq!((&me["username"], &me["admin"]), (&json!("ada"), &json!(true)));
    assert_eq!(set_up(&token, PASSWORD).await.error(), (409, "already_set_up".into()));
}
