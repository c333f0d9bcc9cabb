//! Bad uploads: the right status, the one error shape, and nothing stored by halves.

use crate::support::{Backend, TestApp, error_of, on_both, script_name};
use picloud_shared::api::Check;
use serde_json::json;

on_both!(
    bad_uploads_are_refused_and_leave_nothing,
    a_stale_token_opens_nothing,
    nul_is_kept_as_it_is,
    check_says_where
);

async fn bad_uploads_are_refused_and_leave_nothing(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("up").await;
    picloud.put(&app, "taken", "1", &["GET /x/{id}"]).await;
    let source = |source: &str| json!({ "source": source }).to_string().into_bytes();
    let with_routes = |routes: serde_json::Value| json!({"source": "1", "routes": routes}).to_string().into_bytes();
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("/apps/up/scripts/new", b"{\"source\": \"\xff\xfe\"}".to_vec(), 400, "malformed_request"),
        ("/apps/up/scripts/new", b"{\"source\": ".to_vec(), 400, "malformed_request"),
        ("/apps/up/scripts/new", Vec::new(), 400, "malformed_request"),
        ("/apps/up/scripts/new", b"{}".to_vec(), 422, "invalid_request"),
        ("/apps/up/scripts/new", json!({"source": "1", "rotues": []}).to_string().into_bytes(), 422, "invalid_request"),
        ("/apps/up/scripts/new", source(&"x".repeat(300 << 10)), 413, "source_too_large"),
        ("/apps/up/scripts/new", source(&"x".repeat(10 << 20)), 413, "body_too_large"),
        ("/apps/up/scripts/new", source("let x = ;"), 422, "invalid_script"),
        ("/apps/up/scripts/new", source("let x = \"\0"), 422, "invalid_script"),
        ("/apps/up/scripts/new", source(&"(".repeat(100_000)), 422, "invalid_script"),
        ("/apps/up/scripts/new", with_routes(json!(["GET /x/{name}"])), 409, "route_conflict"),
        ("/apps/up/scripts/new", with_routes(json!(["GET /y", "GET /y"])), 422, "invalid_request"),
        ("/apps/up/scripts/new", with_routes(json!(["FETCH /y"])), 422, "invalid_request"),
        ("/apps/up/scripts/new", with_routes(json!(["GET y"])), 422, "invalid_request"),
        ("/apps/nobody/scripts/new", source("1"), 404, "not_found"),
        ("/apps/UP/scripts/new", source("1"), 404, "not_found"),
        ("/apps/up/scripts/a/b", source("1"), 404, "not_found"),
        ("/apps/up/scripts/..%2Fa", source("1"), 422, "invalid_request"),
        ("/apps/up/scripts/%00", source("1"), 422, "invalid_request"),
        ("/apps/up/scripts/%FF", source("1"), 400, "malformed_request"),
    ];
    for (path, body, status, code) in cases {
        let text = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let (found, told, error) = error_of(picloud.api("PUT", path, body).await).await;
        assert_eq!((found, told.as_str()), (status, code), "PUT {path} {text}: {error}");
    }
    let names: Vec<_> = picloud.client.scripts(&app).await.unwrap().into_iter().map(|script| script.name).collect();
    assert_eq!(names, [script_name("taken")]);

    // A refused version leaves the script as it was, routes included.
    let conflict = json!({"source": "2", "routes": ["GET /free", "POST /x/{id}", "GET /x/{id}"]}).to_string();
    picloud.put(&app, "other", "1", &["GET /mine"]).await;
    assert_eq!(error_of(picloud.api("PUT", "/apps/up/scripts/other", conflict).await).await.0, 409);
    assert_eq!(picloud.text("/up/mine").await, (200, "1".into()));
    assert_eq!(picloud.text("/up/free").await.0, 404);
    assert_eq!(picloud.client.versions(&app, &script_name("other")).await.unwrap().len(), 1);

    // A slash in a name is one encoded segment.
    let lib = picloud.put(&app, "lib/util", "fn x() { 1 }", &[]).await;
    assert!(lib.routes.is_empty());
    assert_eq!(picloud.text("/up/lib/util").await.0, 404);
}

async fn a_stale_token_opens_nothing(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let token = picloud.token().await;
    let mine = picloud_client::Client::new(&picloud.manager).unwrap().with_token(&token).unwrap();
    mine.me().await.unwrap();
    mine.logout().await.unwrap();
    for wrong in [token.as_str(), "pic_0", "", "pic_ä"] {
        let request = picloud.http.put(format!("{}/api/v1/apps/up/scripts/x", picloud.manager));
        let response =
            request.header("authorization", format!("Bearer {wrong}").as_bytes()).json(&json!({"source": "1"}));
        let (status, code, _) = error_of(response.send().await.unwrap()).await;
        assert_eq!((status, code.as_str()), (401, "unauthorized"), "{wrong:?}");
    }
    let wrong = picloud_shared::api::Login { username: "admin".into(), password: "wrong password".into() };
    assert_eq!(mine.login(&wrong).await.unwrap_err().status().unwrap().as_u16(), 401);
}

async fn nul_is_kept_as_it_is(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("nul").await;
    let source = "log::warn(\"a\\x00b\"); kv::set(\"k\\x00\", \"v\\x00\"); [kv::get(\"k\\x00\"), kv::get(\"k\"), kv::list(\"k\")]";
    picloud.put(&app, "nul", source, &[]).await;
    let run = picloud.invoke(&app, "nul").await;
    assert_eq!(run.summary.outcome, "ok", "{run:?}");
    assert_eq!(run.logs[0].message, "a\0b");
    assert_eq!(run.response.unwrap().body.unwrap(), r#"["v\u0000",null,["k\u0000"]]"#);
    assert_eq!(picloud.text("/nul/nul").await, (200, r#"["v\u0000",null,["k\u0000"]]"#.into()));
}

async fn check_says_where(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("check").await;
    let check = async |source: &str| {
        let check = Check { source: source.into() };
        picloud.client.check(&app, &script_name("any"), &check).await.unwrap().diagnostics
    };
    assert_eq!(check("1 + 1").await, []);
    let found = check("let a = 1;\nlet b = a +;\n").await;
    assert_eq!((found[0].line, found[0].column), (Some(2), Some(12)), "{found:?}");
    assert!(picloud.client.scripts(&app).await.unwrap().is_empty());
}
