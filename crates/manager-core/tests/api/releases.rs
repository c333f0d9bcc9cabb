//! Deploying all scripts of an app at once, and changes that say what they have seen.

use crate::support::{Answer, Server};
use axum::{
    body::Body,
    http::{Request, header},
};
use serde_json::{Value, json};

const APP: &str = "/api/v1/apps/shop";
const SCRIPT: &str = "/api/v1/apps/shop/scripts/greet";

pub(crate) async fn conditionally(
    server: &Server,
    token: &str,
    how: (&str, &str),
    header: (&str, &str),
    body: Value,
) -> Answer {
    let request = Request::builder()
        .method(how.0)
        .uri(how.1)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header.0, header.1);
    let body = if how.0 == "GET" { Body::empty() } else { Body::from(body.to_string()) };
    server.send_raw(request.body(body).unwrap()).await
}

fn etag(answer: &Answer) -> String {
    answer.headers[header::ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_deploy_is_told_and_can_be_taken_back() {
    let (server, token) = Server::with_app().await;
    let deploy = async |body: Value| server.send("POST", &format!("{APP}/deploy"), &token, Some(body)).await;
    let first = json!({"scripts": [{"name": "a", "source": "1"}, {"name": "lib/b", "source": "1"}]});
    let mut dry = first.clone();
    dry["dry_run"] = json!(true);
    let would = deploy(dry).await.json();
    let changes = json!([
        {"script": "a", "change": "created", "version": 1},
        {"script": "lib/b", "change": "created", "version": 1},
    ]);
    let state = would["state"].clone();
    assert_eq!(would, json!({"state": state, "scripts": changes, "unchanged": 0, "limits": false}));
    assert_eq!(server.send("GET", &format!("{APP}/scripts"), &token, None).await.items(), json!([]));
    let done = deploy(first).await.json();
    assert_eq!(done, json!({"release": 1, "state": state, "scripts": changes, "unchanged": 0, "limits": false}));

    let now = deploy(json!({"scripts": [], "dry_run": true})).await.json()["state"].clone();
    assert_ne!(now, state);
    let second = json!({"scripts": [{"name": "a", "source": "2"}], "limits": {"fuel": 2_000_000}, "state": now});
    assert_eq!(deploy(second.clone()).await.json()["release"], 2);
    assert_eq!(deploy(second).await.error(), (412, "changed".into()));
    let releases = server.send("GET", &format!("{APP}/releases"), &token, None).await.json();
    assert_eq!(
        (&releases[0]["number"], &releases[0]["author"], &releases[1]["number"]),
        (&json!(2), &json!("ada"), &json!(1))
    );

    let rollback = format!("{APP}/rollback");
    let back = server.send("POST", &rollback, &token, Some(json!({}))).await.json();
    assert_eq!((&back["release"], &back["limits"]), (&json!(3), &json!(true)));
    let scripts = server.send("GET", &format!("{APP}/scripts"), &token, None).await.items();
    assert_eq!((scripts.as_array().unwrap().len(), &scripts[0]["version"]["number"]), (2, &json!(1)));
    assert_eq!(server.send("GET", APP, &token, None).await.json()["limits"], json!({}));
    let nowhere = server.send("POST", &rollback, &token, Some(json!({"release": 77}))).await;
    assert_eq!(nowhere.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn only_what_changed_is_compiled() {
    let (server, token) = Server::with_app().await;
    let deploy = async |scripts: Value, keep_others: bool| {
        let body = json!({"scripts": scripts, "keep_others": keep_others});
        let done = server.send("POST", &format!("{APP}/deploy"), &token, Some(body)).await;
        assert_eq!(done.status, 200, "{}", done.text);
        std::mem::take(&mut *server.compiled.lock().unwrap())
    };
    let script = |name: &str, source: &str| json!({"name": name, "source": source});
    assert_eq!(deploy(json!([script("a", "1"), script("b", "1"), script("c", "1")]), false).await, ["a", "b", "c"]);
    // Another route is no other source.
    let routed = json!({"name": "a", "source": "1", "routes": ["GET /x"]});
    assert_eq!(deploy(json!([routed, script("b", "2"), script("d", "1")]), false).await, ["b", "d", "-c"]);
    assert_eq!(deploy(json!([script("d", "2")]), true).await, ["d"]);
    assert!(deploy(json!([script("d", "2")]), true).await.is_empty());
}

#[tokio::test]
async fn a_bad_deploy_names_the_script_and_changes_nothing() {
    let (server, token) = Server::with_app().await;
    let deploy = async |scripts: Value| {
        let body = json!({"scripts": scripts});
        server.send("POST", &format!("{APP}/deploy"), &token, Some(body)).await
    };
    let bad = deploy(json!([{"name": "a", "source": "1"}, {"name": "b", "source": "let !"}])).await;
    assert_eq!(bad.error(), (422, "invalid_script".into()));
    let error = bad.json()["error"].clone();
    assert_eq!((&error["script"], &error["line"], &error["column"]), (&json!("b"), &json!(1), &json!(5)));
    for (scripts, code) in [
        (json!([{"name": "a", "source": "1"}, {"name": "a", "source": "1"}]), (422, "invalid_request")),
        (json!([{"name": "a", "source": "1", "routes": ["GET /x", "GET /x"]}]), (422, "invalid_request")),
        (
            json!([{"name": "a", "source": "1", "routes": ["GET /x"]}, {"name": "b", "source": "1", "routes": ["GET /x"]}]),
            (409, "route_conflict"),
        ),
        (json!([{"name": "a", "source": "x".repeat((256 << 10) + 1)}]), (413, "source_too_large")),
        (json!([{"name": "a", "source": "1", "rotues": []}]), (422, "invalid_request")),
        (json!([{"name": "a b", "source": "1"}]), (422, "invalid_request")),
        ((0..1_001).map(|i| json!({"name": format!("s{i}"), "source": "1"})).collect(), (422, "invalid_request")),
        (
            (0..40).map(|i| json!({"name": format!("s{i}"), "source": "x".repeat(220 << 10)})).collect(),
            (413, "too_large"),
        ),
        (
            (0..80).map(|i| json!({"name": format!("s{i}"), "source": "x".repeat(220 << 10)})).collect(),
            (413, "body_too_large"),
        ),
    ] {
        let answer = deploy(scripts).await;
        assert_eq!(answer.error(), (code.0, code.1.to_owned()), "{}", answer.text);
    }
    let limits = json!({"scripts": [], "limits": {"fuel": 1}});
    let answer = server.send("POST", &format!("{APP}/deploy"), &token, Some(limits)).await;
    assert_eq!(answer.error(), (422, "invalid_request".into()));
    assert_eq!(server.send("GET", &format!("{APP}/scripts"), &token, None).await.items(), json!([]));
    assert_eq!(server.send("GET", &format!("{APP}/releases"), &token, None).await.json(), json!([]));
}

#[tokio::test]
async fn of_two_editors_of_a_script_one_is_told() {
    let (server, token) = Server::with_app().await;
    let put = async |header: (&str, &str), source: &str| {
        conditionally(&server, &token, ("PUT", SCRIPT), header, json!({"source": source})).await
    };
    let first = put(("if-none-match", "*"), "1").await;
    assert_eq!(first.status, 201);
    assert_eq!(put(("if-none-match", "*"), "2").await.error(), (412, "changed".into()));
    let seen = server.send("GET", SCRIPT, &token, None).await;
    assert_eq!(etag(&seen), etag(&first));
    // Both have seen version 1.
    assert_eq!(put(("if-match", &etag(&seen)), "2").await.status, 200);
    assert_eq!(put(("if-match", &etag(&seen)), "3").await.error(), (412, "changed".into()));
    let now = server.send("GET", SCRIPT, &token, None).await;
    assert_eq!(now.json()["source"], "2");
    let both = format!("{}, W/{}", etag(&seen), etag(&now));
    assert_eq!(put(("if-match", &both), "3").await.status, 200);
    assert_eq!(put(("if-match", "*"), "4").await.status, 200);
    let rollback = format!("{SCRIPT}/rollback");
    let stale = ("if-match", &etag(&now)[..]);
    assert_eq!(conditionally(&server, &token, ("POST", &rollback), stale, json!({})).await.error().0, 412);
    assert_eq!(conditionally(&server, &token, ("DELETE", SCRIPT), stale, json!({})).await.error().0, 412);
    for (name, value) in
        [("if-match", "abc"), ("if-match", "\"a"), ("if-none-match", "\"a\""), ("if-match", "\"\u{e9}\"")]
    {
        assert_eq!(put((name, value), "5").await.error(), (400, "malformed_request".into()), "{name}: {value}");
    }
    assert_eq!(server.send("GET", SCRIPT, &token, None).await.json()["source"], "4");
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let (server, token) = Server::with_app().await;
    let app = server.send("GET", APP, &token, None).await;
    let get = async |tag: &str| conditionally(&server, &token, ("GET", APP), ("if-none-match", tag), json!({})).await;
    let again = get(&etag(&app)).await;
    assert_eq!((again.status.as_u16(), again.text.as_str(), etag(&again)), (304, "", etag(&app)));
    let patch = async |tag: &str| {
        conditionally(&server, &token, ("PATCH", APP), ("if-match", tag), json!({"name": "Shop 2"})).await
    };
    assert_eq!(patch(&etag(&app)).await.status, 200);
    assert_eq!(patch(&etag(&app)).await.error(), (412, "changed".into()));
    assert_eq!(get(&etag(&app)).await.status, 200);
}

#[tokio::test]
async fn entries_of_the_store_are_seen_and_set() {
    let (server, token) = Server::with_app().await;
    let kv = |key: &str| format!("{APP}/kv/{key}");
    let send = async |method: &str, key: &str, body: Option<Value>| server.send(method, &kv(key), &token, body).await;
    for (key, value) in
        [("a", json!({"value": null})), ("b%2Fc", json!({"value": [1]})), ("b/d", json!({"value_base64": "/w=="}))]
    {
        assert_eq!(send("PUT", key, Some(value)).await.status, 204);
    }
    assert_eq!(send("GET", "a", None).await.json(), json!({"key": "a", "value": null}));
    assert_eq!(send("GET", "b/c", None).await.json(), json!({"key": "b/c", "value": [1]}));
    assert_eq!(send("GET", "b%2Fd", None).await.json(), json!({"key": "b/d", "value_base64": "/w=="}));
    let list = async |query: &str| server.send("GET", &format!("{APP}/kv{query}"), &token, None).await.json();
    assert_eq!(list("").await, json!({"items": ["a", "b/c", "b/d"]}));
    assert_eq!(list("?prefix=b&limit=1").await, json!({"items": ["b/c"], "next": "b/c"}));
    assert_eq!(list("?prefix=b&after=b/c").await, json!({"items": ["b/d"]}));

    let seen = send("GET", "a", None).await;
    let set = async |header: (&str, &str), value: i32| {
        conditionally(&server, &token, ("PUT", &kv("a")), header, json!({"value": value, "ttl": 60})).await
    };
    assert_eq!(set(("if-match", &etag(&seen)), 1).await.status, 204);
    assert_eq!(set(("if-match", &etag(&seen)), 2).await.error(), (412, "changed".into()));
    assert_eq!(set(("if-none-match", "*"), 2).await.error(), (412, "changed".into()));
    let now = send("GET", "a", None).await.json();
    assert!(now["value"] == 1 && now["expires_at"].is_i64(), "{now}");

    let long = "x".repeat(513);
    for (method, key, body, expected) in [
        ("PUT", "a", Some(json!({})), (422, "invalid_request")),
        ("PUT", "a", Some(json!({"value": 1, "value_base64": ""})), (422, "invalid_request")),
        ("PUT", "a", Some(json!({"value_base64": "?"})), (422, "invalid_request")),
        ("PUT", "a", Some(json!({"value": "x".repeat(256 << 10)})), (413, "too_large")),
        ("PUT", &long, Some(json!({"value": 1})), (422, "invalid_request")),
        ("GET", "nothing", None, (404, "not_found")),
        ("DELETE", "nothing", None, (404, "not_found")),
    ] {
        assert_eq!(send(method, key, body).await.error(), (expected.0, expected.1.to_owned()), "{method} {key}");
    }
    assert_eq!(send("DELETE", "a", None).await.status, 204);
    assert_eq!(send("GET", "a", None).await.error().0, 404);
}
