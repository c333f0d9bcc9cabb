//! Scripts that call other scripts of their app, against a real server: what comes back, what is recorded, and what
//! bounds it.

use crate::support::{Backend, Setup, TestApp, on_both, script_name, until};
use futures_util::future::join_all;
use picloud_client::InvocationFilter;
use picloud_shared::{
    api::{InvocationDetail, InvocationSummary, Invoke, Rollback, SetSecret, Trigger},
    names::AppSlug,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::{io::AsyncWriteExt, net::TcpStream};

on_both! {
    a_call_gives_a_value_and_both_are_recorded,
    what_runs_is_what_is_active,
    a_failure_is_caught_with_its_place,
    calls_are_bounded_in_number_and_depth,
    a_secret_of_one_shows_in_the_records_of_none,
    an_end_of_the_caller_ends_what_it_called,
}

/// All invocations, the newest first, once there are so many.
async fn recorded(picloud: &TestApp, app: &AppSlug, count: usize) -> Vec<InvocationSummary> {
    found(picloud, app, InvocationFilter { limit: Some(200), ..InvocationFilter::default() }, count).await
}

/// Those of one script.
async fn newest(picloud: &TestApp, app: &AppSlug, script: &str, count: usize) -> Vec<InvocationSummary> {
    let filter = InvocationFilter { script: Some(script_name(script)), ..InvocationFilter::default() };
    found(picloud, app, filter, count).await
}

async fn found(picloud: &TestApp, app: &AppSlug, filter: InvocationFilter, count: usize) -> Vec<InvocationSummary> {
    until("the records", async || {
        let items = picloud.client.invocations(app, &filter).await.unwrap().items;
        (items.len() == count).then_some(items)
    })
    .await
}

/// Runs a script with a payload.
async fn run(picloud: &TestApp, app: &AppSlug, name: &str, payload: Value) -> InvocationDetail {
    let invoke = Invoke { payload: Some(payload), ..Invoke::default() };
    picloud.client.invoke(app, &script_name(name), &invoke).await.unwrap()
}

async fn a_call_gives_a_value_and_both_are_recorded(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let price = r#"
        log::info("asked", #{ item: event.payload.item });
        respond(201, #{ total: event.payload.count * 7, kind: event.kind, attempt: event.attempt, topic: event.topic })"#;
    picloud.put(&app, "price", price, &["POST /never"]).await;
    picloud.put(&app, "between", "scripts::invoke(\"price\", event.payload)", &[]).await;
    let order = r#"
        let told = scripts::invoke("between", #{ item: "tea", count: 3 });
        [told, type_of(told.total), scripts::invoke("lib/nothing")]"#;
    picloud.put(&app, "lib/nothing", "event.payload", &[]).await;
    picloud.put(&app, "order", order, &[]).await;
    let (status, told) = picloud.text("/shop/order").await;
    assert_eq!((status, told.as_str()), (200, r#"[{"attempt":1,"kind":"invoke","topic":null,"total":21},"i64",null]"#));

    let items = recorded(&picloud, &app, 4).await;
    let of = |name: &str| items.iter().find(|item| item.script.as_str() == name).unwrap();
    let (order, between, price, nothing) = (of("order"), of("between"), of("price"), of("lib/nothing"));
    assert_eq!(items.iter().map(|item| item.outcome.as_str()).collect::<Vec<_>>(), ["ok"; 4]);
    assert_eq!((order.trigger, order.parent), (Trigger::Http, None));
    for (called, parent) in [(between, order), (price, between), (nothing, order)] {
        assert_eq!((called.trigger, called.parent), (Trigger::Invoke, Some(parent.id)));
        assert_eq!((called.request.as_deref(), called.status), (None, 200));
        assert!(called.fuel > 0 && called.fuel_limit < parent.fuel_limit && called.started_at >= parent.started_at);
    }
    assert!(order.fuel > between.fuel + nothing.fuel && between.fuel > price.fuel, "{items:?}");
    let shown = picloud.client.invocation(&app, price.id).await.unwrap();
    assert_eq!((shown.logs[0].message.as_str(), &shown.logs[0].fields["item"]), ("asked", &json!("tea")));
    let calls = picloud.client.invocation(&app, order.id).await.unwrap().calls;
    assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["scripts.invoke"; 2]);
    let totals = picloud.client.script(&app, &script_name("price")).await.unwrap().totals;
    assert_eq!((totals.invocations, totals.fuel), (1, price.fuel));

    // By hand the same is recorded before it is answered, and costs the same each time.
    let by_hand = [run(&picloud, &app, "order", json!(null)).await, run(&picloud, &app, "order", json!(null)).await];
    assert_eq!(by_hand[0].result.as_ref().unwrap()[0]["total"], 21);
    assert_eq!(by_hand[0].summary.fuel, by_hand[1].summary.fuel);
    let items = recorded(&picloud, &app, 12).await;
    let called = items.iter().filter(|item| item.parent == Some(by_hand[1].summary.id));
    assert_eq!(called.map(|item| item.script.as_str()).collect::<Vec<_>>(), ["lib/nothing", "between"]);
}

async fn what_runs_is_what_is_active(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let other = picloud.create_app("other").await;
    let source = r#"try { scripts::invoke("b") } catch (refused) { return refused.code + ": " + refused.message; }"#;
    picloud.put(&app, "a", source, &[]).await;
    picloud.put(&other, "b", "\"another's\"", &[]).await;
    let told = async || picloud.text("/shop/a").await.1;
    assert_eq!(told().await, "no_such_script: there is no script b");
    picloud.put(&app, "a", "scripts::invoke(\"b\")", &[]).await;
    for round in 0..10 {
        picloud.put(&app, "lib/b", &format!("fn b(n) {{ [n, {round}] }}"), &[]).await;
        picloud.put(&app, "b", &format!("import \"lib/b\" as b; b::b({round})"), &[]).await;
        assert_eq!(told().await, format!("[{round},{round}]"));
    }
    picloud.client.rollback(&app, &script_name("b"), &Rollback { version: Some(1) }).await.unwrap();
    assert_eq!(told().await, "[0,9]");
    picloud.client.delete_script(&app, &script_name("b")).await.unwrap();
    assert!(told().await.contains("there is no script b"));
}

async fn a_failure_is_caught_with_its_place(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "lib/far", "fn far() {\n  throw \"far away\" }", &[]).await;
    picloud.put(&app, "imports", "import \"lib/far\" as far;\nfar::far()", &[]).await;
    picloud.put(&app, "divides", "let a = 0;\n 1 / a", &[]).await;
    picloud.put(&app, "throws", "throw #{ status: 404, message: \"no such price\" }", &[]).await;
    picloud.put(&app, "grows", "let s = \"x\"; loop { s += s; }", &[]).await;
    picloud.put(&app, "deepens", "fn f(n) { f(n + 1) } f(0)", &[]).await;
    picloud.put(&app, "relays", "\n\nscripts::invoke(\"divides\")", &[]).await;
    picloud
        .put(&app, "catches", "try { scripts::invoke(event.payload); } catch (e) { return [e.code, e.message]; }", &[])
        .await;
    for (name, code, message) in [
        ("divides", "script_failed", "divides failed: Division by zero: 1 / 0 (divides:2:4)"),
        ("imports", "script_failed", "imports failed: far away (lib/far:2:3)"),
        ("throws", "script_failed", "throws failed: no such price (throws:1:1)"),
        ("grows", "script_failed", "grows failed: the script asked for more memory than its limit (grows)"),
        ("deepens", "script_failed", "deepens failed: calls are nested too deeply (deepens:1:11)"),
        (
            "relays",
            "script_failed",
            "relays failed: divides failed: Division by zero: 1 / 0 (divides:2:4) (relays:3:10)",
        ),
        ("no name", "invalid", "a script's name is"),
        ("../x", "invalid", "a script's name is"),
        ("nobody", "no_such_script", "there is no script nobody"),
    ] {
        let told = run(&picloud, &app, "catches", json!(name)).await.result.unwrap();
        assert_eq!(told[0], code, "{name}: {told}");
        assert!(told[1].as_str().unwrap().starts_with(message), "{name}: {told}");
    }
    // Uncaught it is the caller's error, at the place of its call; and the log of each tells its own.
    let failed = run(&picloud, &app, "relays", json!(null)).await;
    let error = failed.summary.error.unwrap();
    assert_eq!((failed.summary.outcome.as_str(), error.line, error.column), ("error", Some(3), Some(10)));
    assert_eq!(error.message, "divides failed: Division by zero: 1 / 0 (divides:2:4)");
    let log = picloud.client.logs(&app, &picloud_client::LogFilter::default()).await.unwrap().items;
    assert_eq!(log[0].message, "Division by zero: 1 / 0 (line 2, column 4)");
    assert_eq!((log[0].script.as_str(), log[1].script.as_str()), ("divides", "relays"));
}

async fn calls_are_bounded_in_number_and_depth(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    // Itself, and each other.
    let down = "if event.payload == 0 { return 0; } 1 + scripts::invoke(\"NEXT\", event.payload - 1)";
    for (name, next) in [("self", "self"), ("ping", "pong"), ("pong", "ping")] {
        picloud.put(&app, name, &down.replace("NEXT", next), &[]).await;
    }
    for name in ["self", "ping", "pong"] {
        assert_eq!(run(&picloud, &app, name, json!(8)).await.result, Some(json!(8)));
        let failed = run(&picloud, &app, name, json!(9)).await.summary.error.unwrap();
        assert!(failed.message.contains("scripts that call one another go 8 deep at most"), "{failed:?}");
    }
    picloud.put(&app, "one", "1", &[]).await;
    picloud.put(&app, "many", "let n = 0; for i in 0..event.payload { n += scripts::invoke(\"one\"); } n", &[]).await;
    picloud.put(&app, "tree", "scripts::invoke(\"many\", 10) + scripts::invoke(\"many\", event.payload)", &[]).await;
    assert_eq!(run(&picloud, &app, "many", json!(16)).await.result, Some(json!(16)));
    let failed = run(&picloud, &app, "many", json!(17)).await.summary;
    assert_eq!(failed.outcome, "quota");
    assert_eq!(failed.error.unwrap().message, "an invocation may call other scripts 16 times");
    assert_eq!(run(&picloud, &app, "tree", json!(4)).await.result, Some(json!(14)));
    assert!(run(&picloud, &app, "tree", json!(5)).await.summary.error.unwrap().message.contains("16 times"));
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"script_calls": 40}}).to_string()).await;
    assert_eq!(run(&picloud, &app, "many", json!(40)).await.result, Some(json!(40)));
    // The log of all together is as long as that of one.
    picloud
        .put(&app, "talks", "for i in 0..200 { log::info(i); } try { scripts::invoke(\"talks\") } catch { }", &[])
        .await;
    let talked = run(&picloud, &app, "talks", json!(null)).await;
    let lines = picloud.client.logs(&app, &picloud_client::LogFilter::default()).await.unwrap().items;
    let lines = lines.iter().filter(|line| line.script.as_str() == "talks" && line.level == "info").count();
    assert_eq!((talked.logs.len(), talked.logs_dropped, lines), (200, 0, 256));
    // And a payload as large as a body.
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"request_body_bytes": 1_000}}).to_string()).await;
    picloud.put(&app, "large", "let s = \"\"; s.pad(event.payload, 'x'); scripts::invoke(\"one\", s)", &[]).await;
    assert_eq!(run(&picloud, &app, "large", json!(998)).await.result, Some(json!(1)));
    let failed = run(&picloud, &app, "large", json!(999)).await.summary;
    assert_eq!(failed.outcome, "too_large");
    assert_eq!(failed.error.unwrap().message, "the payload has 1001 bytes of at most 1000");
}

async fn a_secret_of_one_shows_in_the_records_of_none(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let value = "hunter2-Zq8!vT\"x";
    picloud.client.set_secret(&app, &"KEY".parse().unwrap(), &SetSecret { value: value.into() }).await.unwrap();
    // Each logs what it has from the other.
    let reads = r#"
        let key = secrets::get("KEY");
        log::info(`read ${key}`, #{ key: key });
        if event.payload == "throw" { throw `no use for ${key}`; }
        key"#;
    picloud.put(&app, "reads", reads, &[]).await;
    let has = r#"
        let key = scripts::invoke("reads");
        log::info(`has ${key}`);
        scripts::invoke("given", key);
        scripts::invoke("reads", "throw");"#;
    picloud.put(&app, "has", has, &[]).await;
    picloud.put(&app, "given", "log::info(\"given\", #{ it: event.payload });", &[]).await;
    let failed = run(&picloud, &app, "has", json!(null)).await;
    let message = failed.summary.error.unwrap().message;
    assert!(message.starts_with("reads failed: no use for [secret KEY] (reads:4:"), "{message}");
    let log = picloud.client.logs(&app, &picloud_client::LogFilter::default()).await.unwrap().items;
    assert!(log.iter().any(|line| line.message == "has [secret KEY]"), "{log:?}");
    assert!(log.iter().any(|line| line.fields.get("it") == Some(&json!("[secret KEY]"))), "{log:?}");
    assert!(log.iter().any(|line| line.fields.get("key") == Some(&json!("[secret KEY]"))), "{log:?}");
    let told = format!("{log:?} {:?}", recorded(&picloud, &app, 4).await);
    assert!(!told.contains("hunter2"), "{told}");
}

async fn an_end_of_the_caller_ends_what_it_called(backend: Backend) {
    // Fewer slots than rounds: were they not given back, the last rounds would find none.
    let picloud = Setup::new(backend).with(&["--slots", "6"]).start().await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "long", "kv::incr(\"begun\"); loop {}", &[]).await;
    picloud.put(&app, "middle", "log::info(\"middle\"); scripts::invoke(\"long\")", &[]).await;
    picloud.put(&app, "first", "try { scripts::invoke(\"middle\") } catch { loop {} }", &[]).await;
    picloud.put(&app, "begun", "kv::get(\"begun\")", &[]).await;
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"fuel": 10_000_000_000_i64}}).to_string()).await;
    let address = picloud.ingress.strip_prefix("http://").unwrap();
    for round in 1..=5 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /shop/first HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let begun = async || (picloud.text("/shop/begun").await.1 == round.to_string()).then_some(());
        until("the script to have begun", begun).await;
        drop(stream);
        newest(&picloud, &app, "first", round).await;
    }
    let [first, middle, long] = [
        newest(&picloud, &app, "first", 5).await,
        newest(&picloud, &app, "middle", 5).await,
        newest(&picloud, &app, "long", 5).await,
    ];
    for (first, (middle, long)) in first.iter().zip(middle.iter().zip(&long)) {
        assert_eq!([first, middle, long].map(|item| item.outcome.as_str()), ["cancelled"; 3]);
        assert_eq!((long.parent, middle.parent), (Some(middle.id), Some(first.id)));
        assert!(first.fuel > middle.fuel && middle.fuel > long.fuel && long.fuel > 0, "what was burnt is counted");
    }

    // Time is that of the first, too.
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"wall_time_ms": 500}}).to_string()).await;
    let started = Instant::now();
    let (status, told) = picloud.text("/shop/first").await;
    assert!(status == 504 && told.contains("timeout"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(20));
    for name in ["first", "middle", "long"] {
        assert_eq!(newest(&picloud, &app, name, 6).await[0].outcome, "timeout", "{name}");
    }
}

/// However much of its stack a script has used when it calls another, there is room for whatever runs that one.
#[tokio::test]
async fn the_deepest_stacks_call_the_deepest_scripts() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("shop").await;
    let source = format!(
        "fn f(n) {{ if n == 0 {{ return next(); }} {}f(n - 1){} }}
        fn next() {{
            let left = event.payload.left;
            if left == 0 {{ kv::set(\"k\", 1); 0 }} else {{ scripts::invoke(\"deep\", #{{ left: left - 1, n: event.payload.n }}) }}
        }}
        f(event.payload.n)",
        "1 + (".repeat(20),
        ")".repeat(20),
    );
    picloud.put(&app, "deep", &source, &[]).await;
    let mut deepest = 0;
    for n in (1..64).step_by(3) {
        let run = run(&picloud, &app, "deep", json!({ "left": 8, "n": n })).await;
        match run.result {
            Some(result) => {
                assert_eq!(result, 9 * 20 * n);
                deepest = n;
            }
            None => {
                let error = run.summary.error.unwrap();
                assert!(error.message.contains("calls are nested too deeply"), "{n}: {error:?}");
            }
        }
    }
    assert!(deepest > 10, "{deepest}");
}

/// Each holds a slot and asks for another: what finds none is told so at once, and nobody waits for ever.
#[tokio::test]
async fn a_full_node_refuses_a_call_at_once() {
    let picloud = Setup::new(Backend::Sqlite).with(&["--slots", "4"]).start().await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "one", "1", &[]).await;
    let source = r#"
        let told = [];
        for i in 0..8 { try { told.push(scripts::invoke("one")); } catch (refused) { told.push(refused.code); } }
        told"#;
    picloud.put(&app, "calls", source, &[]).await;
    let depth = "if event.payload == 0 { return 0; } 1 + scripts::invoke(\"depth\", event.payload - 1)";
    picloud.put(&app, "depth", depth, &[]).await;
    // Half of them are for what is called.
    assert_eq!(run(&picloud, &app, "depth", json!(2)).await.result, Some(json!(2)));
    let failed = run(&picloud, &app, "depth", json!(3)).await.summary.error.unwrap();
    assert!(failed.message.contains("no room to run depth"), "{failed:?}");
    let answers = join_all((0..40).map(|_| picloud.text("/shop/calls"))).await;
    for (status, told) in answers {
        assert!([200, 503].contains(&status), "{status}: {told}");
        let told: Value = serde_json::from_str(&told).unwrap();
        for each in told.as_array().into_iter().flatten() {
            assert!(each == 1 || each == "unavailable", "{told}");
        }
    }
    assert_eq!(picloud.text("/shop/calls").await, (200, "[1,1,1,1,1,1,1,1]".into()));
}

/// What is called counts as its caller does: under one place in the app, and in its turns.
#[tokio::test]
async fn callers_share_turns_and_the_apps_bound() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "one", "kv::incr(\"n\"); 1", &[]).await;
    picloud.put(&app, "calls", "let n = 0; for i in 0..4 { n += scripts::invoke(\"one\"); } n", &[]).await;
    let answers = join_all((0..16).map(|_| picloud.text("/shop/calls"))).await;
    assert!(answers.iter().all(|answer| *answer == (200, "4".into())), "{answers:?}");
    picloud.api("PATCH", "/apps/shop", json!({"limits": {"concurrency": 1}}).to_string()).await;
    assert_eq!(picloud.text("/shop/calls").await, (200, "4".into()));
    // Endless loops behind a call leave another app its turns.
    picloud.put(&app, "spins", "loop {}", &[]).await;
    picloud.put(&app, "calls", "scripts::invoke(\"spins\")", &[]).await;
    let limits = json!({"limits": {"concurrency": 12, "fuel": 1_000_000_000_i64}});
    picloud.api("PATCH", "/apps/shop", limits.to_string()).await;
    let other = picloud.create_app("other").await;
    picloud.put(&other, "one", "1", &[]).await;
    let spinning = join_all((0..12).map(|_| picloud.text("/shop/calls")));
    let neighbour = async {
        for _ in 0..20 {
            assert_eq!(picloud.text("/other/one").await, (200, "1".into()));
        }
    };
    let (spun, ()) = tokio::join!(spinning, neighbour);
    assert!(spun.iter().all(|(status, _)| [500, 503, 504].contains(status)), "{spun:?}");
}

/// Events that cause one another are counted through the scripts that are called in between.
#[tokio::test]
async fn no_call_makes_events_go_on_for_ever() {
    let picloud = Setup::new(Backend::Sqlite).with(&["--delivery-attempts", "1"]).start().await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "publishes", "kv::incr(\"n\"); topics::publish(\"t\", 1)", &[]).await;
    let source = "// topic: t\nscripts::invoke(\"publishes\")";
    let topics = picloud_shared::names::TopicName::declared_in(source).unwrap();
    let script = picloud_shared::api::PutScript { source: source.into(), routes: None, topics, schedules: None };
    picloud.client.put_script(&app, &script_name("gets"), &script).await.unwrap();
    assert_eq!(run(&picloud, &app, "publishes", json!(null)).await.result, Some(json!(1)));
    let failed = until("the end", async || {
        let filter = InvocationFilter { script: Some(script_name("gets")), ..InvocationFilter::default() };
        let items = picloud.client.invocations(&app, &filter).await.unwrap().items;
        items.into_iter().find(|item| item.outcome != "ok")
    });
    let error = failed.await.error.unwrap();
    assert!(error.message.starts_with("publishes failed: events that cause one another go 16 deep"), "{error:?}");
    assert_eq!(recorded(&picloud, &app, 33).await.len(), 33);
}
