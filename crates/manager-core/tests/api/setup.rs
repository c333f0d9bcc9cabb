//! The first user, by either door, once.

use crate::support::{PASSWORD, Server};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::json;

#[tokio::test]
async fn the_set_up_token_makes_one_administrator() {
    let server = Server::start().await;
    let token = server.setup_token.reveal().to_owned();
    let set_up = async |token: &str, password: &str| {
        let body = json!({"token": token, "username": "ada", "password": password});
        server.send("POST", "/api/v1/setup", "", Some(body)).await
    };
    assert_eq!(set_up("", PASSWORD).await.error(), (403, "wrong_setup_token".into()));
    assert_eq!(set_up(&token, "short").await.error(), (422, "invalid_request".into()));
    let made = set_up(&token, PASSWORD).await;
    assert_eq!(made.status, 201);
    let me = server.send("GET", "/api/v1/auth/me", made.json()["token"].as_str().unwrap(), None).await.json();
    assert_eq!((&me["username"], &me["admin"]), (&json!("ada"), &json!(true)));
    assert_eq!(set_up(&token, PASSWORD).await.error(), (409, "already_set_up".into()));
}

#[tokio::test]
async fn the_page_works_without_a_script() {
    let server = Server::start().await;
    let token = server.setup_token.reveal().to_owned();
    let page = server.send("GET", &format!("/setup?token={token}"), "", None).await;
    assert!(page.text.contains(&format!("value=\"{token}\"")), "{}", page.text);
    let submit = async |username: &str, password: &str| {
        let form = format!("token={token}&username={username}&password={password}");
        let request = Request::post("/setup").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        server.send_raw(request.body(Body::from(form)).unwrap()).await
    };
    let refused = submit("a%3Cb", "long+enough").await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("role=\"alert\"") && refused.text.contains("a&#60;b"), "{}", refused.text);
    assert!(refused.headers.contains_key(header::CONTENT_SECURITY_POLICY));
    let done = submit("ada", "long+enough").await;
    assert_eq!(done.status, 201);
    assert!(done.text.contains("pic login"), "{}", done.text);
    let login = json!({"username": "ada", "password": "long enough"});
    assert_eq!(server.send("POST", "/api/v1/auth/login", "", Some(login)).await.status, 200);
    assert_eq!(submit("eve", "long+enough").await.status, 409);
}

#[tokio::test]
async fn the_page_shows_no_form_that_can_only_fail() {
    let server = Server::start().await;
    let page = async |query: &str| {
        let page = server.send("GET", &format!("/setup{query}"), "", None).await;
        assert!(page.headers.contains_key(header::CONTENT_SECURITY_POLICY));
        (page.status.as_u16(), page.text.contains("<form"), page)
    };
    let link = format!("?token={}", server.setup_token.reveal());
    assert!(matches!(page(&link).await, (200, true, _)));
    for wrong in ["", "?token=", "?token=abc"] {
        let (status, form, page) = page(wrong).await;
        assert_eq!((status, form), (403, false), "{wrong}");
        assert!(page.text.contains("This link is not valid"), "{}", page.text);
    }
    let body = json!({"token": server.setup_token.reveal(), "username": "ada", "password": PASSWORD});
    assert_eq!(server.send("POST", "/api/v1/setup", "", Some(body)).await.status, 201);
    for used in [&link, ""] {
        let (status, form, page) = page(used).await;
        assert_eq!((status, form), (409, false), "{used}");
        assert!(page.text.contains("<code>pic login</code>"), "{}", page.text);
    }
}
