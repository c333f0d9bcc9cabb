//! What administrators are told of the server, and that nothing secret is in it.

use crate::support::{PROXY, Server};
use serde_json::json;

#[tokio::test]
async fn it_tells_what_it_was_started_with() {
    let (server, admin) = Server::with_app().await;
    let answer = server.send("GET", "/api/v1/server", &admin, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json();
    for (field, value) in [
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("node", json!("test")),
        ("started_at", json!(1_700_000_000_000_i64)),
        ("data_directory", json!("/srv/picloud")),
        ("manager_url", json!("https://picloud.test")),
        ("manager_hosts", json!(["picloud.test"])),
        ("apps_domain", json!("apps.example.com")),
        ("trusted_proxies", json!([format!("{PROXY}/32")])),
        ("delivery_attempts", json!(5)),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert_eq!(told["database"]["kind"], "sqlite");
    assert!(told["database"]["bytes"].as_i64().is_some_and(|bytes| bytes > 4_096), "{told}");
    assert!(told["max_limits"]["fuel"].as_i64() > told["limits"]["fuel"].as_i64(), "{told}");
    assert!(!answer.text.contains(server.setup_token.reveal()), "{}", answer.text);
}
