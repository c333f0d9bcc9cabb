//! Schedules: which slots become deliveries, and when. What a schedule says about times is tested where it is.

use crate::fixture::{NOW, TestStore, cases, version};
use picloud_shared::{
    ids::{AppId, ScheduleId},
    limits::APP_SCHEDULES,
    precondition::Precondition,
    schedule::Schedule,
    time::now_ms,
};
use picloud_store::{
    Claimed, Fired, Heard, NewVersion, Occasion, PutRefused, RollbackRefused, RunRefused, Script, Settlement, Store,
    StoredSchedule,
};
use std::{collections::BTreeSet, time::Duration};

cases! {
    schedules_come_and_go_with_the_version
    a_slot_fires_once_and_the_next_is_known
    what_is_missed_is_skipped_or_made_up_for
    a_full_queue_drops_the_slot
    a_schedule_is_run_by_hand
    the_last_invocation_is_remembered
    a_dead_letter_tells_its_slot
    many_are_fired_in_batches
    many_of_one_app_are_not_fired_before_one_of_another
    an_app_has_so_many_and_no_more
    a_schedule_that_cannot_be_read_holds_up_no_other
    racing_nodes_fire_each_slot_once
    who_waits_hears_of_new_schedules
}

/// Longer than any test takes.
const LEASE_MS: i64 = 600_000;
/// Some time in the year, so that no test meets a slot by chance.
const YEARLY: &str = "0 0 1 1 *";

fn scheduled(name: &str, schedules: &[&str]) -> NewVersion {
    let schedules = schedules.iter().map(|schedule| schedule.parse().unwrap()).collect();
    NewVersion { schedules: Some(schedules), ..version(name, "1") }
}

async fn put(store: &Store, app: AppId, name: &str, schedules: &[&str]) -> Script {
    store.put_script(app, scheduled(name, schedules), &Precondition::None).await.unwrap().unwrap().script
}

async fn only(store: &Store, app: AppId) -> StoredSchedule {
    let [schedule] = store.schedules(app).await.unwrap().try_into().unwrap();
    schedule
}

async fn fire(store: &Store) -> Fired {
    store.fire_schedules(500).await.unwrap()
}

async fn claim(store: &Store, app: AppId) -> Vec<Claimed> {
    store.claim_deliveries(app, 10_000, LEASE_MS).await.unwrap().claimed
}

async fn schedules_come_and_go_with_the_version(store: &TestStore) {
    let app = store.app("demo").await;
    let first = put(store, app.id, "a", &[YEARLY, "0 12 1 1 * Europe/Berlin", YEARLY]).await;
    assert_eq!(first.schedules, ["0 0 1 1 * UTC", "0 12 1 1 * Europe/Berlin"].map(|text| text.parse().unwrap()));
    assert_eq!(first.routes, [], "who has a schedule needs no endpoint");
    let before = store.schedules(app.id).await.unwrap();
    assert!(before.iter().all(|stored| stored.next_at > Some(NOW) && stored.last_at.is_none()));

    let kept = store.put(app.id, "a", "2").await;
    assert_eq!((kept.version.number, &kept.schedules), (2, &first.schedules));
    assert_eq!(store.schedules(app.id).await.unwrap(), before, "they go on as they were");
    put(store, app.id, "a", &[YEARLY]).await;
    assert_eq!(only(store, app.id).await, before[0]);
    let none = store.put_script(app.id, NewVersion { schedules: Some(vec![]), ..version("a", "1") }).await;
    assert_eq!(none.unwrap().unwrap().script.version.number, 4, "other schedules make another version");
    assert!(store.schedules(app.id).await.unwrap().is_empty());
    let back = store.rollback(app.id, &first.name, Some(1)).await.unwrap().unwrap();
    assert_eq!(back.schedules, first.schedules);
    assert_eq!(store.schedules(app.id).await.unwrap().len(), 2);
    assert_eq!(store.script_head(app.id, &first.name).await.unwrap().unwrap().schedules, first.schedules);
    store.delete_script(app.id, &first.name).await.unwrap().unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM schedules").await, 0);
}

async fn a_slot_fires_once_and_the_next_is_known(store: &TestStore) {
    let app = store.app("demo").await;
    assert_eq!(fire(store).await, Fired::default());
    let script = put(store, app.id, "a", &["0 0 1 1 *"]).await;
    let waiting = fire(store).await;
    assert_eq!((waiting.fired, waiting.missed), (0, 0));
    assert!(waiting.next_in_ms > Some(0));

    // A second ago by the database's clock, which is this machine's.
    let slot = now_ms() - 1_000;
    store.make_due(slot).await;
    let fired = fire(store).await;
    assert_eq!((fired.fired, fired.missed, fired.dropped), (1, 0, 0));
    assert!(fired.next_in_ms > Some(0));
    assert_eq!(fire(store).await.fired, 0);
    let [claimed] = claim(store, app.id).await.try_into().unwrap();
    assert_eq!((claimed.version, claimed.occasion), (script.version.id, Occasion::Slot(slot)));
    assert_eq!((claimed.payload.as_str(), claimed.attempt, claimed.depth), ("null", 1, 1));
    let stored = only(store, app.id).await;
    assert_eq!(stored.last_at, Some(slot));
    assert_eq!(stored.next_at, stored.schedule.next_after(slot));
    assert!(store.topics(app.id).await.unwrap().is_empty(), "it is one of no topic");
}

async fn what_is_missed_is_skipped_or_made_up_for(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "once", &["0 0 1 1 *, missed: run-once"]).await;
    put(store, app.id, "skip", &["0 0 1 1 *"]).await;
    // New Year of 2020, and all that came since.
    let missed = 1_577_836_800_000;
    store.make_due(missed).await;
    let fired = fire(store).await;
    assert_eq!((fired.fired, fired.missed), (1, 1));
    let [claimed] = claim(store, app.id).await.try_into().unwrap();
    assert_eq!(claimed.name.as_str(), "once");
    let Occasion::Slot(slot) = claimed.occasion else { panic!("{claimed:?}") };
    let yearly: Schedule = YEARLY.parse().unwrap();
    assert!(slot > missed, "the latest of them");
    assert_eq!(yearly.next_after(slot - 1), Some(slot));
    let stored = store.schedules(app.id).await.unwrap();
    assert_eq!((stored[0].last_at, stored[1].last_at), (Some(slot), None));
    assert!(stored.iter().all(|stored| stored.next_at == yearly.next_after(slot)));
}

async fn a_full_queue_drops_the_slot(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "a", &[YEARLY, "0 1 1 1 *"]).await;
    store
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
             INSERT INTO deliveries (id, app_id, script_id, topic, seq, payload, depth, not_before, due_at)
             SELECT 'filler-' || n.i, s.app_id, s.id, 't', 0, '1', 1, 0, 0 FROM n, scripts s",
        )
        .await;
    store.make_due(now_ms()).await;
    let fired = fire(store).await;
    assert_eq!((fired.fired, fired.missed, fired.dropped), (1, 0, 1));
    assert!(fired.next_in_ms > Some(0), "what was dropped is not tried again and again");
    let id = store.schedules(app.id).await.unwrap()[0].id;
    assert_eq!(store.run_schedule(app.id, id).await.unwrap(), Err(RunRefused::QueueFull));
}

async fn a_schedule_is_run_by_hand(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    put(store, app.id, "a", &[YEARLY]).await;
    let before = only(store, app.id).await;
    for (app, id) in [(app.id, ScheduleId::new()), (other.id, before.id), (AppId::new(), before.id)] {
        assert_eq!(store.run_schedule(app, id).await.unwrap(), Err(RunRefused::NoSuchSchedule));
    }
    let delivery = store.run_schedule(app.id, before.id).await.unwrap().unwrap();
    let [claimed] = claim(store, app.id).await.try_into().unwrap();
    assert_eq!(claimed.lease.delivery, delivery);
    let after = only(store, app.id).await;
    assert_eq!((after.next_at, claimed.occasion), (before.next_at, Occasion::Slot(after.last_at.unwrap())));
}

async fn the_last_invocation_is_remembered(store: &TestStore) {
    let app = store.app("demo").await;
    let script = put(store, app.id, "a", &[YEARLY]).await;
    let id = only(store, app.id).await.id;
    store.run_schedule(app.id, id).await.unwrap().unwrap();
    let [claimed] = claim(store, app.id).await.try_into().unwrap();
    let record = crate::invocations::invocation(app.id, &script);
    let (invocation, outcome) = (record.id, record.outcome.to_owned());
    // A script that it called is recorded with it.
    let called = crate::invocations::invocation(app.id, &script);
    let settled = store.settle_delivery(&claimed.lease, Settlement::Done, &[record, called]).await;
    assert!(settled.unwrap());
    assert_eq!(only(store, app.id).await.last, Some((invocation, outcome)));
}

async fn a_dead_letter_tells_its_slot(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "a", &[YEARLY]).await;
    let id = only(store, app.id).await.id;
    let delivery = store.run_schedule(app.id, id).await.unwrap().unwrap();
    let [claimed] = claim(store, app.id).await.try_into().unwrap();
    let dead = Settlement::Dead { error: "no".to_owned(), begun: true };
    assert!(store.settle_delivery(&claimed.lease, dead, &[]).await.unwrap());
    let [letter] = store.dead_letters(app.id, None, 9).await.unwrap().items.try_into().unwrap();
    assert_eq!((letter.id, letter.occasion), (delivery, claimed.occasion.clone()));
    assert_eq!(store.replay(app.id, None, None).await.unwrap(), Ok(1));
    let [again] = claim(store, app.id).await.try_into().unwrap();
    assert_eq!((again.occasion, again.attempt), (claimed.occasion, 1), "its time stays");
}

/// Schedules of an app with so many scripts, a hundred each.
async fn many(store: &TestStore, app: AppId, scripts: usize) {
    for n in 0..scripts {
        let schedules: Vec<String> = (0..100).map(|n| format!("{} {} 1 1 *", n % 60, n / 60)).collect();
        put(store, app, &format!("s{n}"), &schedules.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

/// 10,000 of ten apps and one of another, all due at once.
async fn many_are_fired_in_batches(store: &TestStore) {
    for n in 0..10 {
        many(store, store.app(&format!("demo{n}")).await.id, 10).await;
    }
    let other = store.app("other").await;
    put(store, other.id, "a", &[YEARLY]).await;
    store.make_due(now_ms()).await;
    let started = std::time::Instant::now();
    let mut fired = 0;
    loop {
        let batch = fire(store).await;
        assert_eq!((batch.missed, batch.dropped), (0, 0));
        fired += batch.fired;
        if batch.next_in_ms > Some(0) {
            break;
        }
    }
    assert_eq!(fired, 10_001);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let slots = store.number("SELECT COUNT(DISTINCT schedule_id) FROM deliveries").await;
    assert_eq!((slots, claim(store, other.id).await.len()), (10_001, 1));
}

async fn many_of_one_app_are_not_fired_before_one_of_another(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    // Each second of all hours, as often as it can be said differently.
    let seconds: Vec<String> = (0..50).map(|n| format!("{n}-59,0-{n} * * * * *")).collect();
    let zones =
        ["UTC", "Europe/Berlin"].into_iter().flat_map(|zone| seconds.iter().map(move |text| format!("{text} {zone}")));
    let schedules: Vec<String> = zones.collect();
    for n in 0..10 {
        put(store, app.id, &format!("s{n}"), &schedules.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    put(store, other.id, "a", &[YEARLY]).await;
    // Those of the one were due long before.
    store.make_due(now_ms()).await;
    store.execute("UPDATE schedules SET next_at = next_at - 30000 WHERE schedule <> '0 0 1 1 * UTC'").await;
    let batch = fire(store).await;
    assert_eq!((batch.fired, batch.next_in_ms.is_some_and(|ms| ms <= 0)), (500, true));
    assert_eq!((claim(store, other.id).await.len(), claim(store, app.id).await.len()), (1, 499));
}

async fn an_app_has_so_many_and_no_more(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    let first = put(store, app.id, "a", &[YEARLY]).await;
    put(store, app.id, "a", &[]).await;
    many(store, app.id, 10).await;
    let refused = store.put_script(app.id, scheduled("one-more", &[YEARLY])).await.unwrap();
    assert_eq!(refused, Err(PutRefused::TooManySchedules));
    assert_eq!(store.script_head(app.id, &"one-more".parse().unwrap()).await.unwrap(), None);
    let refused = store.rollback(app.id, &first.name, Some(1)).await.unwrap();
    assert_eq!(refused, Err(RollbackRefused::TooManySchedules));
    assert_eq!(store.script_head(app.id, &first.name).await.unwrap().unwrap().version.number, 2);
    // Others for those that go, and those of another app, are none too many.
    put(store, app.id, "s0", &["0 3 3 3 *", YEARLY]).await;
    store.rollback(app.id, &first.name, Some(1)).await.unwrap().unwrap();
    put(store, other.id, "a", &[YEARLY]).await;
    assert_eq!(store.schedules(app.id).await.unwrap().len(), APP_SCHEDULES - 97);
}

async fn a_schedule_that_cannot_be_read_holds_up_no_other(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    put(store, app.id, "a", &[YEARLY]).await;
    let bad = only(store, app.id).await.id;
    put(store, app.id, "b", &[YEARLY]).await;
    put(store, other.id, "a", &[YEARLY]).await;
    store.make_due(now_ms()).await;
    store.execute("UPDATE schedules SET schedule = 'at noon' WHERE id = (SELECT MIN(id) FROM schedules)").await;
    let Fired { fired, unreadable, next_in_ms, .. } = fire(store).await;
    assert_eq!((fired, unreadable.len()), (2, 1), "{unreadable:?}");
    assert!(unreadable[0].starts_with(&format!("schedule {bad}: ")), "{unreadable:?}");
    assert!(
        next_in_ms.is_some_and(|ms| (1..=3_600_000).contains(&ms)),
        "{next_in_ms:?}: it would be looked at for ever"
    );
    assert_eq!((claim(store, app.id).await.len(), claim(store, other.id).await.len()), (1, 1));
    // It is looked at again, and fires once it is mended.
    store.make_due(now_ms()).await;
    let again = fire(store).await;
    assert_eq!((again.fired, again.unreadable.len()), (2, 1));
    store.execute("UPDATE schedules SET schedule = '0 0 1 1 * UTC'").await;
    store.make_due(now_ms()).await;
    assert_eq!((fire(store).await.fired, claim(store, app.id).await.len()), (3, 3));
}

async fn racing_nodes_fire_each_slot_once(store: &TestStore) {
    let apps = [store.app("a").await.id, store.app("b").await.id, store.app("c").await.id];
    for app in apps {
        many(store, app, 2).await;
    }
    store.make_due(now_ms()).await;
    let nodes: Vec<Store> = if store.wake().await.unwrap().has_others() {
        vec![store.another().await, store.another().await, store.another().await]
    } else {
        vec![store.store.clone(); 3]
    };
    let fired = nodes.iter().map(async |node| {
        let mut fired = 0;
        loop {
            let batch = node.fire_schedules(50).await.unwrap();
            fired += batch.fired;
            if batch.next_in_ms > Some(0) {
                return fired;
            }
        }
    });
    let fired = futures_util::future::join_all(fired).await;
    assert_eq!(fired.iter().sum::<usize>(), 600, "{fired:?}");
    let mut ids = BTreeSet::new();
    for app in apps {
        ids.extend(claim(store, app).await.into_iter().map(|claimed| claimed.lease.delivery));
    }
    assert_eq!(ids.len(), 600);
    assert_eq!(store.number("SELECT COUNT(DISTINCT schedule_id) FROM deliveries").await, 600);
}

async fn who_waits_hears_of_new_schedules(store: &TestStore) {
    let app = store.app("demo").await;
    let mut wake = store.wake().await.unwrap();
    put(store, app.id, "a", &[YEARLY]).await;
    let heard = tokio::time::timeout(Duration::from_secs(60), wake.heard()).await.expect("it is heard of");
    assert_eq!(heard.unwrap(), Heard::Schedules);
    if wake.has_others() {
        let other = store.another().await;
        let mut wake = other.wake().await.unwrap();
        put(store, app.id, "b", &[YEARLY]).await;
        let heard = tokio::time::timeout(Duration::from_secs(60), wake.heard()).await.expect("it is heard elsewhere");
        assert_eq!(heard.unwrap(), Heard::Schedules);
    }
}
