//! Events of topics, from their publishing to the script, its retries, the dead letter and the replay.

use crate::support::{Backend, Setup, TestApp, error_of, on_both, past, script_name, until};
use picloud_client::{DeadLetterFilter, InvocationFilter};
use picloud_shared::{
    api::{DeadLetter, Publish, PutScript, Replay, Topic, Trigger},
    ids::DeliveryId,
    names::{AppSlug, TopicName},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

on_both!(
    an_event_reaches_every_subscriber,
    a_failing_delivery_is_retried_then_dead_then_replayed,
    a_key_keeps_its_order_past_failures,
    events_that_cause_one_another_end,
    what_is_out_of_bounds_is_refused,
    a_full_queue_is_refused,
    a_delay_is_waited_for,
    nothing_is_asked_while_nothing_is_due,
    an_app_with_many_deliveries_does_not_keep_another_waiting,
    what_cannot_be_read_holds_up_nothing_else,
    dead_letters_are_bounded,
    stopping_lets_a_delivery_end,
    no_crash_loses_an_acknowledged_event,
);

/// With waits of 10, 40, 160 and 640 ms.
const QUICK: [&str; 2] = ["--delivery-backoff-ms", "10"];

pub(crate) fn topic(name: &str) -> TopicName {
    name.parse().expect("a topic")
}

async fn subscribe(picloud: &TestApp, app: &AppSlug, name: &str, topics: &[&str], source: &str) {
    let topics = Some(topics.iter().map(|name| topic(name)).collect());
    let script = PutScript { source: source.to_owned(), routes: None, topics, schedules: None };
    picloud.client.put_script(app, &script_name(name), &script).await.expect("it is stored");
}

fn event(payload: Value) -> Publish {
    Publish { payload, key: None, delay: None }
}

async fn publish(picloud: &TestApp, app: &AppSlug, name: &str, event: &Publish) -> Vec<DeliveryId> {
    picloud.client.publish(app, &topic(name), event).await.expect("it is published").deliveries
}

async fn letters(picloud: &TestApp, app: &AppSlug) -> Vec<DeadLetter> {
    picloud.client.dead_letters(app, &DeadLetterFilter::default()).await.expect("a list").items
}

async fn topics(picloud: &TestApp, app: &AppSlug) -> BTreeMap<String, Topic> {
    let topics = picloud.client.topics(app).await.expect("a list");
    topics.into_iter().map(|topic| (topic.name.to_string(), topic)).collect()
}

async fn all_arrived(picloud: &TestApp, app: &AppSlug) {
    let idle = async || topics(picloud, app).await.values().all(|topic| topic.waiting == 0).then_some(());
    until("all deliveries to end", idle).await;
}

/// What a script put under a key, as JSON.
async fn kept(picloud: &TestApp, app: &AppSlug, key: &str) -> Value {
    picloud.put(app, "kept", "kv::get(req.query.key)", &["GET /kept"]).await;
    let (status, text) = picloud.text(&format!("/{app}/kept?key={key}")).await;
    if status == 204 { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

async fn an_event_reaches_every_subscriber(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let keep = "fn seen() { [event.kind, event.topic, event.payload, event.attempt, event.id] }
        kv::set(\"seen:NAME\", seen()); log::info(\"got it\");";
    for name in ["a", "b"] {
        subscribe(&picloud, &app, name, &["orders"], &keep.replace("NAME", name)).await;
    }
    picloud.put(&app, "buy", "topics::publish(\"orders\", #{n: req.json().n})", &["POST /buy"]).await;
    let buy = picloud.http.post(format!("{}/shop/buy", picloud.ingress)).body("{\"n\": 7}").send().await.unwrap();
    assert_eq!((buy.status().as_u16(), buy.text().await.unwrap()), (200, "2".to_owned()));
    all_arrived(&picloud, &app).await;
    for name in ["a", "b"] {
        let seen = kept(&picloud, &app, &format!("seen:{name}")).await;
        assert_eq!(seen.as_array().unwrap()[..4], [json!("topic"), json!("orders"), json!({"n": 7}), json!(1)]);
    }
    let ids = publish(&picloud, &app, "orders", &event(json!(["from", "outside"]))).await;
    all_arrived(&picloud, &app).await;
    let seen: BTreeSet<_> = [kept(&picloud, &app, "seen:a").await, kept(&picloud, &app, "seen:b").await]
        .iter()
        .map(|seen| seen[4].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(seen, ids.iter().map(ToString::to_string).collect());
    assert_eq!(publish(&picloud, &app, "nobody", &event(Value::Null)).await, []);

    let filter = InvocationFilter { script: Some(script_name("a")), ..InvocationFilter::default() };
    let runs = picloud.client.invocations(&app, &filter).await.unwrap().items;
    assert_eq!(runs.len(), 2);
    assert!(runs.iter().all(|run| run.trigger == Trigger::Topic && run.outcome == "ok" && run.status == 200));
    let detail = picloud.client.invocation(&app, runs[0].id).await.unwrap();
    assert_eq!(detail.logs[0].message, "got it");
    let bought = until("the record of the request", async || {
        let runs = picloud.client.invocations(&app, &InvocationFilter::default()).await.unwrap().items;
        runs.into_iter().find(|run| run.script.as_str() == "buy")
    });
    let detail = picloud.client.invocation(&app, bought.await.id).await.unwrap();
    assert_eq!(detail.calls[0].name, "topics.publish");
}

async fn a_failing_delivery_is_retried_then_dead_then_replayed(backend: Backend) {
    let picloud = Setup::new(backend).with(&QUICK).start().await;
    let app = picloud.create_app("shop").await;
    let fails = "kv::incr(\"tries:\" + event.id);\nif kv::get(\"fixed\") == () { throw \"no stock\"; }";
    subscribe(&picloud, &app, "ship", &["orders"], fails).await;
    let id = publish(&picloud, &app, "orders", &event(json!({"n": 1}))).await[0];
    let other = publish(&picloud, &app, "orders", &event(json!({"n": 2}))).await[0];
    let dead = until("two dead letters", async || Some(letters(&picloud, &app).await).filter(|found| found.len() == 2));
    let dead = dead.await;
    let letter = dead.iter().find(|letter| letter.id == id).expect("the same id through all attempts");
    assert_eq!((letter.attempts, &letter.payload, letter.script.as_str()), (5, &json!({"n": 1}), "ship"));
    assert_eq!(letter.error, "error: no stock (line 2, column 29)");
    assert_eq!(kept(&picloud, &app, &format!("tries:{id}")).await, json!(5));
    let last = picloud.client.invocation(&app, letter.last_invocation.unwrap()).await.unwrap();
    assert_eq!((last.summary.trigger, last.summary.outcome.as_str()), (Trigger::Topic, "error"));
    let filter = InvocationFilter { script: Some(script_name("ship")), ..InvocationFilter::default() };
    assert_eq!(picloud.client.invocations(&app, &filter).await.unwrap().items.len(), 10, "each attempt is recorded");
    assert_eq!((topics(&picloud, &app).await["orders"].waiting, topics(&picloud, &app).await["orders"].dead), (0, 2));

    picloud.put(&app, "fix", "kv::set(\"fixed\", true)", &["POST /fix"]).await;
    picloud.http.post(format!("{}/shop/fix", picloud.ingress)).send().await.unwrap();
    assert_eq!(picloud.client.replay_dead_letter(&app, id).await.unwrap().replayed, 1);
    all_arrived(&picloud, &app).await;
    assert_eq!(letters(&picloud, &app).await.iter().map(|letter| letter.id).collect::<Vec<_>>(), [other]);
    let none = Replay { topic: Some(topic("paid")) };
    assert_eq!(picloud.client.replay_dead_letters(&app, &none).await.unwrap().replayed, 0);
    assert_eq!(picloud.client.replay_dead_letters(&app, &Replay::default()).await.unwrap().replayed, 1);
    all_arrived(&picloud, &app).await;
    assert!(letters(&picloud, &app).await.is_empty());
    assert_eq!(kept(&picloud, &app, &format!("tries:{other}")).await, json!(6));
}

async fn a_key_keeps_its_order_past_failures(backend: Backend) {
    let picloud = Setup::new(backend).with(&QUICK).start().await;
    let app = picloud.create_app("shop").await;
    // Each key has one event that fails twice and one that always does.
    let source = r#"
        let e = event.payload;
        if e.n == 1 && event.attempt < 3 { throw "later" }
        if e.n == 3 { throw "never" }
        loop {
            let known = kv::get("seen:" + e.key);
            let seen = known ?? [];
            seen.push(e.n);
            if kv::compare_and_set("seen:" + e.key, known, seen) { break }
        }"#;
    subscribe(&picloud, &app, "ship", &["orders"], source).await;
    for n in 0..6 {
        for key in ["x", "y"] {
            let payload = json!({"key": key, "n": n});
            publish(&picloud, &app, "orders", &Publish { payload, key: Some(key.to_owned()), delay: None }).await;
        }
    }
    all_arrived(&picloud, &app).await;
    for key in ["x", "y"] {
        assert_eq!(kept(&picloud, &app, &format!("seen:{key}")).await, json!([0, 1, 2, 4, 5]));
    }
    assert_eq!(letters(&picloud, &app).await.len(), 2);
}

async fn events_that_cause_one_another_end(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let source = r#"
        kv::set("depth", event.payload);
        try { topics::publish("loop", event.payload + 1) } catch (refused) { kv::set("refused", refused.code) }"#;
    subscribe(&picloud, &app, "loop", &["loop"], source).await;
    publish(&picloud, &app, "loop", &event(json!(1))).await;
    until("the last one", async || (kept(&picloud, &app, "refused").await == "quota").then_some(())).await;
    assert_eq!(kept(&picloud, &app, "depth").await, json!(16));
}

async fn what_is_out_of_bounds_is_refused(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    subscribe(&picloud, &app, "ship", &["orders"], "throw \"no\"").await;
    let source = r#"
        fn filled(length) { let text = ""; text.pad(length, 'x'); text }
        let codes = [];
        for bad in [["a b", 1, #{}], ["t", 1, #{key: ""}], ["t", 1, #{delay: 9999999}], ["t", 1, #{key: filled(513)}],
            ["t", filled(262143), #{}]] {
            try { topics::publish(bad[0], bad[1], bad[2]) } catch (refused) { codes.push(refused.code) }
        }
        for bad in [#{kye: "a"}, #{key: 1}, #{delay: -1}, #{delay: 0.5}] {
            try { topics::publish("t", 1, bad) } catch (error) { codes.push(error) }
        }
        codes"#;
    picloud.put(&app, "bad", source, &["GET /bad"]).await;
    let (status, text) = picloud.text("/shop/bad").await;
    assert_eq!(status, 200, "{text}");
    let codes: Vec<String> = serde_json::from_str(&text).unwrap();
    assert_eq!(codes[..5], ["invalid", "invalid", "invalid", "too_large", "too_large"]);
    assert_eq!(codes[5], "an event has a key and a delay, but no kye");
    assert!(codes.len() == 9 && codes[7].contains("whole number of seconds") && codes[8].contains("0.5"), "{codes:?}");

    picloud.put(&app, "many", "for n in 0..101 { topics::publish(\"t\", n) }", &["GET /many"]).await;
    let (status, code, error) = error_of(picloud.get("/shop/many").await).await;
    assert_eq!((status, code.as_str(), &error["line"]), (500, "quota", &json!(1)));

    let path = "/apps/shop/topics";
    for (path, body, expected) in [
        (format!("{path}/a%20b"), json!({"payload": 1}), (422, "invalid_request")),
        (format!("{path}/t"), json!({}), (422, "invalid_request")),
        (format!("{path}/t"), json!({"payload": 1, "kye": "a"}), (422, "invalid_request")),
        (format!("{path}/t"), json!({"payload": 1, "key": ""}), (422, "invalid_request")),
        (format!("{path}/t"), json!({"payload": 1, "delay": 9_999_999}), (422, "invalid_request")),
        (format!("{path}/t"), json!({"payload": "x".repeat(256 << 10)}), (413, "too_large")),
        (format!("{path}/t"), json!({"payload": "x".repeat(4 << 20)}), (413, "body_too_large")),
        ("/apps/shop/dead-letters/x/replay".to_owned(), json!({}), (404, "not_found")),
        ("/apps/none/topics/t".to_owned(), json!({"payload": 1}), (404, "not_found")),
    ] {
        let (status, code, _) = error_of(picloud.api("POST", &path, body.to_string()).await).await;
        assert_eq!((status, code.as_str()), expected, "{path}");
    }
}

async fn a_full_queue_is_refused(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    for n in 0..100 {
        subscribe(&picloud, &app, &format!("s{n}"), &["orders"], "()").await;
    }
    let source =
        "try { loop { topics::publish(\"orders\", 1, #{delay: 3600}); } } catch (refused) { return refused.code }";
    picloud.put(&app, "fill", source, &["GET /fill"]).await;
    assert_eq!(picloud.text("/shop/fill").await, (200, "quota".to_owned()));
    assert_eq!(picloud.text("/shop/fill").await, (200, "queue_full".to_owned()));
    picloud.put(&app, "more", "topics::publish(\"orders\", 1)", &["GET /more"]).await;
    let (status, code, _) = error_of(picloud.get("/shop/more").await).await;
    assert_eq!((status, code.as_str()), (500, "queue_full"));
    let refused = picloud.api("POST", "/apps/shop/topics/orders", "{\"payload\": 1}").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, code, _) = error_of(refused).await;
    assert_eq!((status, code.as_str()), (429, "queue_full"));
    assert_eq!(topics(&picloud, &app).await["orders"].waiting, 10_000);
}

async fn a_delay_is_waited_for(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    subscribe(&picloud, &app, "ship", &["orders"], "kv::set(\"arrived\", true)").await;
    picloud.put(&app, "later", "topics::publish(\"orders\", 1, #{delay: 1, key: \"k\"})", &["GET /later"]).await;
    let published = Instant::now();
    assert_eq!(picloud.text("/shop/later").await, (200, "1".to_owned()));
    all_arrived(&picloud, &app).await;
    assert!(published.elapsed() >= Duration::from_secs(1), "{:?}", published.elapsed());
    assert_eq!(kept(&picloud, &app, "arrived").await, json!(true));
}

async fn nothing_is_asked_while_nothing_is_due(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    subscribe(&picloud, &app, "ship", &["orders"], "()").await;
    publish(&picloud, &app, "orders", &event(json!(1))).await;
    all_arrived(&picloud, &app).await;
    // One that is due in an hour costs nothing until then.
    publish(&picloud, &app, "orders", &Publish { delay: Some(3_600), ..event(json!(2)) }).await;
    picloud.asks_the_database_nothing().await;
}

async fn an_app_with_many_deliveries_does_not_keep_another_waiting(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let (busy, quiet) = (picloud.create_app("busy").await, picloud.create_app("quiet").await);
    subscribe(&picloud, &busy, "work", &["work"], "loop {}").await;
    subscribe(&picloud, &quiet, "work", &["work"], "kv::set(\"done\", true)").await;
    picloud.put(&busy, "flood", "for n in 0..100 { topics::publish(\"work\", n) }", &["GET /flood"]).await;
    for _ in 0..3 {
        // Its own deliveries keep it from beginning, for a while.
        let let_in = async || match picloud.text("/busy/flood").await {
            (503, _) => None,
            (status, _) => Some(status),
        };
        assert_eq!(until("it to be let in", let_in).await, 204);
    }
    let attempts = async || picloud.client.script(&busy, &script_name("work")).await.unwrap().totals.invocations;
    let before = attempts().await;
    publish(&picloud, &quiet, "work", &event(json!(1))).await;
    all_arrived(&picloud, &quiet).await;
    // Those that had begun, and those that began while it was looked for; not all that came first.
    let between = attempts().await - before;
    assert!(between < 100, "{between} deliveries of the busy app went first");
    assert!(topics(&picloud, &busy).await["work"].waiting > 100, "it had more to do");
}

/// A schedule and a delivery that somebody has spoiled, past PiCloud.
async fn what_cannot_be_read_holds_up_nothing_else(backend: Backend) {
    let setup = Setup::new(backend);
    let picloud = setup.clone().start().await;
    let (spoiled, app) = (picloud.create_app("spoiled").await, picloud.create_app("shop").await);
    let ticking = |source: &str| PutScript {
        source: source.to_owned(),
        routes: None,
        topics: None,
        schedules: Some(vec!["* * * * * *".parse().expect("a schedule")]),
    };
    for app in [&spoiled, &app] {
        picloud
            .client
            .put_script(app, &script_name("tick"), &ticking("kv::incr(\"ticks\")"))
            .await
            .expect("it is stored");
        picloud.put(app, "ticks", "kv::get(\"ticks\")", &["GET /ticks"]).await;
        subscribe(&picloud, app, "a", &["orders"], "kv::incr(\"orders\")").await;
        picloud.put(app, "orders", "kv::get(\"orders\")", &["GET /orders"]).await;
    }
    let later = Publish { delay: Some(3_600), ..event(json!(1)) };
    publish(&picloud, &spoiled, "orders", &later).await;
    // As a newer program may have left it.
    let newer = picloud.create_app("newer").await;
    subscribe(&picloud, &newer, "a", &["news"], "1").await;
    publish(&picloud, &newer, "news", &later).await;
    past(&setup, "UPDATE apps SET limits = '{\"none_such\": 1}' WHERE slug = 'newer'").await;
    past(&setup, "UPDATE deliveries SET due_at = 1 WHERE topic = 'news'").await;
    past(&setup, "UPDATE deliveries SET topic = 'no topic!', due_at = 1 WHERE topic = 'orders'").await;
    past(
        &setup,
        "UPDATE schedules SET schedule = 'at noon' WHERE app_id = (SELECT id FROM apps WHERE slug = 'spoiled')",
    )
    .await;
    let number = async |path: &str| picloud.text(path).await.1.parse::<u32>().unwrap_or(0);
    for app in [&spoiled, &app] {
        publish(&picloud, app, "orders", &event(json!(2))).await;
        until("the event", async || (number(&format!("/{app}/orders")).await == 1).then_some(())).await;
    }
    let before = number("/shop/ticks").await;
    until("slots of the other app", async || (number("/shop/ticks").await > before + 1).then_some(())).await;
}

/// An app that fails all the time, and one that had failed and ends no delivery any more.
async fn dead_letters_are_bounded(backend: Backend) {
    let setup = Setup::new(backend).with(&["--delivery-attempts", "1"]);
    let picloud = setup.clone().start().await;
    let (quiet, fails) = (picloud.create_app("quiet").await, picloud.create_app("fails").await);
    for app in [&quiet, &fails] {
        subscribe(&picloud, app, "s", &["t"], "throw \"no\"").await;
    }
    past(
        &setup,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO deliveries (id, app_id, script_id, topic, seq, payload, error, bytes, depth, not_before, dead_at)
         SELECT a.slug || n.i, s.app_id, s.id, 't', 0, '1', '', 1, 1, 0, CASE a.slug WHEN 'quiet' THEN 1 ELSE 9000000000000 END
         FROM n, scripts s JOIN apps a ON a.id = s.app_id",
    )
    .await;
    let dead = async |app: &AppSlug| topics(&picloud, app).await["t"].dead;
    assert_eq!((dead(&quiet).await, dead(&fails).await), (10_000, 10_000));
    publish(&picloud, &fails, "t", &event(json!(1))).await;
    until("the oldest to be removed", async || (dead(&fails).await == 9_375).then_some(())).await;
    until("what is too old to be removed", async || (dead(&quiet).await == 0).then_some(())).await;
    picloud.asks_the_database_nothing().await;
}

async fn stopping_lets_a_delivery_end(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    subscribe(
        &picloud,
        &app,
        "ship",
        &["orders"],
        "kv::set(\"begun\", true); for i in 0..1000000 {} kv::incr(\"done\")",
    )
    .await;
    publish(&picloud, &app, "orders", &event(json!(1))).await;
    until("it to begin", async || (kept(&picloud, &app, "begun").await == json!(true)).then_some(())).await;
    let (status, setup) = tokio::task::spawn_blocking(move || picloud.stop()).await.unwrap();
    assert!(status.success());
    let picloud = setup.start().await;
    assert_eq!(topics(&picloud, &app).await["orders"].waiting, 0);
    assert_eq!(kept(&picloud, &app, "done").await, json!(1));
}

/// Killed fifty times, or as often as `cargo xtask soak` says, at moments that a seed decides, during publishing and delivery: every event whose publishing was
/// acknowledged arrives, and what arrives more often has the same id.
async fn no_crash_loses_an_acknowledged_event(backend: Backend) {
    let crashes = std::env::var("PICLOUD_TEST_CRASHES").map_or(50, |number| number.parse().expect("a number"));
    // An attempt that a crash cut short counts; one delivery may see several.
    let mut picloud = Setup::new(backend).with(&QUICK).with(&["--delivery-attempts", "100"]).start().await;
    let app = picloud.create_app("shop").await;
    let source = "kv::incr(`seen:${event.payload.n}:${event.id}`); for i in 0..2000 {}";
    subscribe(&picloud, &app, "ship", &["orders"], source).await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut acknowledged: BTreeMap<u64, DeliveryId> = BTreeMap::new();
    let mut n = 0;
    for _ in 0_u64..crashes {
        // xorshift64, so that a failure can be had again.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let crash = Instant::now() + Duration::from_millis(seed % 60);
        // On a machine that is busy a few events take as long.
        let few = n + 3;
        while Instant::now() < crash || n < few {
            n += 1;
            let key = (n % 3 == 0).then(|| format!("k{}", n % 9));
            let event = Publish { payload: json!({"n": n}), key, delay: None };
            let published = picloud.client.publish(&app, &topic("orders"), &event).await.expect("it is published");
            acknowledged.insert(n, published.deliveries[0]);
        }
        // One is on its way while the process ends: it may or may not be there.
        let (client, slug) = (picloud.client.clone(), app.clone());
        n += 1;
        let event = Publish { payload: json!({"n": n}), key: None, delay: None };
        let flying = tokio::spawn(async move { client.publish(&slug, &topic("orders"), &event).await });
        tokio::time::sleep(Duration::from_micros(seed % 3_000)).await;
        picloud = picloud.kill_and_restart().await;
        if let Ok(published) = flying.await.unwrap() {
            acknowledged.insert(n, published.deliveries[0]);
        }
    }
    let patience = Instant::now() + Duration::from_secs(120);
    while topics(&picloud, &app).await["orders"].waiting > 0 {
        assert!(Instant::now() < patience, "deliveries are stuck: {:?}", topics(&picloud, &app).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(letters(&picloud, &app).await.is_empty());
    picloud.put(&app, "seen", "kv::list(\"seen:\", req.query.after ?? \"\", 1000)", &["GET /seen"]).await;
    let mut seen: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page: Vec<String> =
            serde_json::from_str(&picloud.text(&format!("/shop/seen?after={after}")).await.1).unwrap();
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        for key in page {
            let mut parts = key.splitn(3, ':').skip(1);
            let number = parts.next().unwrap().parse().unwrap();
            seen.entry(number).or_default().push(parts.next().unwrap().to_owned());
        }
    }
    for (n, id) in acknowledged {
        assert_eq!(seen.get(&n).map(Vec::as_slice), Some(&[id.to_string()][..]), "event {n}");
    }
    assert!(seen.values().all(|ids| ids.len() == 1), "an event came with two ids");
}

/// Two processes on one database share the work; when one ends in the middle of it, the other takes over once the leases
/// end.
#[tokio::test]
async fn a_node_takes_over_what_another_left() {
    let setup = Setup::new(Backend::Postgres);
    let one = setup.clone().with(&["--node", "one"]).start().await;
    let app = one.create_app("shop").await;
    let two = setup.beside().with(&["--node", "two"]).start().await;
    let source = "for i in 0..1000000 {} kv::incr(`seen:${event.id}`)";
    subscribe(&one, &app, "ship", &["orders"], source).await;
    let mut published = BTreeSet::new();
    for n in 0..60 {
        published.extend(publish(&one, &app, "orders", &event(json!(n))).await);
    }
    let nodes = async || {
        let filter = InvocationFilter { limit: Some(200), ..InvocationFilter::default() };
        let runs = one.client.invocations(&app, &filter).await.unwrap().items;
        runs.into_iter().filter(|run| run.trigger == Trigger::Topic).map(|run| run.node).collect::<BTreeSet<_>>()
    };
    until("both to have delivered", async || (nodes().await.len() == 2).then_some(())).await;
    // All of it is leased or taken when this one goes.
    for n in 60..160 {
        published.extend(publish(&one, &app, "orders", &event(json!(n))).await);
    }
    two.kill();
    let patience = Instant::now() + Duration::from_secs(90);
    while topics(&one, &app).await["orders"].waiting > 0 {
        assert!(Instant::now() < patience, "deliveries are stuck: {:?}", topics(&one, &app).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(letters(&one, &app).await.is_empty());
    one.put(&app, "seen", "kv::list(\"seen:\", \"\", 1000)", &["GET /seen"]).await;
    let seen: BTreeSet<String> = serde_json::from_str(&one.text("/shop/seen").await.1).unwrap();
    assert_eq!(seen, published.iter().map(|id| format!("seen:{id}")).collect());
}
