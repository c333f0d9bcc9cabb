//! What a request says that it has seen is looked at, or refused: no operation ignores it.

use crate::{
    authorisation::{operations, path},
    releases::conditionally,
    support::Server,
};
use serde_json::{Value, json};

/// Those that look at it, with a body that would change something.
fn looks(id: &str) -> Option<Value> {
    Some(match id {
        "update_app" => json!({"name": "other"}),
        "put_script" => json!({"source": "3"}),
        "delete_script" | "roll_back_script" => json!({}),
        "set_key" => json!({"value": 2}),
        _ => return None,
    })
}

#[tokio::test]
async fn what_was_seen_is_looked_at_or_refused() {
    let (server, token) = Server::with_app().await;
    for source in ["1", "2"] {
        let put = server.send("PUT", "/api/v1/apps/shop/scripts/x", &token, Some(json!({"source": source}))).await;
        assert!(put.status.is_success(), "{}", put.text);
    }
    let set = server.send("PUT", "/api/v1/apps/shop/kv/x", &token, Some(json!({"value": 1}))).await;
    assert_eq!(set.status, 204);
    let mut looked_at = 0;
    for operation in operations().iter().filter(|operation| operation.method != "GET") {
        let path = path(operation, "shop");
        let ask = async |header: (&str, &str), body: Value| {
            conditionally(&server, &token, (&operation.method, &path), header, body).await
        };
        if let Some(body) = looks(&operation.id) {
            looked_at += 1;
            assert_eq!(ask(("if-match", "\"stale\""), body).await.error(), (412, "changed".into()), "{}", operation.id);
        } else {
            for header in [("if-match", "\"stale\""), ("if-none-match", "*")] {
                let answer = ask(header, json!({})).await;
                let told = answer.json()["error"]["message"].as_str().unwrap().to_owned();
                assert_eq!(answer.error(), (400, "malformed_request".into()), "{}: {told}", operation.id);
                assert!(told.contains(header.0), "{}: {told}", operation.id);
            }
        }
        let answer = ask(("if-unmodified-since", "Wed, 21 Oct 2015 07:28:00 GMT"), json!({})).await;
        assert_eq!(answer.error(), (400, "malformed_request".into()), "{}", operation.id);
    }
    assert_eq!(looked_at, 5);
    // Nothing was changed, nobody signed out.
    assert_eq!(server.send("GET", "/api/v1/apps/shop/kv/x", &token, None).await.json()["value"], 1);
    assert_eq!(server.send("GET", "/api/v1/apps/shop/scripts/x", &token, None).await.json()["source"], "2");
}
