//! What invocations come to by time, apart from how it adds up, which `invocations` has.

use crate::{
    fixture::{NOW, TestStore, cases},
    invocations::invocation,
};
use picloud_shared::{
    ids::{AppId, InvocationId},
    tally::{HOUR, MINUTE},
};
use picloud_store::{NewInvocation, Script, StatsOf, StoreError};

cases! {
    each_is_in_the_minute_and_the_hour_in_which_it_began
    who_is_called_counts_for_itself_and_not_for_the_app
    the_scripts_that_burn_most_come_first
    what_is_deleted_takes_its_stats_along
    a_histogram_that_is_none_is_an_error
}

/// One that nobody called.
fn at(app: AppId, script: &Script, started_at: i64) -> NewInvocation {
    NewInvocation { started_at, parent: None, ..invocation(app, script) }
}

async fn each_is_in_the_minute_and_the_hour_in_which_it_began(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    let hour = NOW - NOW % HOUR;
    for time in [hour, hour + MINUTE - 1, hour + MINUTE, hour + HOUR, hour - 1] {
        store.record_all(&[at(app, &script, time)]).await.unwrap();
    }
    let requests = async |width, from, until| -> Vec<(i64, i64)> {
        let of_app = store.stats(StatsOf::App(app), width, from, until).await.unwrap();
        assert_eq!(store.stats(StatsOf::Script(script.id), width, from, until).await.unwrap(), of_app);
        of_app.into_iter().map(|(start, sums)| (start, sums.requests)).collect()
    };
    let by_the_minute = [(hour - MINUTE, 1), (hour, 2), (hour + MINUTE, 1), (hour + HOUR, 1)];
    assert_eq!(requests(MINUTE, 0, i64::MAX).await, by_the_minute);
    assert_eq!(requests(MINUTE, hour, hour + HOUR).await, by_the_minute[1..3]);
    assert_eq!(requests(HOUR, 0, i64::MAX).await, [(hour - HOUR, 1), (hour, 3), (hour + HOUR, 1)]);
}

async fn who_is_called_counts_for_itself_and_not_for_the_app(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (caller, called) = (store.put(app, "caller", "1").await, store.put(app, "called", "1").await);
    let first = at(app, &caller, NOW);
    let second = NewInvocation { parent: Some(first.id), fuel: 23, ..at(app, &called, NOW) };
    store.record_all(&[first, second]).await.unwrap();
    let fuel = async |of| -> Vec<i64> {
        store.stats(of, HOUR, 0, i64::MAX).await.unwrap().iter().map(|(_, sums)| sums.fuel).collect()
    };
    assert_eq!(fuel(StatsOf::App(app)).await, [123]);
    assert_eq!(fuel(StatsOf::Script(caller.id)).await, [123]);
    assert_eq!(fuel(StatsOf::Script(called.id)).await, [23]);
}

async fn the_scripts_that_burn_most_come_first(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    for (app, name, fuel) in [(app, "a", 5), (app, "b", 9), (app, "c", 7), (app, "idle", 0), (other, "b", 99)] {
        let script = store.put(app, name, "1").await;
        let fuels: &[u64] = if fuel == 0 { &[] } else { &[fuel, fuel] };
        for (&fuel, time) in fuels.iter().zip([NOW, NOW + HOUR]) {
            store.record_all(&[NewInvocation { fuel, ..at(app, &script, time) }]).await.unwrap();
        }
    }
    let busiest = async |until, limit| -> Vec<(String, i64)> {
        let found = store.busiest_scripts(app, HOUR, NOW - NOW % HOUR, until, limit).await.unwrap();
        found.into_iter().map(|script| (script.script.to_string(), script.fuel)).collect()
    };
    let all = [("b".to_owned(), 18), ("c".to_owned(), 14), ("a".to_owned(), 10)];
    assert_eq!(busiest(i64::MAX, 10).await, all);
    assert_eq!(busiest(i64::MAX, 2).await, all[..2]);
    assert_eq!(busiest(NOW + 1, 1).await, [("b".to_owned(), 9)]);
}

async fn what_is_deleted_takes_its_stats_along(store: &TestStore) {
    let app = store.app("demo").await.id;
    let (kept, gone) = (store.put(app, "kept", "1").await, store.put(app, "gone", "1").await);
    store.record_all(&[at(app, &kept, NOW), at(app, &gone, NOW)]).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM stats").await, 6);
    store.delete_script(app, &gone.name).await.unwrap().unwrap();
    store.remove_all_gone().await;
    assert!(store.stats(StatsOf::Script(gone.id), HOUR, 0, i64::MAX).await.unwrap().is_empty());
    let [(_, sums)] = &store.stats(StatsOf::App(app), HOUR, 0, i64::MAX).await.unwrap()[..] else { panic!() };
    assert_eq!(sums.requests, 2, "the app's stay");
    store.delete_app(app).await.unwrap();
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM stats").await, 0);
    // What ended meanwhile is recorded too late.
    store.record_all(&[NewInvocation { id: InvocationId::new(), ..at(app, &kept, NOW) }]).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM stats").await, 0);
}

async fn a_histogram_that_is_none_is_an_error(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    store.record_all(&[at(app, &script, NOW)]).await.unwrap();
    let sql = match &store.database {
        picloud_store::Database::Sqlite(_) => "UPDATE stats SET latency = x'80'",
        picloud_store::Database::Postgres(_) => r"UPDATE stats SET latency = '\x80'",
    };
    store.execute(sql).await;
    let result = store.stats(StatsOf::App(app), HOUR, 0, i64::MAX).await;
    assert!(matches!(result, Err(StoreError::Corrupt(_))), "{result:?}");
}
