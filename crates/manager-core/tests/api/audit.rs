//! The audit log: what each operation leaves in it, who reads it, and that it holds no secret.

use crate::support::{PASSWORD, PROXY, Server};
use serde_json::{Value, json};

const APP: &str = "/api/v1/apps/shop";

/// Method, path, body; action and target, where it is a change.
type Case = (&'static str, String, Value, Option<(&'static str, Value)>);

async fn entries(server: &Server, token: &str, path: &str) -> Vec<Value> {
    let answer = server.send("GET", path, token, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_change_is_kept_with_who_what_and_from_where() {
    let (server, token) = Server::with_app().await;
    let script = format!("{APP}/scripts/greet");
    let secret = "hunter2 hunter2";
    let calls: Vec<Case> = vec![
        ("GET", APP.to_owned(), json!({}), None),
        ("PUT", script.clone(), json!({"source": "1"}), Some(("put_script", json!("greet")))),
        ("PUT", script.clone(), json!({"source": "1"}), None),
        ("PUT", script.clone(), json!({"source": "!"}), None),
        ("PUT", script.clone(), json!({"source": "2"}), Some(("put_script", json!("greet")))),
        ("POST", format!("{script}/check"), json!({"source": "1"}), None),
        ("POST", format!("{script}/rollback"), json!({}), Some(("roll_back_script", json!("greet")))),
        ("POST", format!("{script}/invoke"), json!({"payload": 1}), None),
        ("DELETE", script.clone(), json!({}), Some(("delete_script", json!("greet")))),
        ("DELETE", script, json!({}), None),
        ("POST", format!("{APP}/deploy"), json!({"scripts": [], "dry_run": true}), None),
        (
            "POST",
            format!("{APP}/deploy"),
            json!({"scripts": [{"name": "a", "source": "1"}]}),
            Some(("deploy", Value::Null)),
        ),
        ("PUT", format!("{APP}/kv/a/b"), json!({"value": secret}), Some(("set_key", json!("a/b")))),
        ("DELETE", format!("{APP}/kv/a/b"), json!({}), Some(("delete_key", json!("a/b")))),
        ("DELETE", format!("{APP}/kv/a/b"), json!({}), None),
        ("PATCH", APP.to_owned(), json!({"name": "b"}), Some(("update_app", Value::Null))),
        ("PUT", format!("{APP}/vars/A"), json!({"value": secret}), Some(("set_var", json!("A")))),
        ("DELETE", format!("{APP}/vars/A"), json!({}), Some(("delete_var", json!("A")))),
        ("PUT", format!("{APP}/secrets/KEY"), json!({"value": secret}), Some(("set_secret", json!("KEY")))),
        ("DELETE", format!("{APP}/secrets/KEY"), json!({}), Some(("delete_secret", json!("KEY")))),
        ("DELETE", format!("{APP}/secrets/KEY"), json!({}), None),
        ("PUT", format!("{APP}/files/a/b"), json!(secret), Some(("write_file", json!("a/b")))),
        ("DELETE", format!("{APP}/files/a/b"), json!({}), Some(("delete_file", json!("a/b")))),
        ("POST", format!("{APP}/domains"), json!({"domain": "a.example"}), Some(("add_domain", json!("a.example")))),
        ("DELETE", format!("{APP}/domains/a.example"), json!({}), Some(("remove_domain", json!("a.example")))),
        ("POST", format!("{APP}/topics/orders"), json!({"payload": 1}), None),
        ("POST", format!("{APP}/invitations"), json!({"role": "viewer"}), Some(("create_app_invitation", Value::Null))),
        ("DELETE", format!("{APP}/members/nobody"), json!({}), None),
    ];
    let log = format!("{APP}/audit?limit=200");
    let document = server.send("GET", "/api/v1/openapi.json", "", None).await.text;
    let mut before = entries(&server, &token, &log).await.len();
    for (method, path, body, expected) in calls {
        server.send(method, &path, &token, Some(body)).await;
        let now = entries(&server, &token, &log).await;
        assert_eq!(now.len() - before, usize::from(expected.is_some()), "{method} {path}");
        before = now.len();
        if let Some((action, target)) = expected {
            let entry = &now[0];
            assert!(document.contains(&format!("\"operationId\":\"{action}\"")), "{action} is no operation");
            assert_eq!((&entry["action"], &entry["target"]), (&json!(action), &target), "{method} {path}");
            assert_eq!(
                (&entry["actor"], &entry["address"], &entry["app"]),
                (&json!("ada"), &json!(PROXY), &json!("shop"))
            );
            assert!(entry["token"].is_string() && entry["at"].is_i64() && entry["detail"].is_object(), "{entry}");
        }
    }
    let all = server.send("GET", "/api/v1/audit?limit=200", &token, None).await;
    for hidden in ["hunter2", "pic_", PASSWORD] {
        assert!(!all.text.contains(hidden), "{hidden}: {}", all.text);
    }
    // Who deletes an app leaves it to administrators to see that.
    assert_eq!(server.send("DELETE", APP, &token, None).await.status, 204);
    assert_eq!(entries(&server, &token, "/api/v1/audit?action=delete_app").await[0]["app"], "shop");
    server.send("POST", "/api/v1/apps", &token, Some(json!({"slug": "shop"}))).await;
    assert_eq!(entries(&server, &token, &log).await.len(), 1, "of another app, which had the slug before");
}

#[tokio::test]
async fn an_entry_tells_which_release_was_made_and_what_was_gone_back_to() {
    let (server, token) = Server::with_app().await;
    let script = format!("{APP}/scripts/greet");
    let deploy = |source: &str| json!({"scripts": [{"name": "greet", "source": source}]});
    for (method, path, body, detail) in [
        ("PUT", script.clone(), json!({"source": "1"}), Value::Null),
        ("PUT", script.clone(), json!({"source": "2"}), Value::Null),
        ("POST", format!("{script}/rollback"), json!({}), json!({"version": 1})),
        ("POST", format!("{script}/rollback"), json!({"version": 2}), json!({"version": 2})),
        ("POST", format!("{APP}/deploy"), deploy("3"), json!({"scripts": 1, "release": 1})),
        ("POST", format!("{APP}/deploy"), deploy("4"), json!({"scripts": 1, "release": 2})),
        ("POST", format!("{APP}/rollback"), json!({}), json!({"brings_back": 1, "release": 3})),
        ("POST", format!("{APP}/rollback"), json!({"release": 2}), json!({"brings_back": 2, "release": 4})),
    ] {
        let answer = server.send(method, &path, &token, Some(body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
        let told = entries(&server, &token, &format!("{APP}/audit?limit=1")).await[0]["detail"].clone();
        assert!(detail.is_null() || told == detail, "{method} {path}: {told}");
    }
}

#[tokio::test]
async fn what_concerns_users_is_kept_too() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({})).await;
    server.login("eve", PASSWORD, "198.51.100.1").await;
    server.login("eve", "wrong password", "198.51.100.2").await;
    server.login(PASSWORD, "eve", "198.51.100.3").await;
    server.api_token(&eve, json!({"name": "ci"})).await;
    let change = json!({"old_password": PASSWORD, "new_password": "another horse"});
    server.send("POST", "/api/v1/auth/password", &eve, Some(change)).await;
    server.send("POST", "/api/v1/auth/logout", &eve, None).await;
    server.send("PATCH", "/api/v1/users/eve", &token, Some(json!({"create_apps": true}))).await;
    server.send("DELETE", "/api/v1/users/eve", &token, None).await;
    let all = entries(&server, &token, "/api/v1/audit").await;
    let told: Vec<_> =
        all.iter().rev().map(|e| (e["action"].as_str().unwrap(), e["actor"].as_str(), e["target"].as_str())).collect();
    let target = |n: usize| all[all.len() - 1 - n]["target"].as_str();
    assert_eq!(
        told,
        [
            ("set_up", Some("ada"), Some("ada")),
            ("create_app", Some("ada"), None),
            ("create_invitation", Some("ada"), None),
            ("accept_invitation", Some("eve"), Some("eve")),
            ("login", Some("eve"), Some("eve")),
            ("login_failed", None, Some("eve")),
            // What was typed as a name is no user's, and may be a password.
            ("login_failed", None, None),
            ("create_token", Some("eve"), target(7)),
            ("change_password", Some("eve"), Some("eve")),
            ("logout", Some("eve"), target(9)),
            ("update_user", Some("ada"), Some("eve")),
            ("delete_user", Some("ada"), Some("eve")),
        ]
    );
    let document = server.send("GET", "/api/v1/openapi.json", "", None).await.text;
    for (action, ..) in told.iter().filter(|(action, ..)| *action != "login_failed") {
        assert!(document.contains(&format!("\"operationId\":\"{action}\"")), "{action} is no operation");
    }
    assert_eq!(all[7]["address"], "198.51.100.1");
    assert_eq!(all[1]["detail"], json!({"create_apps": true}));
    assert!(!server.send("GET", "/api/v1/audit", &token, None).await.text.contains(PASSWORD));
}

#[tokio::test]
async fn guesses_do_not_fill_it() {
    let (server, token) = Server::with_app().await;
    let mut asked = 0;
    for n in 0..8 {
        for _ in 0..25 {
            server.login("ada", "wrong password", &format!("198.51.100.{n}")).await;
            asked += 1;
        }
    }
    let kept = entries(&server, &token, "/api/v1/audit?action=login_failed&limit=200").await.len();
    // Those that were compared: the account's budget.
    assert!((60..=61).contains(&kept), "{kept} of {asked}");
}

#[tokio::test]
async fn it_is_paged_and_filtered() {
    let (server, token) = Server::with_app().await;
    let eve = server.join(&token, "eve", json!({})).await;
    server.send("PUT", &format!("{APP}/members/eve"), &token, Some(json!({"role": "editor"}))).await;
    for (n, by) in [&token, &eve, &token, &eve].into_iter().enumerate() {
        server.send("PUT", &format!("{APP}/vars/V{n}"), by, Some(json!({"value": "1"}))).await;
    }
    let log = format!("{APP}/audit");
    let targets = async |query: &str| -> Vec<Value> {
        entries(&server, &token, &format!("{log}?{query}")).await.iter().map(|entry| entry["target"].clone()).collect()
    };
    assert_eq!(targets("action=set_var").await, ["V3", "V2", "V1", "V0"]);
    assert_eq!(targets("action=set_var&actor=eve").await, ["V3", "V1"]);
    assert_eq!(targets("actor=nobody").await, [] as [Value; 0]);
    let page = server.send("GET", &format!("{log}?limit=2"), &token, None).await.json();
    let next = page["next"].as_str().unwrap();
    assert_eq!((&page["items"][1]["target"], &page["items"][1]["id"]), (&json!("V2"), &json!(next)));
    assert_eq!(targets(&format!("limit=1&before={next}")).await, ["V1"]);
    for odd in ["actor=a%20b", "action=%00", "action=PUT", "before=x", "limit=201", "app=shop"] {
        let refused = server.send("GET", &format!("{log}?{odd}"), &token, None).await;
        assert!(matches!(refused.error(), (400 | 422, _)), "{odd}: {}", refused.text);
    }
}
