//! What invocations come to by time, and what is kept of them.

use crate::support::{Backend, TestApp, on_both, script_name, until};
use picloud_shared::{
    api::{StatsRange, UpdateApp},
    limit_rules::LimitName,
};

on_both!(every_invocation_counts_in_its_bucket, records_go_when_there_are_too_many);

const RANGES: [StatsRange; 4] = [StatsRange::Hour, StatsRange::Day, StatsRange::Week, StatsRange::Month];

async fn every_invocation_counts_in_its_bucket(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("stats").await;
    picloud.put(&app, "part", "let x = 0; for i in 0..1000 { x += i; } x", &[]).await;
    picloud.put(&app, "whole", "if req.query.n == \"0\" { throw \"no\" } scripts::invoke(\"part\", ())", &[]).await;
    for n in 0..5 {
        picloud.get(&format!("/stats/whole?n={n}")).await;
    }
    let once = picloud.invoke(&app, "part").await.summary.fuel;
    let of_app = until("all to be counted", async || {
        let stats = picloud.client.stats(&app, None, StatsRange::Hour).await.unwrap();
        (stats.total.requests == 6).then_some(stats)
    })
    .await;
    let part = picloud.client.script(&app, &script_name("part")).await.unwrap().totals;
    let whole = picloud.client.script(&app, &script_name("whole")).await.unwrap().totals;
    assert_eq!(of_app.total.fuel, whole.fuel + once, "what a script calls is paid by who calls");
    assert_eq!((of_app.total.errors, of_app.buckets.len()), (1, 60));
    assert!(of_app.total.p50_us <= of_app.total.p95_us && of_app.total.p95_us <= of_app.total.p99_us);
    assert!(of_app.total.p50_us.is_some() && of_app.total.memory_bytes > 0);
    let busiest: Vec<_> = of_app.scripts.iter().map(|one| (one.script.as_str(), one.requests, one.fuel)).collect();
    assert_eq!(busiest, [("part", 5, part.fuel), ("whole", 5, whole.fuel)]);
    for range in RANGES {
        let (width, count) = range.buckets();
        for (script, total) in [(None, None), (Some("part"), Some(part)), (Some("whole"), Some(whole))] {
            let name = script.map(script_name);
            let stats = picloud.client.stats(&app, name.as_ref(), range).await.unwrap();
            assert_eq!((stats.width_ms, stats.until - stats.from), (width, width * count));
            assert!(stats.buckets.iter().zip(0..).all(|(bucket, n)| bucket.start == stats.from + n * width));
            let sum: i64 = stats.buckets.iter().map(|bucket| bucket.sums.requests).sum();
            assert_eq!(sum, stats.total.requests, "{range:?} {script:?}");
            if let Some(total) = total {
                assert_eq!((sum, stats.total.fuel), (total.invocations, total.fuel), "{range:?} {script:?}");
                assert!(stats.scripts.is_empty());
            }
        }
    }
    let missing = script_name("missing");
    let error = picloud.client.stats(&app, Some(&missing), StatsRange::Hour).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
    assert_eq!(picloud.api("GET", "/apps/stats/stats?range=2h", "").await.status(), 400);
}

async fn records_go_when_there_are_too_many(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("keep").await;
    let least = UpdateApp { limits: [(LimitName::RecordBytes, Some(1 << 20))].into(), ..UpdateApp::default() };
    picloud.client.update_app(&app, &least).await.unwrap();
    picloud.put(&app, "talk", "let x = \"x\"; while x.len() < 30000 { x += x; } log::info(x);", &[]).await;
    let mut last = String::new();
    for _ in 0..60 {
        let response = picloud.get("/keep/talk").await;
        last = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    }
    // Each has 32 KiB of log: no more than 31 fit.
    let all = picloud_client::InvocationFilter { limit: Some(200), ..Default::default() };
    let kept = until("the oldest to be removed", async || {
        let kept = picloud.client.invocations(&app, &all).await.unwrap().items;
        (kept.len() <= 31 && kept.first()?.id.to_string() == last).then_some(kept)
    })
    .await;
    assert!(kept.len() >= 25, "{}", kept.len());
    let totals = picloud.client.script(&app, &script_name("talk")).await.unwrap().totals;
    assert_eq!((totals.invocations, totals.dropped_records), (60, 0), "what is removed has counted");
    picloud.asks_the_database_nothing().await;
}
