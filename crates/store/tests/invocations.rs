//! Recorded invocations, their logs and the scripts' totals.

use crate::fixture::{NOW, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_abi::log::Level;
use picloud_shared::{
    api::{Call, Diagnostic, LogLevel, StatusFilter, Totals, Trigger},
    executor::LogLine,
    ids::{AppId, InvocationId, VersionId},
    precondition::Precondition,
    tally::{Counted, HOUR, MINUTE, Sums, Tally},
};
use picloud_store::{
    Invocation, InvocationFilter, LogFilter, LogPlace, NewInvocation, Script, StatsOf, StoreError, StoredLog,
    TailFilter,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

cases! {
    an_invocation_comes_back_whole
    ten_thousand_at_once
    what_is_deleted_meanwhile_is_left_out
    a_batch_is_all_or_nothing
    totals_add_up_however_many_record
    recording_and_deleting_never_wait_in_a_circle
    lists_are_filtered_and_paged
    each_filter_finds_its_own
    what_is_rare_is_looked_for_page_by_page
    logs_are_of_those_that_wrote
    lines_are_found_by_level_text_and_time
    lines_are_found_by_how_their_invocation_ended
    a_page_of_logs_is_bounded
    another_app_sees_nothing
    corrupt_rows_are_errors
}

/// An invocation with a bit of everything.
pub(crate) fn invocation(app: AppId, script: &Script) -> NewInvocation {
    let line = |level, message: &str, fields: Option<&str>| LogLine {
        at: NOW + 1,
        level,
        message: message.to_owned(),
        fields: fields.map(Into::into),
    };
    NewInvocation {
        id: InvocationId::new(),
        app,
        script: script.id,
        version: script.version.id,
        trigger: Trigger::Invoke,
        parent: Some(InvocationId::new()),
        request: Some("GET /\0ü".to_owned()),
        status: 500,
        outcome: "error",
        fuel: 123,
        fuel_limit: u64::MAX,
        memory_bytes: 1 << 40,
        duration_us: 0,
        started_at: NOW,
        node: "node-1".into(),
        error: Some(Diagnostic {
            message: "bad\0 ü".to_owned(),
            script: "lib/util".parse().ok(),
            line: Some(u32::MAX),
            column: None,
        }),
        logs: vec![line(Level::Debug, "nul \0 here", None), line(Level::Error, "", Some(r#"{"n":1,"nul":"\u0000"}"#))],
        logs_dropped: u32::MAX,
        calls: vec![Call { name: "kv.get".to_owned(), start_us: 1, duration_us: 2 }],
    }
}

/// One that went well and said nothing.
fn quiet(app: AppId, script: &Script) -> NewInvocation {
    let (outcome, status) = ("ok", 200);
    NewInvocation { outcome, status, error: None, logs: Vec::new(), logs_dropped: 0, ..invocation(app, script) }
}

fn all() -> InvocationFilter {
    InvocationFilter { limit: 100, ..Default::default() }
}

fn ids(invocations: &[Invocation]) -> Vec<InvocationId> {
    invocations.iter().map(|invocation| invocation.id).collect()
}

/// As it is read, of version 1.
fn stored(new: &NewInvocation, script: &Script) -> Invocation {
    let new = new.clone();
    Invocation {
        id: new.id,
        script: script.name.clone(),
        version: 1,
        trigger: new.trigger,
        parent: new.parent,
        request: new.request,
        status: new.status,
        outcome: new.outcome.to_owned(),
        fuel: new.fuel,
        fuel_limit: i64::MAX as u64,
        memory_bytes: new.memory_bytes,
        duration_us: new.duration_us,
        started_at: new.started_at,
        node: new.node.to_string(),
        error: new.error,
        logs_dropped: new.logs_dropped,
        calls: new.calls,
    }
}

async fn an_invocation_comes_back_whole(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    let new = invocation(app, &script);
    // Most are as this one; the others differ from it in one thing each.
    let plain = || NewInvocation { trigger: Trigger::Http, parent: None, calls: Vec::new(), ..quiet(app, &script) };
    let bare = [
        plain(),
        NewInvocation { request: None, trigger: Trigger::Manual, ..plain() },
        NewInvocation { parent: new.parent, ..plain() },
        NewInvocation { outcome: "thrown", status: 404, ..plain() },
        NewInvocation { error: new.error.clone(), ..plain() },
        NewInvocation { logs_dropped: 1, ..plain() },
        NewInvocation { calls: new.calls.clone(), ..plain() },
    ];
    store.record_all(&bare).await.unwrap();
    store.record_all(std::slice::from_ref(&new)).await.unwrap();
    store.put(app, "greet", "2").await;

    for one in &bare {
        let (found, logs) = store.invocation(app, one.id).await.unwrap().unwrap();
        assert_eq!(found, stored(one, &script));
        assert!(logs.is_empty());
    }
    let (found, logs) = store.invocation(app, new.id).await.unwrap().unwrap();
    assert_eq!(found, stored(&new, &script));
    let of = |level: &str, message: &str, fields: BTreeMap<String, Value>| StoredLog {
        invocation: new.id,
        script: script.name.clone(),
        at: NOW + 1,
        level: level.to_owned(),
        message: message.to_owned(),
        fields,
    };
    let fields = [("n".to_owned(), json!(1)), ("nul".to_owned(), json!("\0"))].into();
    assert_eq!(logs, [of("debug", "nul \0 here", BTreeMap::new()), of("error", "", fields)]);
    assert_eq!(store.invocation(app, InvocationId::new()).await.unwrap(), None);
}

async fn ten_thousand_at_once(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    let many: Vec<NewInvocation> = (0..10_000).map(|_| invocation(app, &script)).collect();
    store.record_all(&many).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 10_000);
    assert_eq!(store.number("SELECT COUNT(*) FROM logs").await, 20_000);
    let newest = store.invocations(app, all()).await.unwrap().items;
    assert_eq!(ids(&newest), many.iter().rev().take(100).map(|i| i.id).collect::<Vec<_>>());
}

async fn what_is_deleted_meanwhile_is_left_out(store: &TestStore) {
    let (app, gone) = (store.app("demo").await.id, store.app("gone").await.id);
    let (script, deleted) = (store.put(app, "kept", "1").await, store.put(app, "deleted", "1").await);
    let of_gone = store.put(gone, "greet", "1").await;
    store.delete_app(gone).await.unwrap();
    store.delete_script(app, &deleted.name).await.unwrap().unwrap();
    let kept = invocation(app, &script);
    let batch = [
        invocation(gone, &of_gone),
        invocation(app, &deleted),
        kept.clone(),
        NewInvocation { version: VersionId::new(), ..invocation(app, &script) },
        invocation(unknown().0, &script),
    ];
    let one = tally(1, false);
    let all_three = [deleted.id, script.id, of_gone.id].map(|id| (id, one.clone())).into();
    store.record(&batch, &all_three).await.unwrap();
    assert_eq!(ids(&store.invocations(app, all()).await.unwrap().items), [kept.id]);
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 1);
    assert_eq!(store.scripts(app).await.unwrap()[0].totals, one.totals());
    assert_eq!(store.number("SELECT COUNT(*) FROM stats").await, 4, "of a script and its app, by two widths");
    store.record_all(&[]).await.unwrap();
}

async fn a_batch_is_all_or_nothing(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    let twice = invocation(app, &script);
    let result = store.record_all(&[invocation(app, &script), twice.clone(), twice]).await;
    assert!(matches!(result, Err(StoreError::Database(_))));
    assert!(store.invocations(app, all()).await.unwrap().items.is_empty());
    assert_eq!(store.scripts(app).await.unwrap()[0].totals, Totals::default());
    assert_eq!(store.number("SELECT COUNT(*) FROM stats").await, 0);
}

/// So many invocations of any.
fn tally(invocations: usize, called: bool) -> Tally {
    let one = Counted { at: NOW, failed: true, fuel: 3, duration_us: 4, memory_bytes: 5, logs_dropped: 6, called };
    let mut tally = Tally { dropped_records: 7, ..Tally::default() };
    (0..invocations).for_each(|_| tally.add(&one));
    tally
}

async fn totals_add_up_however_many_record(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let other = store.another().await;
    let records = (0..20).map(|n| {
        let store = if n % 2 == 0 { &store.store } else { &other };
        let tallies = HashMap::from([(a.id, tally(1, false)), (b.id, tally(2, true))]);
        async move { store.record(&[], &tallies).await }
    });
    join_all(records).await.into_iter().for_each(|record| record.unwrap());
    let sum =
        Totals { invocations: 20, failures: 20, fuel: 60, duration_us: 80, dropped_records: 140, dropped_logs: 120 };
    store.put(app, "a", "2").await;
    let twice =
        Totals { invocations: 40, failures: 40, fuel: 120, duration_us: 160, dropped_records: 140, dropped_logs: 240 };
    assert_eq!(store.scripts(app).await.unwrap().iter().map(|script| script.totals).collect::<Vec<_>>(), [sum, twice]);
    for (of, requests) in [(StatsOf::App(app), 20), (StatsOf::Script(a.id), 20), (StatsOf::Script(b.id), 40)] {
        for width in [MINUTE, HOUR] {
            let start = NOW - NOW % width;
            let found = store.stats(of, width, start, NOW).await.unwrap();
            let mut expected = Sums::default();
            (0..requests).for_each(|_| expected.merge(&tally(1, false).own[&(NOW - NOW % MINUTE)]));
            assert_eq!(found, [(start, expected)], "{of:?}");
        }
    }
}

async fn recording_and_deleting_never_wait_in_a_circle(store: &TestStore) {
    let other = store.another().await;
    for round in 0..5 {
        let app = store.app(&format!("app{round}")).await.id;
        let scripts = [store.put(app, "a", "1").await, store.put(app, "b", "1").await];
        let records = (0..8).map(|n| {
            let store = if n % 2 == 0 { &store.store } else { &other };
            let batch: Vec<NewInvocation> = scripts.iter().map(|script| invocation(app, script)).collect();
            async move { store.record_all(&batch).await.unwrap() }
        });
        let puts = async {
            let _ = store.put_script(app, crate::fixture::version("b", "2")).await.unwrap();
            other.delete_script(app, &scripts[0].name, &Precondition::None).await.unwrap().unwrap();
            other.delete_app(app).await.unwrap();
        };
        futures_util::future::join(join_all(records), puts).await;
    }
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 0);
    assert_eq!(store.number("SELECT COUNT(*) FROM stats").await, 0);
    assert_eq!(store.number("SELECT COUNT(*) FROM app_records").await, 0);
}

async fn lists_are_filtered_and_paged(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let batch = [quiet(app, &a), invocation(app, &a), quiet(app, &b), invocation(app, &b)];
    store.record_all(&batch).await.unwrap();
    let [a_ok, a_failed, b_ok, b_failed] = batch.map(|i| i.id);
    let list = async |filter: InvocationFilter| ids(&store.invocations(app, filter).await.unwrap().items);

    assert_eq!(list(all()).await, [b_failed, b_ok, a_failed, a_ok]);
    assert_eq!(list(InvocationFilter { status: Some(StatusFilter::Failed), ..all() }).await, [b_failed, a_failed]);
    assert_eq!(list(InvocationFilter { status: Some(StatusFilter::Ok), ..all() }).await, [b_ok, a_ok]);
    let of_a = InvocationFilter { script: Some(a.name), ..all() };
    assert_eq!(list(of_a.clone()).await, [a_failed, a_ok]);
    assert_eq!(list(InvocationFilter { before: Some(a_failed), ..of_a }).await, [a_ok]);
    assert_eq!(list(InvocationFilter { limit: 2, ..all() }).await, [b_failed, b_ok]);
    assert_eq!(list(InvocationFilter { limit: 2, before: Some(b_ok), ..all() }).await, [a_failed, a_ok]);
    let nobodys = InvocationFilter { script: Some("missing".parse().unwrap()), ..all() };
    assert!(list(nobodys).await.is_empty());
}

async fn each_filter_finds_its_own(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let foreign = store.put(other, "a", "1").await;
    let of =
        |script: &Script, status, outcome: &'static str, trigger, request: &str, error: Option<&str>, started_at| {
            let error =
                error.map(|message| Diagnostic { message: message.into(), script: None, line: None, column: None });
            let request = Some(request.to_owned());
            NewInvocation { status, outcome, trigger, request, error, started_at, parent: None, ..quiet(app, script) }
        };
    // The ids are of now, so the times are too.
    let now = picloud_shared::time::now_ms();
    let fine = of(&a, 200, "ok", Trigger::Http, "GET /pay/1", None, now);
    let missing = of(&a, 404, "ok", Trigger::Http, "GET /pay/2", None, now + 1);
    let thrown = of(&b, 422, "thrown", Trigger::Topic, "", Some("nothing\0 to PAY"), now + 2);
    let late = of(&b, 504, "timeout", Trigger::Http, "POST /pay", None, now + 3);
    let called = NewInvocation {
        parent: Some(late.id),
        trigger: Trigger::Invoke,
        ..of(&a, 500, "error", Trigger::Http, "x", Some("no"), now + 4)
    };
    let strange = NewInvocation {
        app: other,
        script: foreign.id,
        version: foreign.version.id,
        id: InvocationId::new(),
        ..called.clone()
    };
    let all_of_them = [fine, missing, thrown, late, called];
    store.record_all(&all_of_them).await.unwrap();
    store.record_all(&[strange]).await.unwrap();
    let find = async |filter: InvocationFilter| -> Vec<usize> {
        let found = store.invocations(app, filter).await.unwrap();
        assert_eq!(found.next, None);
        let place = |id| all_of_them.iter().position(|one| one.id == id).unwrap();
        ids(&found.items).into_iter().rev().map(place).collect()
    };
    let status = async |text: &str| find(InvocationFilter { status: Some(text.parse().unwrap()), ..all() }).await;
    assert_eq!((status("ok").await, status("failed").await), (vec![0, 1], vec![2, 3, 4]));
    assert_eq!((status("2xx").await, status("4xx").await, status("5xx").await), (vec![0], vec![1, 2], vec![3, 4]));
    assert_eq!((status("404").await, status("403").await, status("200").await), (vec![1], vec![], vec![0]));
    let outcome = async |text: &str| find(InvocationFilter { outcome: Some(text.into()), ..all() }).await;
    assert_eq!((outcome("ok").await, outcome("timeout").await, outcome("x").await), (vec![0, 1], vec![3], vec![]));
    let trigger = async |trigger| find(InvocationFilter { trigger: Some(trigger), ..all() }).await;
    assert_eq!((trigger(Trigger::Http).await, trigger(Trigger::Topic).await), (vec![0, 1, 3], vec![2]));
    let text = async |text: &str| find(InvocationFilter { text: Some(text.into()), ..all() }).await;
    assert_eq!((text("/pay").await, text("\0 to PAY").await, text("%").await), (vec![0, 1, 3], vec![2], vec![]));
    let time = async |since, until| find(InvocationFilter { since, until, ..all() }).await;
    assert_eq!((time(Some(now + 3), None).await, time(None, Some(now + 1)).await), (vec![3, 4], vec![0, 1]));
    assert_eq!((time(Some(now + 1), Some(now + 2)).await, time(Some(now + 9), Some(now)).await), (vec![1, 2], vec![]));
    assert_eq!((time(Some(i64::MIN), Some(i64::MAX)).await.len(), time(Some(i64::MAX), None).await), (5, vec![]));
    let parent = InvocationFilter { parent: Some(all_of_them[3].id), ..all() };
    assert_eq!(find(parent.clone()).await, [4]);
    assert!(find(InvocationFilter { script: Some(b.name.clone()), ..parent }).await.is_empty());
    // Together, all of them count.
    let several = InvocationFilter {
        script: Some(b.name),
        status: Some(StatusFilter::Class(4)),
        outcome: Some("thrown".into()),
        trigger: Some(Trigger::Topic),
        text: Some("nothing".into()),
        since: Some(now),
        until: Some(now + 9),
        ..all()
    };
    assert_eq!(find(several.clone()).await, [2]);
    assert!(find(InvocationFilter { script: Some(a.name), ..several }).await.is_empty());
}

async fn what_is_rare_is_looked_for_page_by_page(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let rare = NewInvocation { request: Some("GET /rare".into()), ..quiet(app, &script) };
    let many: Vec<_> = (0..25_000).map(|_| quiet(app, &script)).collect();
    store.record_all(std::slice::from_ref(&rare)).await.unwrap();
    store.record_all(&many).await.unwrap();
    let looked_for = InvocationFilter { text: Some("/rare".into()), ..all() };
    let first = store.invocations(app, looked_for.clone()).await.unwrap();
    assert_eq!((first.items.len(), first.next), (0, Some(many[5_000].id)), "as many as one look goes through");
    let second = store.invocations(app, InvocationFilter { before: first.next, ..looked_for }).await.unwrap();
    assert_eq!((ids(&second.items), second.next), (vec![rare.id], None));
}

async fn lines_are_found_by_level_text_and_time(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let now = picloud_shared::time::now_ms();
    let line = |at, level, message: &str| LogLine { at, level, message: message.into(), fields: None };
    let batch = [
        vec![line(now, Level::Info, "one"), line(now + 1, Level::Warn, "two"), line(now + 2, Level::Debug, "three")],
        vec![line(now + 3, Level::Debug, "four")],
        vec![line(now + 4, Level::Error, "fi\0ve")],
    ]
    .map(|logs| NewInvocation { logs, started_at: now, ..quiet(app, &script) });
    store.record_all(&batch).await.unwrap();
    let find = async |filter: LogFilter| -> Vec<String> {
        let found = store.logs(app, LogFilter { limit: 10, ..filter }).await.unwrap();
        assert_eq!(found.next, None);
        found.items.into_iter().map(|line| line.message).collect()
    };
    let level = async |level| find(LogFilter { level: Some(level), ..Default::default() }).await;
    assert_eq!(level(LogLevel::Debug).await.len(), 5);
    assert_eq!(
        (level(LogLevel::Warn).await, level(LogLevel::Error).await),
        (vec!["fi\0ve".into(), "two".into()], vec!["fi\0ve".into()])
    );
    let text = async |text: &str| find(LogFilter { text: Some(text.into()), ..Default::default() }).await;
    assert_eq!(
        (text("o").await, text("\0").await, text("nowhere").await),
        (vec!["four".into(), "one".into(), "two".into()], vec!["fi\0ve".into()], vec![])
    );
    let since = async |since| find(LogFilter { since: Some(since), ..Default::default() }).await;
    assert_eq!(
        (since(now + 2).await, since(now + 5).await.len()),
        (vec!["fi\0ve".into(), "four".into(), "three".into()], 0)
    );
    // The limit counts invocations that have such lines.
    let one = LogFilter { level: Some(LogLevel::Warn), limit: 1, ..Default::default() };
    let first = store.logs(app, one.clone()).await.unwrap();
    assert_eq!((first.items.len(), first.next), (1, Some(batch[2].id)));
    let second = store.logs(app, LogFilter { before: first.next, ..one }).await.unwrap();
    assert_eq!((second.items[0].message.as_str(), second.next), ("two", None));
}

async fn lines_are_found_by_how_their_invocation_ended(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let batch =
        [(200, "ok"), (404, "ok"), (404, "thrown"), (500, "error"), (504, "timeout")].map(|(status, outcome)| {
            let logs =
                vec![LogLine { at: NOW, level: Level::Info, message: format!("{status} {outcome}"), fields: None }];
            NewInvocation { status, outcome, logs, ..quiet(app, &script) }
        });
    store.record_all(&batch).await.unwrap();
    for (status, expected) in ENDED {
        let status: Option<StatusFilter> = Some(status.parse().unwrap());
        let found = store.logs(app, LogFilter { status, limit: 10, ..Default::default() }).await.unwrap();
        let lines: Vec<_> = found.items.iter().rev().map(|line| line.message.as_str()).collect();
        assert_eq!((&lines[..], found.next), (expected, None), "{status:?}");
        let filter = TailFilter { status, ..Default::default() };
        let followed = store.lines_after(app, LogPlace::default(), &filter).await.unwrap();
        let lines: Vec<_> = followed.lines.iter().map(|(_, line)| line.message.as_str()).collect();
        assert_eq!(lines, expected, "{status:?}, followed");
        assert_eq!(followed.place, store.end_of_logs(app).await.unwrap(), "what does not match is passed");
    }
    // The limit counts invocations that ended so.
    let failed = LogFilter { status: Some(StatusFilter::Class(4)), limit: 1, ..Default::default() };
    let first = store.logs(app, failed.clone()).await.unwrap();
    assert_eq!((first.items[0].message.as_str(), first.next), ("404 thrown", Some(batch[2].id)));
    let second = store.logs(app, LogFilter { before: first.next, ..failed }).await.unwrap();
    assert_eq!((second.items[0].message.as_str(), second.next), ("404 ok", None));
}

/// Of five invocations the lines of those that ended so.
const ENDED: [(&str, &[&str]); 6] = [
    ("ok", &["200 ok", "404 ok"]),
    ("failed", &["404 thrown", "500 error", "504 timeout"]),
    ("4xx", &["404 ok", "404 thrown"]),
    ("5xx", &["500 error", "504 timeout"]),
    ("500", &["500 error"]),
    ("201", &[]),
];

async fn a_page_of_logs_is_bounded(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let line = LogLine { at: NOW, level: Level::Info, message: "x".repeat(1_000_000), fields: None };
    let batch: Vec<_> = (0..12).map(|_| NewInvocation { logs: vec![line.clone()], ..quiet(app, &script) }).collect();
    store.record_all(&batch).await.unwrap();
    let huge = LogLine { message: "x".repeat(9 << 20), ..line };
    store.record_all(&[NewInvocation { logs: vec![huge], ..quiet(app, &script) }]).await.unwrap();
    let (mut before, mut pages) = (None, Vec::new());
    loop {
        let page = store.logs(app, LogFilter { before, limit: 50, ..Default::default() }).await.unwrap();
        pages.push(page.items.len());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, [1, 8, 4], "one alone is shown however long it is");
}

async fn logs_are_of_those_that_wrote(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let batch = [invocation(app, &a), quiet(app, &a), invocation(app, &b), quiet(app, &b)];
    store.record_all(&batch).await.unwrap();
    let [of_a, _, of_b, _] = batch.map(|i| i.id);
    let list = async |filter: LogFilter| -> Vec<(InvocationId, String)> {
        store.logs(app, filter).await.unwrap().items.into_iter().map(|l| (l.invocation, l.level)).collect()
    };
    let lines = |id| [(id, "debug".to_owned()), (id, "error".to_owned())];
    let all = LogFilter { limit: 2, ..Default::default() };
    assert_eq!(list(all.clone()).await, [lines(of_b), lines(of_a)].concat());
    assert_eq!(list(LogFilter { limit: 1, ..all.clone() }).await, lines(of_b));
    assert_eq!(list(LogFilter { before: Some(of_b), ..all.clone() }).await, lines(of_a));
    assert_eq!(list(LogFilter { script: Some(a.name), ..all }).await, lines(of_a));
}

async fn another_app_sees_nothing(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    let script = store.put(app, "greet", "1").await;
    store.put(other, "greet", "1").await;
    let new = invocation(app, &script);
    store.record_all(std::slice::from_ref(&new)).await.unwrap();
    assert!(store.invocations(other, all()).await.unwrap().items.is_empty());
    let same_name = InvocationFilter { script: Some(script.name), ..all() };
    assert!(store.invocations(other, same_name).await.unwrap().items.is_empty());
    assert!(store.logs(other, LogFilter { limit: 9, ..Default::default() }).await.unwrap().items.is_empty());
    assert_eq!(store.invocation(other, new.id).await.unwrap(), None);
}

async fn corrupt_rows_are_errors(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    store.record_all(&[invocation(app, &script)]).await.unwrap();
    for sql in [
        "UPDATE invocations SET fuel = -1",
        "UPDATE invocations SET fuel = 1, status = 70000",
        "UPDATE invocations SET status = 200, calls = '{'",
        "UPDATE invocations SET calls = '[]', trigger_kind = 'x'",
        "UPDATE invocations SET trigger_kind = 'http', error_line = -1",
    ] {
        store.execute(sql).await;
        assert!(matches!(store.invocations(app, all()).await, Err(StoreError::Corrupt(_))), "{sql}");
    }
}
