//! The same request burns exactly the same fuel: on either database, cold or warm, whatever the engine compiles to.

use crate::support::{Backend, Setup, TestApp};

const SOURCE: &str = r#"
    fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
    let words = #{}; for word in req.text().split(" ") { words[word] = (words[word] ?? 0) + 1; }
    let numbers = []; for i in 0..100 { numbers.push((i * 7919) % 211); } numbers.sort(|a, b| a - b);
    kv::set("k", #{n: numbers, x: 1.5.sin()});
    log::info(`${fib(12)} ${words}`);
    #{words: words, stored: kv::get("k"), last: numbers[99]}
"#;

async fn one(picloud: &TestApp) -> u64 {
    let request = picloud.http.post(format!("{}/fuel/same?a=1", picloud.ingress)).body("the cat and the dog");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["x-picloud-fuel"].to_str().unwrap().parse().unwrap()
}

/// Cold, then a hundred times warm.
async fn measure(setup: Setup, times: usize) -> u64 {
    let picloud = setup.start().await;
    let app = picloud.create_app("fuel").await;
    picloud.put(&app, "same", SOURCE, &[]).await;
    let cold = one(&picloud).await;
    for round in 0..times {
        assert_eq!(one(&picloud).await, cold, "round {round}");
    }
    // Another process, with nothing in its caches.
    let picloud = picloud.kill_and_restart().await;
    assert_eq!(one(&picloud).await, cold, "after a restart");
    cold
}

#[tokio::test]
async fn fuel_is_the_same_everywhere() {
    let sqlite = measure(Setup::new(Backend::Sqlite), 100).await;
    assert_eq!(measure(Setup::new(Backend::Postgres), 100).await, sqlite, "PostgreSQL");
    assert_eq!(measure(Setup::new(Backend::Sqlite).with(&["--target", "baseline"]), 100).await, sqlite, "baseline");
    assert_eq!(measure(Setup::new(Backend::Sqlite).with(&["--target", "pulley"]), 100).await, sqlite, "Pulley");
}
