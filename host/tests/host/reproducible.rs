//! The same work burns exactly the same fuel, whatever runs it.

use crate::support::{InMemory, host, host_for, load, request};
use picloud_abi::invocation::{Outcome, Trigger};
use picloud_host::{Host, Target};
use picloud_shared::limits::Limits;
use std::future::pending;

/// Strings, maps, floats, closures, sorting, JSON, calls to the platform: whatever might differ between machines.
const SOURCE: &str = r#"
    fn fib(n) { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }
    let words = req.text().split(" ");
    let counts = #{};
    for word in words { counts[word] = (counts[word] ?? 0) + 1; }
    let numbers = []; for i in 0..200 { numbers.push((i * 7919) % 211); }
    numbers.sort(|a, b| a - b);
    let x = 0.5; for i in 0..100 { x = (x * 3.9 * (1.0 - x)).sin().abs() + 0.0 / 1.0; }
    let nan = 0.0 / 0.0;
    kv::set("k", #{x: x, nan: nan.to_string()});
    log::info(`x ${x} ${time::now()}`);
    #{fib: fib(15), counts: counts, first: numbers[0], x: x, kv: kv::get("k"), hex: random::hex(16)}
"#;

async fn fuel(host: &Host<InMemory>, source: &str, limits: &Limits) -> (u64, Outcome) {
    let (image, trigger) = (load(host, source).await, Trigger::Http(request()));
    let run = host.invoke(&image, &trigger, InMemory::default(), limits, pending()).await.unwrap();
    (run.fuel, run.outcome)
}

#[tokio::test]
async fn a_hundred_runs_burn_the_same() {
    let limits = Limits::default();
    let first = fuel(host(), SOURCE, &limits).await;
    assert!(matches!(first.1, Outcome::Response(_)), "{first:?}");
    for _ in 0..100 {
        assert_eq!(fuel(host(), SOURCE, &limits).await, first);
    }
}

#[tokio::test]
async fn every_target_burns_the_same() {
    let (baseline, pulley) = (host_for(Target::Baseline), host_for(Target::Pulley));
    let small = Limits { fuel: 3_000_000, ..Limits::default() };
    let sources = [
        SOURCE,
        "loop {}",
        "fn f(n) { f(n + 1) } f(0)",
        "let s = \"x\"; loop { s += s; }",
        "1 / 0",
        "respond(201, req.json())",
    ];
    for source in sources {
        let native = fuel(host(), source, &small).await;
        assert_eq!(fuel(&baseline, source, &small).await, native, "{source} on the baseline");
        assert_eq!(fuel(&pulley, source, &small).await, native, "{source} on Pulley");
    }
}

#[tokio::test]
async fn what_ran_before_does_not_matter() {
    let limits = Limits::default();
    let alone = fuel(host(), SOURCE, &limits).await;
    for other in ["let s = \"x\"; loop { s += s; }", "let a = []; for i in 0..1000 { a.push(#{i: i}); } a", "loop {}"] {
        fuel(host(), other, &Limits { fuel: 50_000_000, ..Limits::default() }).await;
        assert_eq!(fuel(host(), SOURCE, &limits).await, alone);
    }
}
