//! What a person does, from signing in to signing out.

use crate::support::{PASSWORD, Server};
use serde_json::{Value, json};

const SCRIPT: &str = "/api/v1/apps/shop/scripts/lib%2Futil";

#[tokio::test]
async fn tokens_live_until_they_are_signed_out() {
    let (server, _) = Server::with_app().await;
    let login = async |username: &str, password: &str| {
        let body = json!({"username": username, "password": password});
        server.send("POST", "/api/v1/auth/login", "", Some(body)).await
    };
    for (username, password) in [("ada", "wrong password"), ("eve", PASSWORD), ("a\0", PASSWORD), ("ada", "")] {
        assert_eq!(login(username, password).await.error(), (401, "wrong_credentials".into()), "{username:?}");
    }
    let token = login("ada", PASSWORD).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(server.send("GET", "/api/v1/auth/me", &token, None).await.status, 200);
    assert_eq!(server.send("POST", "/api/v1/auth/logout", &token, None).await.status, 204);
    assert_eq!(server.send("GET", "/api/v1/auth/me", &token, None).await.error().0, 401);
    assert_eq!(server.send("POST", "/api/v1/auth/logout", &token, None).await.error().0, 401);
}

#[tokio::test]
async fn versions_come_and_go_back() {
    let (server, token) = Server::with_app().await;
    let put = async |source: &str| server.send("PUT", SCRIPT, &token, Some(json!({"source": source}))).await;
    let first = put("1").await;
    assert_eq!((first.status.as_u16(), &first.json()["routes"]), (201, &json!([])));
    assert_eq!(put("1").await.json()["version"]["number"], 1);
    let rollback =
        async |to: serde_json::Value| server.send("POST", &format!("{SCRIPT}/rollback"), &token, Some(to)).await;
    for (to, message) in [(json!({}), "there is no version to go back to"), (json!({"version": 7}), "no such version")]
    {
        let refused = rollback(to).await;
        assert_eq!(
            (refused.error(), &refused.json()["error"]["message"]),
            ((404, "not_found".into()), &json!(message))
        );
    }
    let second = put("2").await;
    assert_eq!((second.status.as_u16(), &second.json()["version"]["number"]), (200, &json!(2)));
    assert_eq!(rollback(json!({})).await.json()["version"]["number"], 1);
    assert_eq!(server.send("GET", SCRIPT, &token, None).await.json()["source"], "1");
    let versions = server.send("GET", &format!("{SCRIPT}/versions"), &token, None).await.items();
    let numbers: Vec<_> = versions.as_array().unwrap().iter().map(|version| version["number"].clone()).collect();
    assert_eq!(numbers, [json!(2), json!(1)]);
    let check = server.send("POST", &format!("{SCRIPT}/check"), &token, Some(json!({"source": "!"}))).await.json();
    assert_eq!(check["diagnostics"][0]["column"], 1);
    assert_eq!(server.send("DELETE", SCRIPT, &token, None).await.status, 204);
    assert_eq!(server.send("DELETE", SCRIPT, &token, None).await.error().0, 404);
}

#[tokio::test]
async fn manual_runs_are_recorded_before_they_are_answered() {
    let (server, token) = Server::with_app().await;
    server.send("PUT", SCRIPT, &token, Some(json!({"source": "1"}))).await;
    let invoke = async |body: Value| {
        let answer = server.send("POST", &format!("{SCRIPT}/invoke"), &token, Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let http = invoke(json!({"method": "POST", "path": "/a?b=c", "headers": {"X-A": "1"}, "body": "hi"})).await;
    assert_eq!(
        (&http["trigger"], &http["request"], &http["status"]),
        (&json!("manual"), &json!("POST /a"), &json!(201))
    );
    assert_eq!(http["response"], json!({"status": 201, "headers": [["x-a", "1"]], "body": "hi"}));
    assert_eq!((&http["outcome"], &http["fuel"], &http["node"]), (&json!("ok"), &json!(7), &json!("test")));
    let event = invoke(json!({"payload": {"n": [1, null]}})).await;
    assert_eq!((&event["result"], &event["request"]), (&json!({"n": [1, null]}), &Value::Null));

    let invocations = "/api/v1/apps/shop/invocations";
    let stored = server.send("GET", &format!("{invocations}/{}", http["id"].as_str().unwrap()), &token, None).await;
    assert_eq!((&stored.json()["id"], &stored.json()["response"]), (&http["id"], &Value::Null));
    let page = server.send("GET", &format!("{invocations}?limit=1"), &token, None).await.json();
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&event["id"], &event["id"]));
    let next = page["next"].as_str().unwrap();
    let page = server.send("GET", &format!("{invocations}?limit=1&before={next}"), &token, None).await.json();
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&http["id"], &Value::Null));
    let failed = server.send("GET", &format!("{invocations}?status=failed&script=lib/util"), &token, None).await.json();
    assert_eq!(failed["items"], json!([]));
    let script = server.send("GET", SCRIPT, &token, None).await.json();
    assert_eq!((&script["totals"]["invocations"], &script["totals"]["fuel"]), (&json!(2), &json!(14)));
}

#[tokio::test]
async fn an_app_changes_and_goes() {
    let (server, token) = Server::with_app().await;
    let app = "/api/v1/apps/shop";
    let changed = server.send("PATCH", app, &token, Some(json!({"name": "Käse", "debug": true}))).await.json();
    assert_eq!(
        (&changed["name"], &changed["debug"], &changed["role"]),
        (&json!("Käse"), &json!(true), &json!("owner"))
    );
    assert_eq!(server.send("GET", app, &token, None).await.json(), changed);
    assert_eq!(server.send("GET", "/api/v1/apps", &token, None).await.items(), json!([changed]));
    assert_eq!(server.send("DELETE", app, &token, None).await.status, 204);
    assert_eq!(server.send("GET", app, &token, None).await.error().0, 404);
}

#[tokio::test]
async fn an_app_lists_the_hosts_that_it_may_reach() {
    let (server, token) = Server::with_app().await;
    let app = "/api/v1/apps/shop";
    let patch = async |hosts: Value| server.send("PATCH", app, &token, Some(json!({"outbound": hosts}))).await;
    assert_eq!(server.send("GET", app, &token, None).await.json()["outbound"], json!([]));
    let changed = patch(json!(["API.example.com", "*.example.com", "0x7f.1:9000"])).await.json();
    assert_eq!(changed["outbound"], json!(["api.example.com", "*.example.com", "127.0.0.1:9000"]));
    assert_eq!(server.send("GET", app, &token, None).await.json(), changed);
    for (hosts, told) in [
        (json!(["http://example.com"]), "\"http://example.com\" is no host"),
        (json!(vec!["a"; 101]), "at most 100 hosts"),
        (json!("example.com"), "outbound"),
    ] {
        let refused = patch(hosts).await;
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(refused.error(), (422, "invalid_request".into()), "{message}");
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(server.send("GET", app, &token, None).await.json(), changed, "a refused change left something");
    assert_eq!(patch(json!([])).await.json()["outbound"], json!([]));
}

#[tokio::test]
async fn an_app_says_what_pages_of_other_origins_may_do() {
    let (server, token) = Server::with_app().await;
    let app = "/api/v1/apps/shop";
    let patch = async |cors: Value| server.send("PATCH", app, &token, Some(json!({"cors": cors}))).await;
    assert_eq!(server.send("GET", app, &token, None).await.json()["cors"], Value::Null);
    let changed = patch(json!({"origins": ["HTTPS://Shop.example:443"], "headers": ["X-Api-Key"]})).await.json();
    let set = json!({
        "origins": ["https://shop.example"],
        "headers": ["x-api-key"],
        "expose": ["x-request-id"],
        "credentials": false,
        "max_age": 600,
    });
    assert_eq!(changed["cors"], set);
    assert_eq!(server.send("GET", app, &token, None).await.json(), changed);
    // What is absent stays; what is `null` is taken back.
    let named = server.send("PATCH", app, &token, Some(json!({"name": "Shop"}))).await.json();
    assert_eq!(named["cors"], set);
    for (cors, told) in [
        (json!({"origins": ["https://shop.example/"]}), "\"https://shop.example/\" is no origin: write https://"),
        (json!({"origins": ["https://a.example", "*"]}), "* among origins stands alone"),
        (json!({"origins": ["*"], "credentials": true}), "with credentials"),
        (json!({"origins": []}), "there is no origin"),
        (json!({"origins": vec!["https://a.example"; 101]}), "at most 100 entries"),
        (json!({"origins": ["*"], "headers": ["a b"]}), "\"a b\" is no header's name"),
        (json!({"origins": ["*"], "max_age": -1}), "cors"),
        (json!({"origins": ["*"], "methods": ["GET"]}), "unknown field `methods`"),
        (json!({"headers": ["x-a"]}), "missing field `origins`"),
        (json!("*"), "cors"),
    ] {
        let refused = patch(cors).await;
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(refused.error(), (422, "invalid_request".into()), "{message}");
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(server.send("GET", app, &token, None).await.json(), named, "a refused change left something");
    assert_eq!(patch(Value::Null).await.json()["cors"], Value::Null);
}

#[tokio::test]
async fn an_app_sets_its_limits_within_the_servers() {
    let (server, token) = Server::with_app().await;
    let app = "/api/v1/apps/shop";
    let patch = async |limits: Value| server.send("PATCH", app, &token, Some(json!({"limits": limits}))).await;
    let shown = server.send("GET", app, &token, None).await.json();
    assert_eq!((&shown["limits"], &shown["limits_in_force"]["wall_time_ms"]), (&json!({}), &json!(10_000)));

    let changed = patch(json!({"fuel": 1_000_000, "wall_time_ms": 30_000})).await.json();
    assert_eq!(changed["limits"], json!({"fuel": 1_000_000, "wall_time_ms": 30_000}));
    assert_eq!(server.send("GET", app, &token, None).await.json(), changed);
    let changed = patch(json!({"wall_time_ms": null, "kv_calls": 0})).await.json();
    assert_eq!(changed["limits"], json!({"fuel": 1_000_000, "kv_calls": 0}));
    assert_eq!(changed["limits_in_force"]["wall_time_ms"], 10_000);

    for (limits, told) in [
        (json!({"fuel": 999_999}), "the limit fuel is 1000000 to 10000000000, not 999999"),
        (json!({"concurrency": -1}), "the limit concurrency is 1 to 10000, not -1"),
        (json!({"kv_calls": 1, "memory_bytes": 1_i64 << 40}), "the limit memory_bytes is 8388608 to 33554432, not"),
        (json!({"fule": 1}), "there is no limit \"fule\"; there are fuel, memory_bytes"),
        (json!({"fuel": "much"}), "limits.fuel: invalid type: string"),
    ] {
        let refused = patch(limits).await;
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(refused.error(), (422, "invalid_request".into()), "{message}");
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(server.send("GET", app, &token, None).await.json(), changed, "a refused change left something");

    // Those of a manual run are the app's.
    server.send("PUT", SCRIPT, &token, Some(json!({"source": "1"}))).await;
    let invoke =
        async |body: &str| server.send("POST", &format!("{SCRIPT}/invoke"), &token, Some(json!({"body": body}))).await;
    assert_eq!(invoke("12345").await.json()["fuel_limit"], 1_000_000);
    patch(json!({"request_body_bytes": 4})).await;
    assert_eq!(invoke("12345").await.error(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn what_belongs_to_nobody_is_checked_before_it_is_stored() {
    let (server, token) = Server::with_app().await;
    let deploy = async |sources: &[&str]| {
        let script = |(i, source): (usize, &&str)| {
            serde_json::from_value(json!({"name": format!("s{i}"), "source": source})).unwrap()
        };
        let scripts = sources.iter().enumerate().map(script).collect();
        server.manager.deploy_unowned("demo".parse().unwrap(), "Demo", true, scripts, None).await
    };
    let refused = deploy(&["1", "!"]).await.unwrap_err();
    assert_eq!(refused.to_string(), "s1:1:1: no '!'");
    assert_eq!(server.send("GET", "/api/v1/apps/demo", &token, None).await.error().0, 404);
    deploy(&["1", "2"]).await.unwrap();
    let scripts = server.send("GET", "/api/v1/apps/demo/scripts", &token, None).await.items();
    assert_eq!(scripts.as_array().unwrap().len(), 2);
    assert!(deploy(&[]).await.is_err());
}
