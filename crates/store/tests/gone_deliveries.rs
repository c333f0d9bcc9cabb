//! Deliveries of deleted scripts and apps: they stay as they are until they are removed, and nobody sees them from then on.

use crate::{
    fixture::{TestStore, cases},
    topics::{event, subscribed},
};
use futures_util::future::join_all;
use picloud_shared::{ids::AppId, precondition::Precondition};
use picloud_store::{
    Claimed, Database, DeliveryCounts, DeliveryFilter, KeptDeadLetters, NewEvent, PublishRefused, RemovedDeadLetters,
    ReplayRefused, Settlement, Store,
};
use sqlx::PgPool;
use std::time::{Duration, Instant};

cases! {
    deleting_a_script_writes_none_of_its_deliveries
    deleting_an_app_writes_none_of_its_deliveries
    nobody_sees_those_of_a_deleted_script
    nobody_sees_those_of_a_deleted_app
    a_new_script_of_the_name_has_none_of_the_old_one
    others_are_found_behind_many_of_a_deleted_script
    who_delivers_meanwhile_holds_up_no_deletion
}

const LEASE_MS: i64 = 600_000;
/// 4,000 that wait and 1,000 dead letters, of the app `demo`'s script `gone`.
const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO deliveries (id, app_id, script_id, topic, seq, payload, error, bytes, depth, not_before, due_at, dead_at)
    SELECT 'filler-' || n.i, s.app_id, s.id, 't', n.i, '1', '2', 2, 1, 0, CASE WHEN n.i > 1000 THEN n.i END,
        CASE WHEN n.i <= 1000 THEN n.i END
    FROM n, scripts s JOIN apps a ON a.id = s.app_id WHERE a.slug = 'demo' AND s.name = 'gone'";
const UNTOUCHED: &str = "SELECT COUNT(*) FROM deliveries WHERE lease = 0 AND NOT leased
    AND (due_at = seq AND dead_at IS NULL OR dead_at = seq AND due_at IS NULL)";

async fn subscriber(store: &TestStore, app: AppId, name: &str) {
    store.put_script(app, subscribed(name, &["t"])).await.unwrap().unwrap();
}

async fn publish(store: &Store, app: AppId, event: NewEvent) {
    store.publish(app, event).await.unwrap().unwrap();
}

async fn claim(store: &Store, app: AppId) -> Vec<Claimed> {
    store.claim_deliveries(app, 1_000, LEASE_MS).await.unwrap().claimed
}

async fn delete(store: &Store, app: AppId, script: &str) {
    store.delete_script(app, &script.parse().unwrap(), &Precondition::None).await.unwrap().unwrap();
}

async fn deleting_a_script_writes_none_of_its_deliveries(store: &TestStore) {
    let app = store.app("demo").await.id;
    subscriber(store, app, "gone").await;
    store.execute(MANY).await;
    delete(store, app, "gone").await;
    removed_in_small_steps(store).await;
}

async fn deleting_an_app_writes_none_of_its_deliveries(store: &TestStore) {
    let app = store.app("demo").await.id;
    subscriber(store, app, "gone").await;
    store.execute(MANY).await;
    assert!(store.delete_app(app).await.unwrap());
    removed_in_small_steps(store).await;
}

async fn removed_in_small_steps(store: &TestStore) {
    assert_eq!(store.number(UNTOUCHED).await, 5_000, "deleting is one small transaction");
    for left in (0..10).rev() {
        assert!(store.remove_gone().await.unwrap());
        assert_eq!(store.number("SELECT COUNT(*) FROM deliveries").await, left * 500);
    }
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM scripts").await, 0);
}

/// Deliveries of every state, of all that are subscribed: those that are leased, and a dead letter.
async fn of_every_state(store: &TestStore, app: AppId) -> Vec<Claimed> {
    for n in 0..7 {
        publish(store, app, event("t", None, &n.to_string())).await;
    }
    let mut claimed = claim(store, app).await;
    let dead = Settlement::Dead { error: "dead".to_owned(), begun: true };
    assert!(store.settle_delivery(&claimed.remove(0).lease, dead, &[]).await.unwrap());
    assert!(store.settle_delivery(&claimed.remove(0).lease, Settlement::Retry { after_ms: 0 }, &[]).await.unwrap());
    for payload in ["\"due\"", "\"behind\""] {
        publish(store, app, event("t", Some("k"), payload)).await;
    }
    publish(store, app, NewEvent { delay_ms: 60_000, ..event("t", None, "1") }).await;
    claimed
}

async fn nobody_sees_any(store: &TestStore, app: AppId, claimed: &[Claimed]) {
    let all = store.number("SELECT COUNT(*) FROM deliveries").await;
    let states =
        async || store.number("SELECT CAST(SUM(due_at) + SUM(lease) + SUM(attempts) AS BIGINT) FROM deliveries").await;
    let before = states().await;
    assert!(store.apps_with_deliveries().await.unwrap().apps.is_empty());
    assert_eq!(claim(store, app).await, []);
    store.extend_leases(&claimed.iter().map(|one| one.lease.clone()).collect::<Vec<_>>(), 2 * LEASE_MS).await.unwrap();
    let dead = Settlement::Dead { error: "dead".to_owned(), begun: true };
    let (retry, not_begun) = (Settlement::Retry { after_ms: 0 }, Settlement::NotBegun { after_ms: 0 });
    let ways = [Settlement::Done, retry, not_begun, dead];
    assert!(claimed.len() >= ways.len());
    for (one, way) in claimed.iter().zip(ways) {
        assert!(!store.settle_delivery(&one.lease, way, &[]).await.unwrap(), "no lease of it is good");
    }
    assert_eq!(states().await, before);
    store.reclaim_leases().await.unwrap();
    assert_eq!(claim(store, app).await, []);

    let filter = DeliveryFilter { limit: 100, ..DeliveryFilter::default() };
    assert_eq!(store.deliveries(app, filter).await.unwrap(), []);
    assert!(store.dead_letters(app, None, 100).await.unwrap().items.is_empty());
    assert!(store.topics(app).await.unwrap().values().all(|topic| (topic.waiting, topic.dead) == (0, 0)));
    assert_eq!(store.delivery_counts().await.unwrap(), DeliveryCounts::default());
    assert_eq!(store.app_usage(app).await.unwrap().deliveries, 0);
    assert_eq!(store.kept_dead_letters(app).await.unwrap(), KeptDeadLetters::default());
    assert_eq!(store.prune_dead_letters(app, 0, 0, i64::MAX).await.unwrap(), RemovedDeadLetters::default());
    assert_eq!(store.replay(app, None, None).await.unwrap(), Ok(0));
    for id in store.texts("SELECT id FROM deliveries").await {
        let id = id.parse().unwrap();
        assert_eq!(store.delivery(app, id).await.unwrap(), None);
        assert_eq!(store.replay(app, Some(id), None).await.unwrap(), Err(ReplayRefused::NoneSuch));
        assert!(!store.delete_dead_letter(app, id).await.unwrap());
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM deliveries").await, all);
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM deliveries").await, 0);
}

async fn nobody_sees_those_of_a_deleted_script(store: &TestStore) {
    let app = store.app("demo").await.id;
    subscriber(store, app, "gone").await;
    let claimed = of_every_state(store, app).await;
    delete(store, app, "gone").await;
    nobody_sees_any(store, app, &claimed).await;
}

async fn nobody_sees_those_of_a_deleted_app(store: &TestStore) {
    let app = store.app("demo").await.id;
    subscriber(store, app, "gone").await;
    let claimed = of_every_state(store, app).await;
    assert!(store.delete_app(app).await.unwrap());
    nobody_sees_any(store, app, &claimed).await;
}

async fn a_new_script_of_the_name_has_none_of_the_old_one(store: &TestStore) {
    let app = store.app("demo").await.id;
    subscriber(store, app, "gone").await;
    of_every_state(store, app).await;
    // More than may wait: they leave all of the room.
    for _ in 0..2 {
        store.execute(MANY).await;
        store
            .execute("UPDATE deliveries SET id = 'old-' || id, dead_at = NULL, due_at = 1 WHERE id LIKE '%filler-%'")
            .await;
    }
    let full = store.publish(app, event("t", None, "1")).await.unwrap();
    assert_eq!(full, Err(PublishRefused::QueueFull));
    delete(store, app, "gone").await;
    subscriber(store, app, "gone").await;
    store.execute(MANY).await;
    for payload in ["1", "2"] {
        publish(store, app, event("t", Some("k"), payload)).await;
    }
    assert_eq!(store.app_usage(app).await.unwrap().deliveries, 4_002);
    let topic = store.topics(app).await.unwrap().remove(&"t".parse().unwrap()).unwrap();
    assert_eq!((topic.waiting, topic.dead, topic.subscribers.len()), (4_002, 1_000, 1));
    assert_eq!(store.kept_dead_letters(app).await.unwrap().letters, 1_000);
    let pruned = store.prune_dead_letters(app, 999, i64::MAX, i64::MIN).await.unwrap();
    assert_eq!(pruned, RemovedDeadLetters { too_old: 0, too_many: 1 });
    let due = store.apps_with_deliveries().await.unwrap().apps;
    assert_eq!((due.len(), due[0].app), (1, app));
    store.execute("DELETE FROM deliveries WHERE id LIKE 'filler-%'").await;
    let claimed = claim(store, app).await;
    assert_eq!(
        claimed.iter().map(|one| one.payload.as_str()).collect::<Vec<_>>(),
        ["1"],
        "it is behind none of the old ones"
    );
    assert!(store.settle_delivery(&claimed[0].lease, Settlement::Done, &[]).await.unwrap());
    assert_eq!(claim(store, app).await[0].payload, "2");
}

async fn others_are_found_behind_many_of_a_deleted_script(store: &TestStore) {
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    for (app, name) in [(app, "gone"), (app, "kept"), (other, "kept")] {
        subscriber(store, app, name).await;
    }
    store.execute(MANY).await;
    delete(store, app, "gone").await;
    publish(store, app, NewEvent { delay_ms: 60_000, ..event("t", None, "1") }).await;
    publish(store, other, NewEvent { delay_ms: 90_000, ..event("t", None, "1") }).await;
    let due = store.apps_with_deliveries().await.unwrap().apps;
    let due: Vec<_> = due.iter().map(|one| (one.app, one.due_in_ms)).collect();
    assert!(
        matches!(due[..], [(one, 50_000..=60_000), (two, 80_000..=90_000)] if (one, two) == (app, other)),
        "{due:?}"
    );
    store.execute("UPDATE deliveries SET due_at = due_at - 90000 WHERE due_at > 90000").await;
    assert_eq!((claim(store, app).await.len(), claim(store, other).await.len()), (1, 1));
}

async fn who_delivers_meanwhile_holds_up_no_deletion(store: &TestStore) {
    let other = store.another().await;
    for round in 0..4 {
        let app = store.app(&format!("app{round}")).await.id;
        for name in ["a", "b", "c"] {
            subscriber(store, app, name).await;
        }
        let work = join_all((0..6).map(|n| {
            let store = if n % 2 == 0 { &store.store } else { &other };
            async move {
                for key in [None, Some("k"), None] {
                    // To an app that is deleted, or of which no script is left, goes nothing.
                    let _ = store.publish(app, event("t", key, "1")).await.unwrap();
                    let claimed = store.claim_deliveries(app, 2, LEASE_MS).await.unwrap().claimed;
                    let leases: Vec<_> = claimed.iter().map(|one| one.lease.clone()).collect();
                    store.extend_leases(&leases, LEASE_MS).await.unwrap();
                    for lease in &leases {
                        store.settle_delivery(lease, Settlement::Retry { after_ms: 0 }, &[]).await.unwrap();
                    }
                }
            }
        }));
        let deletes = async {
            for name in ["a", "b"] {
                delete(&other, app, name).await;
                assert!(claim(store, app).await.iter().all(|one| one.name.as_str() > name));
                store.remove_gone().await.unwrap();
            }
            other.delete_app(app).await.unwrap();
            assert_eq!(claim(store, app).await, []);
            while store.remove_gone().await.unwrap() {}
        };
        tokio::join!(work, deletes);
    }
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM deliveries").await, 0);
}

/// How many wait for the lock of a row, or of a transaction.
async fn waiting(pool: &PgPool, count: i64) {
    let began = Instant::now();
    let ask = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(ask).fetch_one(pool).await.unwrap() != count {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// SQLite has one writer anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_claims_what_is_about_to_be_deleted_gets_nothing() {
    let store = TestStore::postgres().await;
    let Database::Postgres(url) = &store.database else { panic!() };
    let pool = PgPool::connect(url).await.unwrap();
    let app = store.app("demo").await.id;
    subscriber(&store, app, "gone").await;
    publish(&store, app, event("t", None, "1")).await;
    let mut holds = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM scripts FOR UPDATE").execute(&mut *holds).await.unwrap();
    let deleting = tokio::spawn({
        let store = store.store.clone();
        async move { delete(&store, app, "gone").await }
    });
    waiting(&pool, 1).await;
    // It sees the script, which is not deleted yet.
    let claiming = tokio::spawn({
        let store = store.store.clone();
        async move { claim(&store, app).await }
    });
    waiting(&pool, 2).await;
    holds.rollback().await.unwrap();
    deleting.await.unwrap();
    assert_eq!(claiming.await.unwrap(), []);
    pool.close().await;
}
