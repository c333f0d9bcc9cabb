//! Variables and secrets: who may see and set them, and that no answer holds a secret.

use crate::support::Server;
use serde_json::json;

const VARS: &str = "/api/v1/apps/shop/vars";
const SECRETS: &str = "/api/v1/apps/shop/secrets";

#[tokio::test]
async fn a_variable_is_set_listed_and_deleted() {
    let (server, token) = Server::with_app().await;
    let set = async |name: &str, value: &str| {
        server.send("PUT", &format!("{VARS}/{name}"), &token, Some(json!({ "value": value }))).await.status
    };
    assert_eq!(server.send("GET", VARS, &token, None).await.items(), json!([]));
    assert_eq!(set("REGION", "eu").await, 204);
    assert_eq!(set("A", "").await, 204);
    assert_eq!(set("REGION", "us\0").await, 204);
    let vars = server.send("GET", VARS, &token, None).await.items();
    assert_eq!(
        (&vars[0]["name"], &vars[1]["name"], &vars[1]["value"]),
        (&json!("A"), &json!("REGION"), &json!("us\0"))
    );
    assert!(vars[0]["updated_at"].as_i64().is_some_and(|at| at > 1_700_000_000_000));
    let path = format!("{VARS}/REGION");
    assert_eq!(server.send("DELETE", &path, &token, None).await.status, 204);
    assert_eq!(server.send("DELETE", &path, &token, None).await.error(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn no_answer_holds_a_secret() {
    let (server, token) = Server::with_app().await;
    let path = format!("{SECRETS}/KEY");
    let value = "hunter2";
    let answers = [
        server.send("PUT", &path, &token, Some(json!({ "value": value }))).await,
        server.send("PUT", &path, &token, Some(json!({ "value": value, "odd": value }))).await,
        server.send("GET", SECRETS, &token, None).await,
        server.send("GET", &path, &token, None).await,
        server.send("GET", "/api/v1/apps/shop", &token, None).await,
        server.send("DELETE", &path, &token, None).await,
        server.send("DELETE", &path, &token, None).await,
    ];
    for answer in &answers {
        assert!(!answer.text.contains(value), "{}", answer.text);
    }
    assert_eq!(answers.each_ref().map(|answer| answer.status.as_u16()), [204, 422, 200, 405, 200, 204, 404]);
    let listed = answers[2].items();
    assert_eq!(listed[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["name", "updated_at"]);
}

#[tokio::test]
async fn values_and_names_are_bounded() {
    let (server, token) = Server::with_app().await;
    for list in [VARS, SECRETS] {
        let set = async |name: &str, value: serde_json::Value| {
            server.send("PUT", &format!("{list}/{name}"), &token, Some(json!({ "value": value }))).await
        };
        // Each character takes six bytes in JSON.
        assert_eq!(set("LARGEST", "\u{1}".repeat(32 << 10).into()).await.status, 204);
        assert_eq!(set("A", "x".repeat((32 << 10) + 1).into()).await.error(), (413, "too_large".to_owned()));
        assert_eq!(set("A", "x".repeat(1 << 20).into()).await.error(), (413, "body_too_large".to_owned()));
        assert_eq!(set("A", json!(7)).await.error(), (422, "invalid_request".to_owned()));
        for name in ["1A", "a-b", "a%20b", "a%2Fb", &"x".repeat(65)] {
            assert_eq!(set(name, "1".into()).await.error(), (422, "invalid_request".to_owned()), "{name}");
        }
        for number in 1..256 {
            assert_eq!(set(&format!("V{number}"), "1".into()).await.status, 204);
        }
        let refused = set("ONE_MORE", "1".into()).await;
        assert_eq!(refused.error(), (422, "invalid_request".to_owned()));
        assert!(refused.text.contains("at most 256"), "{}", refused.text);
    }
}

#[tokio::test]
async fn to_a_stranger_there_is_nothing() {
    let (server, token) = Server::with_app().await;
    for list in [VARS, SECRETS] {
        let elsewhere = list.replace("shop", "nowhere");
        for (method, path) in
            [("GET", elsewhere.clone()), ("PUT", format!("{elsewhere}/A")), ("DELETE", format!("{elsewhere}/A"))]
        {
            let answer = server.send(method, &path, &token, Some(json!({"value": "1"}))).await;
            assert_eq!(answer.error(), (404, "not_found".to_owned()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn lists_come_page_by_page() {
    let (server, token) = Server::with_app().await;
    for name in ["A", "B", "C"] {
        server.send("PUT", &format!("{VARS}/{name}"), &token, Some(json!({"value": name}))).await;
        let script = json!({"source": "1", "routes": []});
        server.send("PUT", &format!("/api/v1/apps/shop/scripts/{name}"), &token, Some(script)).await;
        let other = json!({"slug": name.to_lowercase()});
        server.send("POST", "/api/v1/apps", &token, Some(other)).await;
    }
    for source in ["2", "3"] {
        server.send("PUT", "/api/v1/apps/shop/scripts/A", &token, Some(json!({"source": source}))).await;
    }
    let versions = "/api/v1/apps/shop/scripts/A/versions";
    for (path, from, next) in [
        (VARS, "after", "B"),
        ("/api/v1/apps/shop/scripts", "after", "B"),
        ("/api/v1/apps", "after", "b"),
        (versions, "before", "2"),
    ] {
        let all = server.send("GET", path, &token, None).await;
        let first = server.send("GET", &format!("{path}?limit=2"), &token, None).await.json();
        assert_eq!(first["next"], next, "{path}");
        let rest = server.send("GET", &format!("{path}?{from}={next}"), &token, None).await;
        let both = [first["items"].as_array().unwrap().clone(), rest.items().as_array().unwrap().clone()].concat();
        assert_eq!((json!(both), &rest.json()["next"]), (all.items(), &json!(null)), "{path}");
        for refused in ["limit=0", "limit=201"] {
            let answer = server.send("GET", &format!("{path}?{refused}"), &token, None).await;
            assert_eq!(answer.error(), (422, "invalid_request".to_owned()), "{path}?{refused}");
        }
    }
}
