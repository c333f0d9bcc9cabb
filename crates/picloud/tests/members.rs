//! Routes that answer only members of the app, by the tokens of the API.

use crate::{
    http::raw,
    support::{Backend, Setup, TestApp, elsewhere, error_of, on_both},
};
use picloud_shared::api::{NewApp, UpdateApp};
use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

on_both!(only_members_are_answered, only_members_are_told_what_it_cost, a_late_body_finds_the_token_dead);

/// An app that is not in debug mode, with a public route and one for members.
async fn shop(setup: Setup) -> TestApp {
    let picloud = setup.start().await;
    let shop = "shop".parse().unwrap();
    picloud.client.create_app(&NewApp { slug: "shop".parse().unwrap(), name: None, debug: false }).await.unwrap();
    let tell = "#{ sent: req.headers.authorization, body: req.text(), by: req.method, user: req.user }";
    picloud.put(&shop, "admin", tell, &["ANY /admin/{id} auth: token"]).await;
    picloud.put(&shop, "open", tell, &["ANY /open"]).await;
    let fails = "kv::get(\"a\");\nthrow \"hidden\"";
    picloud.put(&shop, "fails", fails, &["GET /fails auth: token", "GET /fails/open"]).await;
    picloud
}

async fn ask(picloud: &TestApp, path: &str, authorization: &str) -> reqwest::Response {
    let request = picloud.http.post(format!("{}{path}", picloud.ingress)).header(AUTHORIZATION, authorization);
    request.body("hello").send().await.unwrap()
}

async fn only_members_are_answered(backend: Backend) {
    let picloud = shop(Setup::new(backend)).await;
    let token = picloud.token().await;
    let strange = format!("Bearer pic_{}", "0".repeat(64));
    let mut refusals = Vec::new();
    for authorization in ["", "Bearer", "Basic YTpi", "Bearer nonsense", &strange, &strange[..70]] {
        let response = ask(&picloud, "/shop/admin/1", authorization).await;
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        let (status, code, error) = error_of(response).await;
        assert_eq!((status, code.as_str()), (401, "unauthorized"), "{authorization}");
        refusals.push(error["message"].clone());
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    // Before the body has come.
    let request = b"POST /shop/admin/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    assert!(raw(&picloud, request).await.starts_with("HTTP/1.1 401 "));

    let bearer = format!("Bearer {token}");
    let answer: Value = ask(&picloud, "/shop/admin/1", &bearer).await.json().await.unwrap();
    // The token would open the API to the script.
    assert_eq!(answer, serde_json::json!({"sent": null, "body": "hello", "by": "POST", "user": "admin"}));
    // What comes to a public route is the script's business.
    let answer: Value = ask(&picloud, "/shop/open", "Basic YTpi").await.json().await.unwrap();
    assert_eq!((&answer["sent"], &answer["user"]), (&"Basic YTpi".into(), &Value::Null));

    let session = picloud.client.clone().with_token(&token).unwrap();
    session.logout().await.unwrap();
    assert_eq!(ask(&picloud, "/shop/admin/1", &bearer).await.status(), 401);
    // As the routes say, so it is shown.
    let script = picloud.client.script(&"shop".parse().unwrap(), &"admin".parse().unwrap()).await.unwrap();
    assert_eq!(script.routes[0].to_string(), "ANY /admin/{id} auth: token");
}

async fn only_members_are_told_what_it_cost(backend: Backend) {
    let picloud = shop(Setup::new(backend)).await;
    let bearer = format!("Bearer {}", picloud.token().await);
    for (path, told) in [("/shop/fails", true), ("/shop/fails/open", false)] {
        let request = picloud.http.get(format!("{}{path}", picloud.ingress)).header(AUTHORIZATION, &bearer);
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        assert_eq!(headers.contains_key("x-picloud-fuel"), told, "{path}");
        let timing = headers.get("server-timing").map(|timing| timing.to_str().unwrap());
        assert_eq!(timing.is_some_and(|t| t.starts_with("total;dur=") && t.contains(", kv;dur=")), told, "{timing:?}");
        let (status, _, error) = error_of(response).await;
        assert_eq!((status, error["message"] == "hidden", error["line"] == 2), (500, told, told), "{error}");
    }
    // In debug mode everybody is.
    let debug = UpdateApp { debug: Some(true), ..UpdateApp::default() };
    picloud.client.update_app(&"shop".parse().unwrap(), &debug).await.unwrap();
    let response = picloud.get("/shop/fails/open").await;
    assert!(response.headers().contains_key("x-picloud-fuel") && response.headers().contains_key("server-timing"));
    assert_eq!(error_of(response).await.2["line"], 2);
}

async fn a_late_body_finds_the_token_dead(backend: Backend) {
    let picloud = shop(Setup::new(backend)).await;
    let token = picloud.token().await;
    let session = picloud.client.clone().with_token(&token).unwrap();
    let mut stream = TcpStream::connect(picloud.ingress.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "POST /shop/admin/1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body only once it has let the token pass.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    session.logout().await.unwrap();
    stream.write_all(b"hi").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn what_changes_elsewhere_counts_at_once() {
    let setup = Setup::new(Backend::Postgres);
    let database = setup.database().unwrap().to_owned();
    let picloud = shop(setup).await;
    let bearer = format!("Bearer {}", picloud.token().await);
    let answered = async || {
        let response = ask(&picloud, "/shop/admin/1", &bearer).await;
        if response.status() == 200 {
            return (200, String::new());
        }
        let (status, code, _) = error_of(response).await;
        (status, code)
    };
    assert_eq!(answered().await.0, 200);
    // Somebody with a token, but without a role in the app.
    elsewhere(&database, "UPDATE users SET admin = FALSE");
    assert_eq!(answered().await.0, 200, "whoever made an app is its owner");
    elsewhere(&database, "DELETE FROM memberships");
    assert_eq!(answered().await, (404, "no_such_route".to_owned()));
    elsewhere(
        &database,
        "INSERT INTO memberships (app_id, user_id, role) SELECT apps.id, users.id, 'viewer' FROM apps, users",
    );
    assert_eq!(answered().await.0, 200);
    elsewhere(&database, "UPDATE tokens SET expires_at = 1");
    assert_eq!(answered().await, (401, "unauthorized".to_owned()));
}
