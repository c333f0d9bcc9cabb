//! Scripts that want too much end, each with its own code, while their neighbours answer.

use crate::support::{Backend, TestApp, error_of, on_both};
use std::sync::Arc;

on_both!(bombs_end_and_neighbours_answer);

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
