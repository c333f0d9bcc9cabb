//! Every kind of result over HTTP, as DESIGN's section on scripts promises, on both databases.

use crate::support::{Backend, TestApp, error_of, on_both};
use reqwest::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};

on_both!(
    each_kind_of_result_is_answered_as_promised,
    failures_are_told_as_far_as_the_app_wants,
    a_new_version_answers_at_once
);

async fn each_kind_of_result_is_answered_as_promised(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("kinds").await;
    let cases = [
        ("string", "`hi ${req.params.len()}`", 200, Some("text/plain; charset=utf-8"), &b"hi 0"[..]),
        ("map", "#{a: 1, b: [true, ()]}", 200, Some("application/json"), br#"{"a":1,"b":[true,null]}"#),
        ("array", "[1, \"2\", 3.5]", 200, Some("application/json"), br#"[1,"2",3.5]"#),
        ("number", "6 * 7", 200, Some("application/json"), b"42"),
        ("blob", "let b = blob(); b += 0; b += 255; b", 200, Some("application/octet-stream"), &[0, 255]),
        ("unit", "()", 204, None, b""),
        ("respond", "respond(418, \"tea\", #{\"x-pot\": \"brown\"})", 418, Some("text/plain; charset=utf-8"), b"tea"),
        ("created", "respond(201, #{id: 7})", 201, Some("application/json"), br#"{"id":7}"#),
        ("html", "html(\"<h1>hi</h1>\")", 200, Some("text/html; charset=utf-8"), b"<h1>hi</h1>"),
        ("redirect", "redirect(\"/elsewhere\")", 302, None, b""),
        ("inside", "fn who() { req.query.name } who()", 200, Some("text/plain; charset=utf-8"), b"Ada"),
        ("closure", "[1].map(|x| req.query.name)", 200, Some("application/json"), br#"["Ada"]"#),
    ];
    for (name, source, status, kind, body) in cases {
        picloud.put(&app, name, source, &[]).await;
        let response = picloud.get(&format!("/kinds/{name}?name=Ada")).await;
        assert_eq!(response.status(), status, "{name}");
        let found = response.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap());
        assert_eq!(found, kind, "{name}");
        if name == "redirect" {
            assert_eq!(response.headers()[LOCATION], "/elsewhere");
        }
        if name == "respond" {
            assert_eq!(response.headers()["x-pot"], "brown");
        }
        assert_eq!(response.bytes().await.unwrap(), body, "{name}");
    }

    picloud.put(&app, "cookies", "respond(200, (), #{\"set-cookie\": [\"a=1\", \"b=2; HttpOnly\"]})", &[]).await;
    let response = picloud.get("/kinds/cookies").await;
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(cookies, ["a=1", "b=2; HttpOnly"]);
}

async fn failures_are_told_as_far_as_the_app_wants(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("fails").await;
    picloud.put(&app, "thrown", "throw #{status: 404, message: \"no such tea\"}", &[]).await;
    picloud.put(&app, "broken", "let tea = 1;\ntea.pour(2)", &[]).await;

    let (status, code, error) = error_of(picloud.get("/fails/broken").await).await;
    assert_eq!((status, code.as_str()), (500, "error"));
    assert_eq!((&error["line"], &error["column"]), (&2.into(), &5.into()));
    assert!(error["message"].as_str().unwrap().starts_with("Function not found: pour"), "{error}");

    // Out of debug mode only what the script said on purpose is told; the log has the rest.
    let update = picloud_shared::api::UpdateApp { debug: Some(false), ..Default::default() };
    picloud.client.update_app(&app, &update).await.unwrap();
    let response = picloud.get("/fails/broken").await;
    assert!(response.headers().get("x-picloud-fuel").is_none());
    let (status, _, error) = error_of(response).await;
    assert_eq!((status, &error["line"]), (500, &serde_json::Value::Null));
    assert!(!error["message"].as_str().unwrap().contains("pour"), "{error}");
    let (status, code, error) = error_of(picloud.get("/fails/thrown").await).await;
    assert_eq!((status, code.as_str(), &error["message"]), (404, "thrown", &"no such tea".into()));
}

async fn a_new_version_answers_at_once(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("fresh").await;
    for number in 1..=20 {
        let script = picloud.put(&app, "n", &format!("{number}"), &["GET /n/{x}"]).await;
        assert_eq!(script.version.number, number);
        assert_eq!(picloud.text("/fresh/n/1").await, (200, number.to_string()));
    }
    let back = picloud_shared::api::Rollback { version: Some(3) };
    let script = picloud.client.rollback(&app, &crate::support::script_name("n"), &back).await.unwrap();
    assert_eq!(script.version.number, 3);
    assert_eq!(picloud.text("/fresh/n/1").await, (200, "3".into()));
    picloud.client.delete_script(&app, &crate::support::script_name("n")).await.unwrap();
    assert_eq!(picloud.text("/fresh/n/1").await.0, 404);
    picloud.client.delete_app(&app).await.unwrap();
    assert_eq!(error_of(picloud.get("/fresh/n/1").await).await.1, "no_such_app");
}
