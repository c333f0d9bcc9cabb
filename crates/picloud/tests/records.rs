//! What invocations leave: rows, logs, totals.

use crate::support::{Backend, TestApp, on_both, script_name, until};
use picloud_client::{InvocationFilter, LogFilter};
use serde_json::json;
use std::sync::Arc;

on_both!(every_request_is_recorded, fields_are_kept_with_their_lines, totals_are_exact, pages_follow_each_other);

async fn every_request_is_recorded(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("rec").await;
    picloud.put(&app, "greet", "log::info(`hi ${req.params.name}`);\nkv::set(\"k\", 1);\nif req.params.name == \"Eve\" { throw \"no\" }\n1", &["GET /greet/{name}"]).await;
    let response = picloud.get("/rec/greet/Ada?secret=1").await;
    let id = response.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    let fuel: i64 = response.headers()["x-picloud-fuel"].to_str().unwrap().parse().unwrap();
    let found = until("the record", async || picloud.client.invocation(&app, id).await.ok()).await;
    let summary = &found.summary;
    assert_eq!((summary.status, summary.outcome.as_str(), summary.fuel), (200, "ok", fuel));
    assert_eq!(summary.request.as_deref(), Some("GET /greet/Ada"), "the query is not for the log");
    assert_eq!(summary.fuel_limit, 500_000_000);
    assert!(summary.memory_bytes > 0 && summary.duration_us > 0);
    assert_eq!(found.logs.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["hi Ada"]);
    assert_eq!(found.calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["kv.set"]);

    picloud.get("/rec/greet/Eve").await;
    let failed =
        InvocationFilter { status: Some(picloud_shared::api::StatusFilter::Failed), ..InvocationFilter::default() };
    let failed = until("the failure", async || {
        let page = picloud.client.invocations(&app, &failed).await.unwrap();
        (!page.items.is_empty()).then_some(page.items)
    })
    .await;
    assert_eq!(failed.len(), 1);
    let error = failed[0].error.as_ref().unwrap();
    assert_eq!((error.message.as_str(), error.line), ("no", Some(3)));
    let logs = picloud.client.logs(&app, &LogFilter::default()).await.unwrap().items;
    let complaint = logs.iter().find(|line| line.level == "error").unwrap();
    assert!(complaint.message.starts_with("no (line 3, column "), "{complaint:?}");
}

async fn fields_are_kept_with_their_lines(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("rec").await;
    let source = r#"
        log::info("paid", #{ order: 7, "nul\x00": "\x00 ä", parts: [#{ n: 1.5 }, ()] });
        log::warn(#{ only: "text" });
        let deep = 1; for i in 0..100 { deep = [deep]; }
        log::error("deep", #{ deep: deep });
        let long = ""; long.pad(60_000, 'x');
        log::debug("long", #{ long: long }); log::debug("no room", #{ long: long }); log::debug("small", #{ a: 1 });"#;
    picloud.put(&app, "pay", source, &[]).await;
    let run = picloud.invoke(&app, "pay").await;
    let lines: Vec<_> = run.logs.iter().map(|line| (line.message.as_str(), json!(line.fields))).collect();
    assert_eq!(lines[0], ("paid", json!({"order": 7, "nul\0": "\0 ä", "parts": [{"n": 1.5}, null]})));
    assert_eq!(lines[1], ("#{\"only\": \"text\"}", json!({})));
    assert_eq!(lines[2], ("deep", json!({})), "whoever reads them could not");
    assert_eq!((lines[3].0, lines[3].1["long"].as_str().map(str::len)), ("long", Some(60_000)));
    assert_eq!(lines[4..], [("no room", json!({})), ("small", json!({"a": 1}))]);
    let stored = picloud.client.logs(&app, &LogFilter::default()).await.unwrap().items;
    assert_eq!(stored, run.logs);
}

async fn totals_are_exact(backend: Backend) {
    let picloud = Arc::new(TestApp::start(backend).await);
    let app = picloud.create_app("sum").await;
    picloud.put(&app, "s", "if req.query.n == \"7\" { throw \"seven\" } log::info(1); 1", &[]).await;
    let workers = (0..8).map(|_| {
        let picloud = Arc::clone(&picloud);
        tokio::spawn(async move {
            let mut fuel = 0;
            for n in 0..50 {
                let response = picloud.get(&format!("/sum/s?n={n}")).await;
                fuel += response.headers()["x-picloud-fuel"].to_str().unwrap().parse::<i64>().unwrap();
            }
            fuel
        })
    });
    let mut fuel = 0;
    for worker in workers.collect::<Vec<_>>() {
        fuel += worker.await.unwrap();
    }
    let totals = until("all records", async || {
        let totals = picloud.client.script(&app, &script_name("s")).await.unwrap().totals;
        (totals.invocations == 400).then_some(totals)
    })
    .await;
    assert_eq!((totals.failures, totals.fuel, totals.dropped_records, totals.dropped_logs), (8, fuel, 0, 0));
}

async fn pages_follow_each_other(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("pages").await;
    picloud.put(&app, "p", "log::info(\"one\"); log::info(\"two\"); 1", &[]).await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(picloud.invoke(&app, "p").await.summary.id);
    }
    ids.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let filter = InvocationFilter { limit: Some(3), before: before.clone(), ..InvocationFilter::default() };
        let page = picloud.client.invocations(&app, &filter).await.unwrap();
        seen.extend(page.items.into_iter().map(|item| item.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    let logs = picloud.client.logs(&app, &LogFilter::default()).await.unwrap();
    assert_eq!(logs.items.len(), 14);
    assert_eq!((logs.items[0].invocation, logs.items[0].message.as_str()), (ids[0], "one"));
}
