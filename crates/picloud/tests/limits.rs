//! Scripts that want too much end, each with its own code, while their neighbours answer.

use crate::support::{Backend, TestApp, error_of, on_both};
use picloud_shared::{api::UpdateApp, limit_rules::LimitName};
use std::sync::Arc;

on_both!(
    bombs_end_and_neighbours_answer,
    an_apps_own_limits_count_from_the_next_request_on,
    batches_of_the_store_are_bounded,
);

/// Name, source, the codes it may end with, and the line where one is promised.
const BOMBS: [(&str, &str, &str, Option<u64>); 7] = [
    ("loop", "let x = 1;\nloop {}", "out_of_fuel", Some(2)),
    ("spin", "fn spin() {\n  while true { 1 + 1; }\n}\nspin()", "out_of_fuel", Some(2)),
    ("recurse", "fn f(n) {\n  f(n + 1)\n}\nf(0)", "too_deep", Some(2)),
    ("double", "let s = \"x\";\nloop { s += s; }", "out_of_memory", None),
    ("blob", "blob(1000000000).len()", "out_of_memory", None),
    ("pad", "let s = \"\"; s.pad(1000000000, \"x\"); s.len()", "out_of_memory", None),
    ("huge", "blob(9223372036854775807)", "out_of_memory", None),
];

async fn bombs_end_and_neighbours_answer(backend: Backend) {
    let picloud = Arc::new(TestApp::start(backend).await);
    let (bombs, healthy) = (picloud.create_app("bombs").await, picloud.create_app("healthy").await);
    picloud.put(&healthy, "ok", "`fine ${req.query.n}`", &[]).await;
    for (name, source, ..) in BOMBS {
        picloud.put(&bombs, name, source, &[]).await;
    }
    // Once each, looked at closely.
    for (name, _, code, line) in BOMBS {
        let (status, found, error) = error_of(picloud.get(&format!("/bombs/{name}")).await).await;
        assert_eq!((status, found.as_str()), (500, code), "{name}: {error}");
        assert_eq!(error.get("line").and_then(serde_json::Value::as_u64), line, "{name}: {error}");
    }

    // Then a thousand, four at a time, with a neighbour that is asked all the while.
    let before = picloud.resident();
    let neighbour = tokio::spawn({
        let picloud = Arc::clone(&picloud);
        async move {
            for n in 0..500 {
                assert_eq!(picloud.text(&format!("/healthy/ok?n={n}")).await, (200, format!("fine {n}")));
            }
        }
    });
    let throwers = (0..4).map(|thrower| {
        let picloud = Arc::clone(&picloud);
        tokio::spawn(async move {
            for round in 0..250 {
                let (name, _, code, _) = BOMBS[(thrower + round) % BOMBS.len()];
                let (status, found, _) = error_of(picloud.get(&format!("/bombs/{name}")).await).await;
                assert_eq!((status, found.as_str()), (500, code), "{name}");
            }
        })
    });
    for thrower in throwers.collect::<Vec<_>>() {
        thrower.await.unwrap();
    }
    neighbour.await.unwrap();
    let after = picloud.resident();
    assert!(after < before + (96 << 20), "resident memory went from {before} to {after} bytes");

    // Every slot is free: as many at once as there are, each held until all have been let in.
    picloud.put(&healthy, "slow", "for i in 0..20000 { } 1", &[]).await;
    let all = (0..32).map(|_| {
        let picloud = Arc::clone(&picloud);
        tokio::spawn(async move { picloud.text("/healthy/slow").await })
    });
    for answer in all.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), (200, "1".into()));
    }
    let metrics = picloud.http.get(format!("{}/healthz", picloud.manager)).send().await.unwrap();
    assert_eq!(metrics.status(), 200);
}

/// A limit, a value of it, a script that it stops, and how that is told.
const OWN: [(LimitName, i64, &str, (u16, &str)); 7] = [
    (LimitName::Fuel, 2_000_000, "let x = 0; for i in 0..100000 { x += i; } 1", (500, "out_of_fuel")),
    (LimitName::MemoryBytes, 8 << 20, "blob(10000000).len()", (500, "out_of_memory")),
    (LimitName::WallTimeMs, 100, "loop { }", (504, "timeout")),
    (LimitName::RequestBodyBytes, 3, "1", (413, "body_too_large")),
    (LimitName::ResponseBodyBytes, 1_024, "blob(1025)", (500, "response_too_large")),
    (LimitName::KvCalls, 1, "kv::get(\"a\"); kv::get(\"b\"); 1", (500, "quota")),
    (LimitName::RandomBytes, 9, "random::bytes(10)", (500, "quota")),
];

async fn an_apps_own_limits_count_from_the_next_request_on(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("own").await;
    let set = async |name: LimitName, value: Option<i64>| {
        let update = UpdateApp { limits: [(name, value)].into(), ..UpdateApp::default() };
        picloud.client.update_app(&app, &update).await.unwrap();
    };
    let ask = async |name: LimitName| {
        let url = format!("{}/own/{name}", picloud.ingress);
        picloud.http.post(url).body("body").send().await.unwrap()
    };
    for (name, value, source, (status, code)) in OWN {
        picloud.put(&app, name.as_str(), source, &[]).await;
        if name == LimitName::WallTimeMs {
            // So that it does not end before that.
            set(LimitName::Fuel, Some(10_000_000_000)).await;
        } else {
            assert_eq!(ask(name).await.status(), 200, "{name} before");
        }
        set(name, Some(value)).await;
        let (told, found, error) = error_of(ask(name).await).await;
        assert_eq!((told, found.as_str()), (status, code), "{name}: {error}");
        if !matches!(name, LimitName::RequestBodyBytes) {
            assert_eq!(picloud.invoke(&app, name.as_str()).await.summary.outcome, code, "{name}, run by hand");
        }
        set(name, None).await;
    }

    picloud.put(&app, "log", "for i in 0..5 { log::info(`line ${i}`); } 1", &[]).await;
    set(LimitName::LogLines, Some(2)).await;
    let run = picloud.invoke(&app, "log").await;
    assert_eq!((run.logs.len(), run.logs_dropped), (2, 3));
    set(LimitName::LogBytes, Some(4)).await;
    let run = picloud.invoke(&app, "log").await;
    assert_eq!((run.logs[0].message.as_str(), run.logs_dropped), ("line", 4));
}

/// A script, and the code and message of what it catches.
const BATCHES: [(&str, &str); 8] = [
    ("let keys = []; keys.pad(101, \"k\"); kv::get_many(keys)", "too_large: one call takes at most 100 keys, not 101"),
    ("let map = #{}; for i in 0..101 { map[`k${i}`] = 1; } kv::set_many(map)", "too_large: one call takes at most 100"),
    (
        "let map = #{}; for i in 0..5 { map[`k${i}`] = blob(210000); } kv::set_many(map)",
        "too_large: the keys and values of one call have at most 1048576 bytes together",
    ),
    (
        "let map = #{}; for i in 0..9 { map[`k${i}`] = blob(262144); } kv::set_many(map)",
        "too_large: the keys and values of one call have at most 1048576 bytes together",
    ),
    ("kv::set_many(#{ small: 1, large: blob(262145) })", "too_large: a value has at most 262144 bytes, not 262145"),
    ("kv::set_many(#{ \"small\": 1, \"\": 1 })", "invalid: a key is not empty"),
    (
        "for i in 0..5 { kv::set(`large${i}`, blob(250000)); } kv::get_many([\"large0\", \"large1\", \"large2\", \"large3\", \"large4\"])",
        "too_large: the values of one call have at most 1048576 bytes together",
    ),
    ("kv::expire(\"k\", 9223372036854775)", "invalid: the time to live ends after time itself"),
];

async fn batches_of_the_store_are_bounded(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("batches").await;
    for (number, (source, expected)) in BATCHES.into_iter().enumerate() {
        let name = format!("script{number}");
        let source = format!(
            "try {{ {source}; \"nothing\" }} catch (refused) {{ return `${{refused.code}}: ${{refused.message}}` }}"
        );
        picloud.put(&app, &name, &source, &[]).await;
        let (status, told) = picloud.text(&format!("/batches/{name}")).await;
        assert!(status == 200 && told.starts_with(expected), "{source}: {status} {told}");
    }
    // Nothing of what was refused was written; what is too much for one page is on the next.
    picloud.put(&app, "left", "[kv::list(\"k\"), kv::get(\"small\"), kv::entries(\"large\").len(), kv::entries(\"large\", \"large3\", 100).keys()]", &[]).await;
    assert_eq!(picloud.text("/batches/left").await, (200, "[[],null,4,[\"large4\"]]".into()));
}
