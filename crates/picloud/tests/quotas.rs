//! What an app may use in a minute and keep, and what is told of it.

use crate::support::{Backend, Setup, TestApp, error_of, on_both, script_name, until};
use picloud_shared::{
    api::{Publish, PutScript, UpdateApp, Usage},
    limit_rules::LimitName,
    names::AppSlug,
};
use serde_json::json;

on_both!(
    an_app_has_so_many_requests_in_a_minute,
    who_has_burnt_the_minutes_fuel_waits_for_the_next,
    an_app_keeps_so_much_in_its_store,
    usage_is_told_with_its_limits,
);

async fn set<const N: usize>(picloud: &TestApp, app: &AppSlug, limits: [(LimitName, i64); N]) {
    let limits = limits.map(|(name, value)| (name, Some(value))).into();
    picloud.client.update_app(app, &UpdateApp { limits, ..UpdateApp::default() }).await.expect("it is set");
}

async fn usage(picloud: &TestApp, app: &AppSlug) -> Usage {
    picloud.client.usage(app).await.expect("the usage")
}

/// To the topic `t`.
fn subscribed(source: &str) -> PutScript {
    PutScript { source: source.into(), routes: None, topics: Some(vec!["t".parse().unwrap()]), schedules: None }
}

/// The minute of the clock that it is.
fn minute() -> i64 {
    picloud_shared::time::now_ms() / 60_000
}

/// Whether the minute has not ended while the test was at it.
async fn in_one_minute<T>(mut attempt: impl AsyncFnMut() -> T) -> T {
    loop {
        let minute = minute();
        let result = attempt().await;
        if self::minute() == minute {
            return result;
        }
    }
}

async fn an_app_has_so_many_requests_in_a_minute(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let (bound, free) = (picloud.create_app("bound").await, picloud.create_app("free").await);
    for app in [&bound, &free] {
        picloud.put(app, "ok", "1", &[]).await;
    }
    set(&picloud, &bound, [(LimitName::RequestsPerMinute, 5)]).await;
    let statuses = in_one_minute(async || {
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(picloud.get("/bound/ok").await.status().as_u16());
        }
        statuses
    })
    .await;
    let let_in = statuses.iter().filter(|status| **status == 200).count();
    // Where the minute ended within the first attempt, the second began with some of its requests used.
    assert!(let_in <= 5 && statuses[5..].iter().all(|status| *status == 429), "{statuses:?}");
    let refused = picloud.get("/bound/ok").await;
    if refused.status() == 429 {
        let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        let left = 60 - u64::try_from(picloud_shared::time::now_ms() % 60_000 / 1_000).unwrap();
        assert!((1..=60).contains(&after) && after.abs_diff(left) <= 2, "{after} of {left}");
        assert_eq!(error_of(refused).await.1, "rate_limited");
    }
    assert_eq!(picloud.text("/free/ok").await.0, 200, "another app has its own");
    // What is refused is not recorded, and runs by hand are no requests.
    picloud.invoke(&bound, "ok").await;
}

async fn who_has_burnt_the_minutes_fuel_waits_for_the_next(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("hot").await;
    picloud.put(&app, "burn", "let x = 0; for i in 0..100000 { x += i; } x", &[]).await;
    let event = subscribed("kv::set(\"came\", true)");
    picloud.client.put_script(&app, &script_name("event"), &event).await.unwrap();
    set(&picloud, &app, [(LimitName::FuelPerMinute, 1_000_000)]).await;
    // What has begun ends, however much it burns; then nothing begins in this minute.
    let (first, second, manual, waiting) = in_one_minute(async || {
        let first = until("the minute's first", async || Some(picloud.get("/hot/burn").await.status().as_u16())).await;
        let second = picloud.get("/hot/burn").await;
        let manual = picloud.api("POST", "/apps/hot/scripts/burn/invoke", "{}").await;
        let publish = Publish { payload: json!(1), key: None, delay: None };
        picloud.client.publish(&app, &"t".parse().unwrap(), &publish).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        (first, second, manual, usage(&picloud, &app).await.deliveries.used)
    })
    .await;
    assert!(first == 200 || first == 429);
    assert_eq!(error_of(second).await.1, "rate_limited");
    assert!(manual.headers().contains_key("retry-after"));
    assert_eq!(error_of(manual).await.1, "rate_limited");
    assert!(waiting >= 1, "a delivery waits");
    let burnt = usage(&picloud, &app).await.fuel_this_minute;
    assert_eq!(burnt.limit, Some(1_000_000));
    // It has waited and not failed once there is fuel again.
    set(&picloud, &app, [(LimitName::FuelPerMinute, 1_000_000_000_000)]).await;
    let publish = Publish { payload: json!(2), key: None, delay: None };
    picloud.client.publish(&app, &"t".parse().unwrap(), &publish).await.unwrap();
    until("all deliveries", async || (usage(&picloud, &app).await.deliveries.used == 0).then_some(())).await;
    let totals = picloud.client.script(&app, &script_name("event")).await.unwrap().totals;
    assert_eq!(totals.failures, 0);
}

async fn an_app_keeps_so_much_in_its_store(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("keeps").await;
    picloud.put(&app, "fill", "let x = blob(1000); for n in 0..20 { kv::set(`k${n}`, x); }", &[]).await;
    let caught =
        "try { kv::set(\"one more\", blob(990)); } catch (refused) { return refused.code; } \"there was room\"";
    picloud.put(&app, "more", caught, &[]).await;
    picloud.put(&app, "less", "kv::delete(\"k0\")", &[]).await;
    set(&picloud, &app, [(LimitName::KvBytes, 10_000), (LimitName::KvEntries, 100)]).await;
    let (status, body) = picloud.text("/keeps/fill").await;
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("storage_full") && body.contains("10000 bytes"), "{body}");
    let before = usage(&picloud, &app).await;
    assert_eq!((before.kv_entries.used, before.kv_bytes.limit), (9, Some(10_000)));
    assert_eq!(picloud.text("/keeps/more").await.1, "storage_full");
    picloud.get("/keeps/less").await;
    assert_eq!(picloud.text("/keeps/more").await.1, "there was room");
    set(&picloud, &app, [(LimitName::KvEntries, 5)]).await;
    assert_eq!(picloud.text("/keeps/more").await.1, "there was room", "what is there can be written again");
}

async fn usage_is_told_with_its_limits(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("use").await;
    picloud.put(&app, "ok", "1", &[]).await;
    let told = usage(&picloud, &app).await;
    assert_eq!((told.requests_this_minute.limit, told.fuel_this_minute.limit), (None, None));
    assert_eq!((told.scripts.used, told.scripts.limit), (1, Some(1_000)));
    assert_eq!((told.record_bytes.used, told.record_bytes.limit), (0, Some(200 << 20)));
    let after = async |before: Usage, done: &dyn Fn(&Usage) -> bool| {
        let minute = minute();
        let now = until("it to be counted", async || {
            let now = usage(&picloud, &app).await;
            // One that ended meanwhile begins with nothing, and is tried again.
            (done(&now) || self::minute() != minute).then_some(now)
        })
        .await;
        let grown = |of: fn(&Usage) -> i64| of(&now) - of(&before);
        (grown(|usage| usage.requests_this_minute.used), grown(|usage| usage.fuel_this_minute.used))
    };
    let requests = in_one_minute(async || {
        let before = usage(&picloud, &app).await;
        for _ in 0..3 {
            picloud.get("/use/ok").await;
        }
        let fuel = before.fuel_this_minute.used;
        after(before, &|now| now.fuel_this_minute.used > fuel).await
    })
    .await;
    assert!(requests.0 == 3 && requests.1 > 0, "{requests:?}");
    // A delivery is no request, and burns its app's fuel.
    let event = subscribed("let x = 0; for i in 0..1000 { x += i; }");
    picloud.client.put_script(&app, &script_name("event"), &event).await.unwrap();
    let delivery = in_one_minute(async || {
        let before = usage(&picloud, &app).await;
        let publish = Publish { payload: json!(1), key: None, delay: None };
        picloud.client.publish(&app, &"t".parse().unwrap(), &publish).await.unwrap();
        let fuel = before.fuel_this_minute.used;
        after(before, &|now| now.fuel_this_minute.used > fuel).await
    })
    .await;
    assert!(delivery.0 == 0 && delivery.1 > 0, "{delivery:?}");
    until("the records", async || (usage(&picloud, &app).await.record_bytes.used > 0).then_some(())).await;
    assert_eq!(picloud.api("GET", "/apps/other/usage", "").await.status(), 404);
}

#[tokio::test]
async fn metrics_tell_what_goes_on_and_nothing_of_any_app() {
    let picloud = Setup::new(Backend::Sqlite).start().await;
    let app = picloud.create_app("secretive").await;
    picloud.put(&app, "hidden", "if req.query.n == \"1\" { throw \"no\" } 1", &["GET /path"]).await;
    for n in 0..3 {
        picloud.get(&format!("/secretive/path?n={n}")).await;
    }
    picloud.get("/secretive/nowhere").await;
    picloud.invoke(&app, "hidden").await;
    let response = picloud.http.get(format!("{}/metrics", picloud.manager)).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    for line in [
        "picloud_invocations_total{outcome=\"ok\"} 3",
        "picloud_invocations_total{outcome=\"error\"} 1",
        "picloud_request_seconds_count 4",
        "picloud_request_seconds_bucket{le=\"+Inf\"} 4",
        "picloud_records_dropped_total 0",
        "picloud_deliveries_waiting 0",
        "picloud_dead_letters 0",
        "picloud_pool_slots 32",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in {text}");
    }
    for name in ["picloud_fuel_total", "process_resident_memory_bytes", "picloud_database_queries_total"] {
        assert!(picloud.metric(name).await > 0, "{name}");
    }
    assert!(!["secretive", "hidden", "/path"].iter().any(|word| text.contains(word)), "{text}");
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    let other = picloud.create_app("another").await;
    picloud.put(&other, "another", "1", &[]).await;
    picloud.get("/another/another").await;
    let again = picloud.http.get(format!("{}/metrics", picloud.manager)).send().await.unwrap().text().await.unwrap();
    assert_eq!(again.lines().filter(|line| !line.starts_with('#')).count(), series, "no app adds a line");
    picloud.asks_the_database_nothing().await;
}
