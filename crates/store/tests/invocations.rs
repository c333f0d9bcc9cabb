//! Recorded invocations, their logs and the scripts' totals.

use crate::fixture::{NOW, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_abi::log::Level;
use picloud_shared::{
    api::{Call, Diagnostic, Totals, Trigger},
    executor::LogLine,
    ids::{AppId, InvocationId, VersionId},
    precondition::Precondition,
};
use picloud_store::{Invocation, InvocationFilter, LogFilter, NewInvocation, Script, StoreError, StoredLog};
use serde_json::{Value, json};
use std::collections::BTreeMap;

cases! {
    an_invocation_comes_back_whole
    ten_thousand_at_once
    what_is_deleted_meanwhile_is_left_out
    a_batch_is_all_or_nothing
    totals_add_up_however_many_record
    recording_and_deleting_never_wait_in_a_circle
    lists_are_filtered_and_paged
    logs_are_of_those_that_wrote
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
        outcome: "error".to_owned(),
        fuel: 123,
        fuel_limit: u64::MAX,
        memory_bytes: 1 << 40,
        duration_us: 0,
        started_at: NOW,
        node: "node-1".to_owned(),
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
    let (outcome, status) = ("ok".to_owned(), 200);
    NewInvocation { outcome, status, error: None, logs: Vec::new(), logs_dropped: 0, ..invocation(app, script) }
}

fn all() -> InvocationFilter {
    InvocationFilter { limit: 100, ..Default::default() }
}

fn ids(invocations: &[Invocation]) -> Vec<InvocationId> {
    invocations.iter().map(|invocation| invocation.id).collect()
}

async fn an_invocation_comes_back_whole(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    let new = invocation(app, &script);
    let bare = NewInvocation {
        request: None,
        trigger: Trigger::Manual,
        parent: None,
        calls: Vec::new(),
        ..quiet(app, &script)
    };
    store.record(&[new.clone(), bare.clone()], &[]).await.unwrap();
    store.put(app, "greet", "2").await;

    let (found, logs) = store.invocation(app, new.id).await.unwrap().unwrap();
    let expected = Invocation {
        id: new.id,
        script: script.name.clone(),
        version: 1,
        trigger: new.trigger,
        parent: new.parent,
        request: new.request,
        status: new.status,
        outcome: new.outcome,
        fuel: new.fuel,
        fuel_limit: i64::MAX as u64,
        memory_bytes: new.memory_bytes,
        duration_us: new.duration_us,
        started_at: new.started_at,
        node: new.node,
        error: new.error,
        logs_dropped: new.logs_dropped,
        calls: new.calls,
    };
    assert_eq!(found, expected);
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

    let (found, logs) = store.invocation(app, bare.id).await.unwrap().unwrap();
    assert_eq!((found.request, found.error, found.trigger, found.calls), (None, None, Trigger::Manual, Vec::new()));
    assert_eq!(found.parent, None);
    assert!(logs.is_empty());
    assert_eq!(store.invocation(app, InvocationId::new()).await.unwrap(), None);
}

async fn ten_thousand_at_once(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    let many: Vec<NewInvocation> = (0..10_000).map(|_| invocation(app, &script)).collect();
    store.record(&many, &[]).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 10_000);
    assert_eq!(store.number("SELECT COUNT(*) FROM logs").await, 20_000);
    let newest = store.invocations(app, all()).await.unwrap();
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
    let one = Totals { invocations: 1, ..Totals::default() };
    store.record(&batch, &[(deleted.id, one), (script.id, one), (of_gone.id, one)]).await.unwrap();
    assert_eq!(ids(&store.invocations(app, all()).await.unwrap()), [kept.id]);
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 1);
    assert_eq!(store.scripts(app).await.unwrap()[0].totals, one);
    store.record(&[], &[]).await.unwrap();
}

async fn a_batch_is_all_or_nothing(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    let twice = invocation(app, &script);
    let one = Totals { invocations: 1, ..Totals::default() };
    let result = store.record(&[invocation(app, &script), twice.clone(), twice], &[(script.id, one)]).await;
    assert!(matches!(result, Err(StoreError::Database(_))));
    assert!(store.invocations(app, all()).await.unwrap().is_empty());
    assert_eq!(store.scripts(app).await.unwrap()[0].totals, Totals::default());
}

async fn totals_add_up_however_many_record(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let other = store.another().await;
    let each = Totals { invocations: 1, failures: 2, fuel: 3, duration_us: 4, dropped_records: 5, dropped_logs: 6 };
    let records = (0..20).map(|n| {
        let (store, mut totals) = (if n % 2 == 0 { &store.store } else { &other }, [(a.id, each), (b.id, each)]);
        if n % 3 == 0 {
            totals.reverse();
        }
        async move { store.record(&[], &totals).await }
    });
    join_all(records).await.into_iter().for_each(|record| record.unwrap());
    let sum =
        Totals { invocations: 20, failures: 40, fuel: 60, duration_us: 80, dropped_records: 100, dropped_logs: 120 };
    store.put(app, "a", "2").await;
    for script in store.scripts(app).await.unwrap() {
        assert_eq!(script.totals, sum);
    }
}

async fn recording_and_deleting_never_wait_in_a_circle(store: &TestStore) {
    let other = store.another().await;
    for round in 0..5 {
        let app = store.app(&format!("app{round}")).await.id;
        let scripts = [store.put(app, "a", "1").await, store.put(app, "b", "1").await];
        let one = Totals { invocations: 1, ..Totals::default() };
        let records = (0..8).map(|n| {
            let store = if n % 2 == 0 { &store.store } else { &other };
            let batch: Vec<NewInvocation> = scripts.iter().map(|script| invocation(app, script)).collect();
            let totals = scripts.each_ref().map(|script| (script.id, one));
            async move { store.record(&batch, &totals).await.unwrap() }
        });
        let puts = async {
            let _ = store.put_script(app, crate::fixture::version("b", "2")).await.unwrap();
            other.delete_script(app, &scripts[0].name, &Precondition::None).await.unwrap().unwrap();
            other.delete_app(app).await.unwrap();
        };
        futures_util::future::join(join_all(records), puts).await;
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 0);
}

async fn lists_are_filtered_and_paged(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let batch = [quiet(app, &a), invocation(app, &a), quiet(app, &b), invocation(app, &b)];
    store.record(&batch, &[]).await.unwrap();
    let [a_ok, a_failed, b_ok, b_failed] = batch.map(|i| i.id);
    let list = async |filter: InvocationFilter| ids(&store.invocations(app, filter).await.unwrap());

    assert_eq!(list(all()).await, [b_failed, b_ok, a_failed, a_ok]);
    assert_eq!(list(InvocationFilter { failed: Some(true), ..all() }).await, [b_failed, a_failed]);
    assert_eq!(list(InvocationFilter { failed: Some(false), ..all() }).await, [b_ok, a_ok]);
    let of_a = InvocationFilter { script: Some(a.name), ..all() };
    assert_eq!(list(of_a.clone()).await, [a_failed, a_ok]);
    assert_eq!(list(InvocationFilter { before: Some(a_failed), ..of_a }).await, [a_ok]);
    assert_eq!(list(InvocationFilter { limit: 2, ..all() }).await, [b_failed, b_ok]);
    assert_eq!(list(InvocationFilter { limit: 2, before: Some(b_ok), ..all() }).await, [a_failed, a_ok]);
    let nobodys = InvocationFilter { script: Some("missing".parse().unwrap()), ..all() };
    assert!(list(nobodys).await.is_empty());
}

async fn logs_are_of_those_that_wrote(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let batch = [invocation(app, &a), quiet(app, &a), invocation(app, &b), quiet(app, &b)];
    store.record(&batch, &[]).await.unwrap();
    let [of_a, _, of_b, _] = batch.map(|i| i.id);
    let list = async |filter: LogFilter| -> Vec<(InvocationId, String)> {
        store.logs(app, filter).await.unwrap().into_iter().map(|l| (l.invocation, l.level)).collect()
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
    store.record(std::slice::from_ref(&new), &[]).await.unwrap();
    assert!(store.invocations(other, all()).await.unwrap().is_empty());
    let same_name = InvocationFilter { script: Some(script.name), ..all() };
    assert!(store.invocations(other, same_name).await.unwrap().is_empty());
    assert!(store.logs(other, LogFilter { limit: 9, ..Default::default() }).await.unwrap().is_empty());
    assert_eq!(store.invocation(other, new.id).await.unwrap(), None);
}

async fn corrupt_rows_are_errors(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "greet", "1").await;
    store.record(&[invocation(app, &script)], &[]).await.unwrap();
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
