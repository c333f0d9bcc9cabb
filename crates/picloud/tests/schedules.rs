//! Schedules, from the declaration to the script that runs, over restarts and on two nodes.

use crate::support::{Backend, Setup, TestApp, error_of, on_both, script_name, until};
use picloud_client::{DeadLetterFilter, InvocationFilter};
use picloud_shared::{
    api::{PutScript, Rollback, ScheduleState, Trigger},
    ids::ScheduleId,
    names::AppSlug,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

on_both!(
    each_second_is_a_slot,
    a_schedule_is_run_by_hand_and_fails_like_any_event,
    what_cannot_be_is_refused,
    nothing_is_asked_while_no_slot_is_due,
    a_restart_doubles_no_slot,
);

/// Counts each slot's events under `slot:SCRIPT:TIME:ID`.
const COUNTS: &str = "kv::incr(`slot:NAME:${event.scheduled_at}:${event.id}`);";
/// A slot that no test meets.
const YEARLY: &str = "0 0 1 1 *";

async fn put(picloud: &TestApp, app: &AppSlug, name: &str, schedules: &[&str], source: &str) {
    let schedules = Some(schedules.iter().map(|schedule| schedule.parse().expect("a schedule")).collect());
    let script = PutScript { source: source.replace("NAME", name), routes: None, topics: None, schedules };
    picloud.client.put_script(app, &script_name(name), &script).await.expect("it is stored");
}

async fn schedules(picloud: &TestApp, app: &AppSlug) -> Vec<ScheduleState> {
    picloud.client.schedules(app).await.expect("a list")
}

/// What was counted: the ids of each script's slots.
async fn slots(picloud: &TestApp, app: &AppSlug) -> BTreeMap<(String, i64), BTreeSet<String>> {
    let (status, text) = picloud.text(&format!("/{app}/slots")).await;
    assert_eq!(status, 200, "{text}");
    let keys: Vec<String> = serde_json::from_str(&text).expect("a list of keys");
    let mut slots: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for key in keys {
        let [_, script, slot, id] = key.split(':').collect::<Vec<_>>()[..] else { panic!("{key}") };
        let slot = slot.parse().expect("a time");
        assert!(slots.entry((script.to_owned(), slot)).or_default().insert(id.to_owned()));
    }
    slots
}

async fn with_counts(picloud: &TestApp, slug: &str) -> AppSlug {
    let app = picloud.create_app(slug).await;
    picloud.put(&app, "slots", "kv::list(\"slot:\", \"\", 1000)", &["GET /slots"]).await;
    app
}

async fn each_second_is_a_slot(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = with_counts(&picloud, "shop").await;
    let source = "fn kind() { [event.kind, event.topic, event.payload, event.attempt] } kv::set(\"kind\", kind());";
    put(&picloud, &app, "tick", &["* * * * * *"], &format!("{source} {COUNTS}")).await;
    let seen = until("three slots", async || Some(slots(&picloud, &app).await).filter(|slots| slots.len() >= 3)).await;
    let times: Vec<i64> = seen.keys().map(|(_, slot)| *slot).collect();
    assert!(times.iter().all(|slot| slot % 1_000 == 0) && times.windows(2).all(|pair| pair[1] - pair[0] == 1_000));
    assert!(seen.values().all(|ids| ids.len() == 1), "a slot came twice: {seen:?}");
    picloud.put(&app, "kind", "kv::get(\"kind\")", &["GET /kind"]).await;
    assert_eq!(picloud.text("/shop/kind").await.1, r#"["schedule",null,null,1]"#);

    let known = until("how it went last", async || {
        let state = schedules(&picloud, &app).await.remove(0);
        state.last.as_ref().is_some_and(|last| last.outcome.as_deref() == Some("ok")).then_some(state)
    });
    let ScheduleState { script, schedule, next, last, .. } = known.await;
    assert_eq!((script.as_str(), schedule.as_str()), ("tick", "* * * * * * UTC"));
    assert!(next.len() == 5 && next[0] > last.as_ref().unwrap().at);
    let run = picloud.client.invocation(&app, last.unwrap().invocation.unwrap()).await.expect("it is recorded");
    assert_eq!((run.summary.trigger, run.summary.script.as_str()), (Trigger::Schedule, "tick"));

    // Nothing comes any more once the version has no schedule.
    put(&picloud, &app, "tick", &[], COUNTS).await;
    assert_eq!(schedules(&picloud, &app).await, []);
    let back = picloud
        .client
        .rollback(&app, &script_name("tick"), &Rollback { version: Some(1) })
        .await
        .expect("it is brought back");
    assert_eq!(back.schedules[0].as_str(), "* * * * * * UTC");
    let before = slots(&picloud, &app).await.len();
    until("another slot", async || (slots(&picloud, &app).await.len() > before).then_some(())).await;
}

async fn a_schedule_is_run_by_hand_and_fails_like_any_event(backend: Backend) {
    let picloud = Setup::new(backend).with(&["--delivery-backoff-ms", "10"]).start().await;
    let app = picloud.create_app("shop").await;
    put(&picloud, &app, "report", &[YEARLY], "throw `no ink (${event.kind})`").await;
    let state = schedules(&picloud, &app).await.remove(0);
    assert_eq!((state.last, state.next.len()), (None, 5));
    let run = picloud.client.run_schedule(&app, state.id).await.expect("it is stored");
    let letter = until("the dead letter", async || {
        picloud.client.dead_letters(&app, &DeadLetterFilter::default()).await.expect("a list").items.pop()
    });
    let letter = letter.await;
    assert_eq!((letter.id, letter.attempts, &letter.topic), (run.delivery, 5, &None));
    assert_eq!(letter.error, "error: no ink (schedule) (line 1, column 1)");
    let last = schedules(&picloud, &app).await.remove(0).last.expect("it was run");
    assert_eq!((last.invocation, last.outcome.as_deref()), (letter.last_invocation, Some("error")));
    assert_eq!(Some(last.at), letter.scheduled_at);
    let filter = InvocationFilter { script: Some(script_name("report")), ..InvocationFilter::default() };
    assert_eq!(picloud.client.invocations(&app, &filter).await.unwrap().items.len(), 5, "each attempt is recorded");
}

async fn what_cannot_be_is_refused(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    let put = async |schedules: serde_json::Value| {
        let body = json!({"source": "1", "schedules": schedules}).to_string();
        error_of(picloud.api("PUT", "/apps/shop/scripts/a", body).await).await
    };
    for (schedule, why) in [
        ("61 * * * *", "61"),
        ("* * * *", "five fields"),
        ("0 0 31 4 *", "no such day ever comes"),
        ("0 9 * * * Europe/Atlantis", "no time zone"),
        ("0 9 * * *, missed: later", "skip or run-once"),
    ] {
        let (status, code, error) = put(json!([schedule])).await;
        assert_eq!((status, code.as_str()), (422, "invalid_request"), "{schedule}");
        assert!(error["message"].as_str().unwrap().contains(why), "{error}");
    }
    let many: Vec<String> = (0..101).map(|n| format!("{} {} 1 1 *", n % 60, n / 60)).collect();
    let (status, _, error) = put(json!(many)).await;
    assert!(status == 422 && error["message"].as_str().unwrap().contains("more than 100 schedules"), "{error}");
    assert_eq!(schedules(&picloud, &app).await, []);
    for id in ["x".to_owned(), ScheduleId::new().to_string()] {
        let (status, code, _) =
            error_of(picloud.api("POST", &format!("/apps/shop/schedules/{id}/run"), "").await).await;
        assert_eq!((status, code.as_str()), (404, "not_found"));
    }
}

async fn nothing_is_asked_while_no_slot_is_due(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    for name in ["a", "b", "c"] {
        put(&picloud, &app, name, &[YEARLY, "0 0 2 1 * Europe/Berlin"], "()").await;
    }
    picloud.asks_the_database_nothing().await;
}

async fn a_restart_doubles_no_slot(backend: Backend) {
    let mut picloud = TestApp::start(backend).await;
    let app = with_counts(&picloud, "shop").await;
    for name in ["a", "b", "c"] {
        put(&picloud, &app, name, &["* * * * * *"], COUNTS).await;
    }
    for _ in 0..3 {
        let before = slots(&picloud, &app).await.len();
        until("more slots", async || (slots(&picloud, &app).await.len() > before + 3).then_some(())).await;
        picloud = picloud.kill_and_restart().await;
    }
    for name in ["a", "b", "c"] {
        put(&picloud, &app, name, &[], COUNTS).await;
    }
    if backend == Backend::Sqlite {
        // What passed while the server was down is not missed yet, and what ran when it went runs again. (With PostgreSQL
        // that waits for the lease to end.)
        until("every slot", async || {
            let seen = slots(&picloud, &app).await;
            let of_a: Vec<i64> = seen.keys().filter(|(script, _)| script == "a").map(|(_, slot)| *slot).collect();
            of_a.windows(2).all(|pair| pair[1] - pair[0] == 1_000).then_some(())
        })
        .await;
    }
    let seen = slots(&picloud, &app).await;
    assert!(seen.values().all(|ids| ids.len() == 1), "a slot came with two ids: {seen:?}");
}

/// Two processes on one database look at the same slots at the same moment.
#[tokio::test]
async fn two_nodes_fire_each_slot_once() {
    let setup = Setup::new(Backend::Postgres);
    let one = setup.clone().with(&["--node", "one"]).start().await;
    let app = with_counts(&one, "shop").await;
    let two = setup.beside().with(&["--node", "two"]).start().await;
    for n in 0..20 {
        put(&one, &app, &format!("s{n}"), &["* * * * * *"], COUNTS).await;
    }
    let nodes = async || {
        let filter = InvocationFilter { limit: Some(200), ..InvocationFilter::default() };
        let runs = one.client.invocations(&app, &filter).await.unwrap().items;
        runs.into_iter().filter(|run| run.trigger == Trigger::Schedule).map(|run| run.node).collect::<BTreeSet<_>>()
    };
    until("a hundred slots on both nodes", async || {
        (slots(&two, &app).await.len() >= 100 && nodes().await.len() == 2).then_some(())
    })
    .await;
    let seen = slots(&one, &app).await;
    assert!(seen.values().all(|ids| ids.len() == 1), "a slot came twice: {seen:?}");
}
