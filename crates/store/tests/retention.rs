//! Pruning of records, and of what has ended.

use crate::{
    fixture::{NOW, ROOM, TestStore, cases},
    invocations::invocation,
};
use futures_util::future::join_all;
use picloud_abi::log::Level;
use picloud_shared::{
    executor::LogLine,
    ids::{AppId, InvocationId},
    limit_rules::LimitValues,
    limits::{STATS_HOURS_TIME, STATS_MINUTES_TIME},
};
use picloud_store::{Database, InvocationFilter, KvValue, NewInvocation, Script, StatsOf};
use std::time::Duration;

cases! {
    the_oldest_go_until_the_rest_fits
    what_is_too_old_goes_however_little_it_is
    what_is_kept_is_counted
    a_script_takes_its_bytes_along
    one_call_is_a_small_one
    racing_nodes_remove_no_more_than_they_should
    apps_have_their_turn
    an_app_that_cannot_be_read_keeps_its_records_and_holds_up_no_other
    entries_and_stats_go_when_their_time_has_passed
}

/// However old.
const AGE: i64 = i64::MIN;

async fn record_many(store: &TestStore, app: AppId, script: &Script, count: usize) -> Vec<InvocationId> {
    let many: Vec<NewInvocation> = (0..count).map(|_| invocation(app, script)).collect();
    store.record_all(&many).await.unwrap();
    many.iter().map(|invocation| invocation.id).collect()
}

async fn ids(store: &TestStore, app: AppId) -> Vec<InvocationId> {
    let filter = InvocationFilter { limit: 100_000, ..Default::default() };
    let mut ids: Vec<_> = store.invocations(app, filter).await.unwrap().items.iter().map(|found| found.id).collect();
    ids.reverse();
    ids
}

async fn bytes(store: &TestStore, app: AppId) -> i64 {
    store.kept_records(app).await.unwrap().unwrap().bytes
}

async fn the_oldest_go_until_the_rest_fits(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let of_other = store.put(other, "a", "1").await;
    record_many(store, other, &of_other, 5).await;
    let all = [record_many(store, app, &a, 5).await, record_many(store, app, &b, 5).await].concat();
    let each = bytes(store, app).await / 10;
    // What does not pass the bound stays.
    assert!(!store.prune_records(app, 10 * each, AGE).await.unwrap());
    assert_eq!(ids(store, app).await, all);
    assert!(store.prune_records(app, 4 * each + 1, AGE).await.unwrap());
    assert_eq!(ids(store, app).await, all[6..]);
    assert!(!store.prune_records(app, 4 * each + 1, AGE).await.unwrap());
    assert_eq!(bytes(store, app).await, 4 * each);
    assert_eq!(store.number("SELECT COUNT(*) FROM logs").await, 2 * (4 + 5), "their logs go with them");
    assert_eq!(ids(store, other).await.len(), 5, "another app's are its own");
}

async fn what_is_too_old_goes_however_little_it_is(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let at = |started_at| NewInvocation { started_at, ..invocation(app, &script) };
    let [old, young] = [at(NOW - 1), at(NOW)];
    let oldest = async || store.kept_records(app).await.unwrap().unwrap().oldest;
    assert_eq!(oldest().await, None);
    store.record_all(&[old, young.clone()]).await.unwrap();
    assert_eq!(oldest().await, Some(NOW - 1));
    assert!(store.prune_records(app, i64::MAX, NOW).await.unwrap());
    assert_eq!(ids(store, app).await, [young.id]);
    assert_eq!(oldest().await, Some(NOW));
    assert!(!store.prune_records(app, i64::MAX, NOW).await.unwrap());
}

async fn what_is_kept_is_counted(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    record_many(store, app, &script, 1).await;
    let one = bytes(store, app).await;
    let line = LogLine { at: NOW, level: Level::Info, message: "x".repeat(50_000), fields: None };
    store.record_all(&[NewInvocation { logs: vec![line], ..invocation(app, &script) }]).await.unwrap();
    assert!(bytes(store, app).await - one > 50_000, "logs count");
    let error =
        Some(picloud_shared::api::Diagnostic { message: "e".repeat(9_000), script: None, line: None, column: None });
    let before = bytes(store, app).await;
    store.record_all(&[NewInvocation { error, logs: Vec::new(), ..invocation(app, &script) }]).await.unwrap();
    assert!(bytes(store, app).await - before > 9_000, "errors count");
    assert_eq!(store.number("SELECT CAST(SUM(bytes) AS BIGINT) FROM invocations").await, bytes(store, app).await);
}

async fn a_script_takes_its_bytes_along(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (kept, gone) = (store.put(app, "kept", "1").await, store.put(app, "gone", "1").await);
    record_many(store, app, &kept, 1).await;
    let before = bytes(store, app).await;
    record_many(store, app, &gone, 9).await;
    assert_eq!(bytes(store, app).await, 10 * before);
    store.delete_script(app, &gone.name).await.unwrap().unwrap();
    assert_eq!(bytes(store, app).await, before);
    store.delete_app(app).await.unwrap();
    assert_eq!(store.kept_records(app).await.unwrap(), None);
    store.remove_all_gone().await;
    assert!(!store.prune_records(app, 0, i64::MAX).await.unwrap());
}

async fn one_call_is_a_small_one(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let step = if matches!(store.database, Database::Postgres(_)) { 5_000 } else { 500 };
    for _ in 0..11 {
        record_many(store, app, &script, step / 5).await;
    }
    for left in [step * 6 / 5, step / 5, 0] {
        assert!(store.prune_records(app, 0, AGE).await.unwrap());
        assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, i64::try_from(left).unwrap());
    }
    assert!(!store.prune_records(app, 0, AGE).await.unwrap());
    assert_eq!(bytes(store, app).await, 0);
    // Log lines count: but for the first, however many it wrote.
    let line = LogLine { at: NOW, level: Level::Info, message: String::new(), fields: None };
    let talkative = NewInvocation { logs: vec![line; 3 * step], ..invocation(app, &script) };
    let three: Vec<_> = (0..3).map(|_| NewInvocation { id: InvocationId::new(), ..talkative.clone() }).collect();
    store.record_all(&three).await.unwrap();
    for left in [2, 1, 0] {
        assert!(store.prune_records(app, 0, AGE).await.unwrap());
        assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, left);
    }
}

async fn racing_nodes_remove_no_more_than_they_should(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (a, b) = (store.put(app, "a", "1").await, store.put(app, "b", "1").await);
    let other = store.another().await;
    let all = [record_many(store, app, &a, 600).await, record_many(store, app, &b, 600).await].concat();
    let each = bytes(store, app).await / 1_200;
    let prune = async |store: &picloud_store::Store| {
        for _ in 0..10 {
            store.prune_records(app, 1_000 * each, AGE).await.unwrap();
        }
    };
    let more: Vec<Vec<NewInvocation>> =
        (0..10).map(|_| (0..10).map(|n| invocation(app, if n % 2 == 0 { &a } else { &b })).collect()).collect();
    let records = join_all(more.iter().map(|batch| other.record_all(batch)));
    let (_, (), (), ()) = tokio::join!(records, prune(&store.store), prune(&other), prune(&store.store));
    while store.prune_records(app, 1_000 * each, AGE).await.unwrap() {}
    assert_eq!(bytes(store, app).await, 1_000 * each);
    let kept = ids(store, app).await;
    assert_eq!(kept.len(), 1_000);
    assert!(kept.contains(&all[1_199]) && !kept.contains(&all[0]));
}

async fn apps_have_their_turn(store: &TestStore) {
    let mut apps = vec![store.app("a").await.id, store.app("b").await.id, store.app("c").await.id];
    apps.sort();
    let mut last = None;
    for app in apps {
        let next = store.next_kept_records(last).await.unwrap().unwrap();
        assert_eq!((next.app, next.bytes), (app, 0));
        last = Some(app);
    }
    assert_eq!(store.next_kept_records(last).await.unwrap(), None);
}

async fn an_app_that_cannot_be_read_keeps_its_records_and_holds_up_no_other(store: &TestStore) {
    let (spoiled, other) = (store.app("spoiled").await.id, store.app("other").await.id);
    store.execute(r#"UPDATE apps SET limits = '{"of_a_newer_program": 1}' WHERE slug = 'spoiled'"#).await;
    let first = store.next_kept_records(None).await.unwrap().unwrap();
    assert_eq!(first.app, spoiled);
    assert!(first.limits.as_ref().unwrap_err().contains("of_a_newer_program"), "{first:?}");
    assert!(store.kept_records(spoiled).await.unwrap().unwrap().limits.is_err());
    let next = store.next_kept_records(Some(spoiled)).await.unwrap().unwrap();
    assert_eq!((next.app, next.limits), (other, Ok(LimitValues::default())));
}

async fn entries_and_stats_go_when_their_time_has_passed(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let value = || KvValue { json: true, data: b"1".to_vec() };
    for (n, end) in [(0, Some(NOW - 60_000)), (1, Some(NOW)), (2, None)] {
        store.kv_set(app, &[n], value(), end, ROOM).await.unwrap().unwrap();
    }
    let ago = |time: Duration| NOW - i64::try_from(time.as_millis()).unwrap();
    for at in [ago(STATS_HOURS_TIME) - 3_600_000, ago(STATS_MINUTES_TIME) - 60_000, NOW] {
        let one = NewInvocation { started_at: at, parent: None, ..invocation(app, &script) };
        store.record_all(&[one]).await.unwrap();
    }
    assert!(!store.prune_expired(NOW).await.unwrap());
    assert_eq!(store.number("SELECT COUNT(*) FROM kv").await, 2, "that of another clock stays for a minute");
    let rows = async |width| store.stats(StatsOf::App(app), width, 0, i64::MAX).await.unwrap().len();
    assert_eq!((rows(60_000).await, rows(3_600_000).await), (1, 2));

    let many = (0..1_200_u32).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>();
    for keys in many.chunks(100) {
        let values = keys.iter().map(|key| (&key[..], value())).collect();
        store.kv_set_many(app, values, Some(NOW), ROOM).await.unwrap().unwrap();
    }
    let mut calls = 0;
    while store.prune_expired(NOW + 60_000).await.unwrap() {
        calls += 1;
    }
    assert_eq!((calls, store.number("SELECT COUNT(*) FROM kv").await), (2, 1), "a few at a time");
}

#[tokio::test]
async fn sqlite_gives_pages_back() {
    let store = TestStore::sqlite().await;
    let Database::Sqlite(directory) = &store.database else { panic!() };
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    for _ in 0..20 {
        record_many(&store, app, &script, 1_000).await;
    }
    while store.prune_records(app, 0, AGE).await.unwrap() {}
    let pages = async || store.number("SELECT page_count FROM pragma_page_count").await;
    let before = pages().await;
    let mut calls = 0;
    while store.give_back().await.unwrap() {
        calls += 1;
    }
    assert!(calls > 1 && pages().await < before / 4, "{before} pages, then {}", pages().await);
    store.close().await;
    let length = directory.join("picloud.sqlite3").metadata().unwrap().len();
    assert!(length < u64::try_from(before).unwrap() * 4_096 / 2, "{length} bytes");
}
