//! Scripts that compute without end, or all at once.

use super::{Case, Neighbourly};
use crate::{
    http::raw,
    support::{Backend, Setup, until},
};
use picloud_shared::limit_rules::LimitName;
use std::sync::Arc;

#[tokio::test]
async fn loops_end_at_their_fuel_with_the_line() {
    let case = Case::start().await;
    case.put("loop", "let x = 1;\nloop {}").await;
    case.put("spin", "fn spin() {\n  while true { 1 + 1; }\n}\nspin()").await;
    case.put("caught", "let x = 1;\nloop { try { loop {} } catch { } }").await;
    for name in ["loop", "spin", "caught"] {
        case.fails(name, (500, "out_of_fuel", Some(2))).await;
    }
    case.ends_well().await;
}

#[tokio::test]
async fn loops_end_at_their_wall_time_with_the_line() {
    let case = Case::start().await;
    // It is in that line from the start, whenever a busy machine lets it begin.
    case.put("loop", "// Endless.\nloop {}").await;
    // More fuel than it can burn in that time.
    case.set([(LimitName::Fuel, 10_000_000_000), (LimitName::WallTimeMs, 100)]).await;
    // The line is told whichever thread sees first that the time is over.
    for _ in 0..30 {
        case.fails("loop", (504, "timeout", Some(2))).await;
    }
    case.ends_well().await;
}

#[tokio::test]
async fn recursion_ends_too_deep_with_the_line() {
    let case = Case::start().await;
    case.put("self", "fn f(n) {\n  f(n + 1)\n}\nf(0)").await;
    case.put("mutual", "fn a(n) { b(n) }\nfn b(n) { a(n + 1) }\na(0)").await;
    case.put("closures", "fn f(n) {\n  [n].map(|x| f(x + 1))\n}\nf(0)").await;
    case.fails("self", (500, "too_deep", Some(2))).await;
    for name in ["mutual", "closures"] {
        let run = case.picloud.invoke(&case.bad, name).await;
        let line = run.summary.error.as_ref().and_then(|error| error.line);
        assert_eq!((run.summary.outcome.as_str(), line.is_some()), ("too_deep", true), "{name}: {run:?}");
    }
    case.ends_well().await;
}

/// One call each that does very much. It ends by itself, or at the limit of what it uses up.
const LARGE_OPERATIONS: [(&str, &str); 14] = [
    ("sort", "let a = []; for i in 0..50000 { a.push((i * 7919) % 50021); }\na.sort(); a[0]"),
    ("sort-by", "let a = []; for i in 0..20000 { a.push((i * 7919) % 20011); }\na.sort(|x, y| y - x); a[0]"),
    ("replace", "let s = \"\"; s.pad(2000000, 'a');\ns.replace(\"a\", \"bb\"); s.len()"),
    ("replace-more", "let s = \"\"; s.pad(100000, 'a');\ns.replace(\"a\", s); s.len()"),
    ("copy", "let b = blob(10000000, 7);\nlet c = b; c[0] = 1; let d = c + b; d.len()"),
    ("copies", "let b = blob(1000000, 7);\nlet a = []; loop { a.push(b); a.clear(); }"),
    ("find", "let s = \"\"; s.pad(4000000, 'a');\nlet n = s; n.truncate(2000000); n += \"b\"; s.index_of(n)"),
    ("split", "let s = \"\"; s.pad(1000000, ',');\ns.split(\",\").len()"),
    ("json", "let a = []; a.pad(300000, 1);\njson::parse(json::stringify(a)).len()"),
    ("regex-huge", "let s = \"\"; s.pad(1000000, 'a');\nregex::is_match(\"(?:a?){1000}a{1000}\", s)"),
    ("regex-catastrophe", "let s = \"\"; s.pad(100000, 'a');\nregex::is_match(\"(a+)+$\", s + \"!\")"),
    ("regex-replace", "let s = \"\"; s.pad(100000, 'a');\nregex::replace_all(\"a\", s, s).len()"),
    ("hash", "let b = blob(8000000, 7);\nfor i in 0..100 { crypto::sha256(b); }"),
    ("reverse", "let a = []; a.pad(500000, 1);\nfor i in 0..1000 { a.reverse(); } a.len()"),
];

#[tokio::test]
async fn large_operations_are_metered_or_bounded() {
    let case = Case::start().await;
    for (name, source) in LARGE_OPERATIONS {
        case.put(name, source).await;
        let run = case.picloud.invoke(&case.bad, name).await.summary;
        assert!(["ok", "out_of_fuel", "out_of_memory"].contains(&run.outcome.as_str()), "{name}: {run:?}");
        assert!(run.fuel <= run.fuel_limit, "{name}: {run:?}");
        case.neighbour.answers_again().await;
    }
    case.ends_well().await;
}

#[tokio::test]
async fn more_endless_loops_than_slots_leave_other_apps_theirs() {
    // Of one app only those that have begun hold a slot.
    let setup = Setup::new(Backend::Sqlite).with(&["--slots", "8"]);
    let case = Case::on(setup, Neighbourly::Always).await;
    case.put("loop", "let x = 1;\nloop {}").await;
    let ended = case.crowd((0..24).map(|_| "/bad/loop".to_owned())).await;
    for (status, code) in &ended {
        assert!([(500, "out_of_fuel"), (503, "overloaded")].contains(&(*status, code)), "{ended:?}");
    }
    assert!(ended.contains(&(500, "out_of_fuel".into())), "{ended:?}");
    case.ends_well().await;
}

#[tokio::test]
async fn an_endless_loop_in_every_slot_lets_others_in_or_says_when() {
    let setup = Setup::new(Backend::Sqlite).with(&["--slots", "8"]);
    let case = Case::on(setup, Neighbourly::OrLater).await;
    for number in 0..16 {
        let app = case.picloud.create_app(&format!("bad{number}")).await;
        case.picloud.put(&app, "loop", "let x = 1;\nloop {}", &[]).await;
    }
    let ended = case.crowd((0..16).map(|number| format!("/bad{number}/loop"))).await;
    for (status, code) in &ended {
        assert!([(500, "out_of_fuel"), (503, "overloaded")].contains(&(*status, code)), "{ended:?}");
    }
    assert!(ended.iter().filter(|(status, _)| *status == 500).count() >= 8, "{ended:?}");
    case.ends_well().await;
}

#[tokio::test]
async fn an_app_at_its_limit_leaves_others_alone() {
    let case = Case::start().await;
    case.put("loop", "let x = 1;\nloop {}").await;
    case.set([(LimitName::Concurrency, 4)]).await;
    let ended = case.crowd((0..32).map(|_| "/bad/loop".to_owned())).await;
    for (status, code) in &ended {
        assert!([(500, "out_of_fuel"), (429, "app_busy")].contains(&(*status, code)), "{ended:?}");
    }
    let refused = ended.iter().filter(|(status, _)| *status == 429).count();
    assert!((1..=28).contains(&refused), "{ended:?}");
    // It is let in again once the others have ended.
    case.fails("loop", (500, "out_of_fuel", Some(2))).await;
    case.ends_well().await;
}

#[tokio::test]
async fn a_full_apps_request_is_refused_before_its_body_has_come() {
    let case = Case::start().await;
    case.put("loop", "kv::set(\"begun\", 1);\nloop {}").await;
    case.put("begun", "if kv::get(\"begun\") == () { throw \"not yet\" }").await;
    case.set([(LimitName::Fuel, 10_000_000_000), (LimitName::WallTimeMs, 5_000), (LimitName::Concurrency, 1)]).await;
    let busy = tokio::spawn({
        let picloud = Arc::clone(&case.picloud);
        async move { picloud.get("/bad/loop").await.status() }
    });
    // A manual run does not count among the app's requests.
    until("the loop to begin", async || {
        (case.picloud.invoke(&case.bad, "begun").await.summary.outcome == "ok").then_some(())
    })
    .await;
    // Ten bytes are promised, and none is sent.
    let request = b"POST /bad/loop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    let answer = raw(&case.picloud, request).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    // By its fuel or its time, whichever this machine reaches first.
    assert!(busy.await.unwrap().is_server_error());
    case.ends_well().await;
}
