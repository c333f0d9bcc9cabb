//! How many dead letters are kept, and for how long.

use crate::{
    fixture::{TestStore, cases},
    topics::{event, subscribed},
};
use futures_util::future::join_all;
use picloud_shared::ids::{AppId, DeliveryId};
use picloud_store::{Claimed, KeptDeadLetters, RemovedDeadLetters, Settlement, Store};

cases! {
    the_oldest_go_when_there_are_too_many
    the_oldest_go_when_they_are_too_large
    what_is_too_old_goes_however_little_it_is
    a_settlement_removes_none
    what_is_kept_of_them_is_counted
    one_step_is_a_small_one
    what_is_replayed_meanwhile_stays
}

/// However many, and however old.
const ANY: i64 = i64::MAX;
const AGE: i64 = i64::MIN;

fn too_many(too_many: usize) -> RemovedDeadLetters {
    RemovedDeadLetters { too_old: 0, too_many }
}

async fn subscriber(store: &TestStore, slug: &str) -> AppId {
    let app = store.app(slug).await.id;
    store.put_script(app, subscribed("a", &["t"])).await.unwrap().unwrap();
    app
}

async fn claimed(store: &TestStore, app: AppId, payload: &str) -> Claimed {
    store.publish(app, event("t", None, payload)).await.unwrap().unwrap();
    store.claim_deliveries(app, 1, 600_000).await.unwrap().claimed.remove(0)
}

/// Gives up so many deliveries of an app, each with 200 bytes of error, one after the other.
async fn die(store: &TestStore, app: AppId, payload: &str, count: usize) -> Vec<DeliveryId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let lease = claimed(store, app, payload).await.lease;
        let died = Settlement::Dead { error: "e".repeat(200), begun: true };
        assert!(store.settle_delivery(&lease, died, &[]).await.unwrap());
        ids.push(lease.delivery);
    }
    ids
}

/// Those that are left, in the order in which they were published.
async fn left(store: &TestStore, app: AppId) -> Vec<DeliveryId> {
    let mut ids: Vec<_> =
        store.dead_letters(app, None, 5_000).await.unwrap().items.iter().map(|letter| letter.id).collect();
    ids.reverse();
    ids
}

async fn kept(store: &TestStore, app: AppId) -> (i64, i64) {
    let KeptDeadLetters { letters, bytes, .. } = store.kept_dead_letters(app).await.unwrap();
    (letters, bytes)
}

async fn the_oldest_go_when_there_are_too_many(store: &TestStore) {
    let (app, other) = (subscriber(store, "demo").await, subscriber(store, "other").await);
    let of_other = die(store, other, "1", 5).await;
    let all = die(store, app, "1", 10).await;
    assert_eq!(store.prune_dead_letters(app, 10, ANY, AGE).await.unwrap(), too_many(0));
    assert_eq!(left(store, app).await, all);
    assert_eq!(store.prune_dead_letters(app, 4, ANY, AGE).await.unwrap(), too_many(6));
    assert_eq!(left(store, app).await, all[6..]);
    assert_eq!(store.prune_dead_letters(app, 4, ANY, AGE).await.unwrap(), too_many(0));
    assert_eq!(left(store, other).await, of_other, "another app's are its own");
}

async fn the_oldest_go_when_they_are_too_large(store: &TestStore) {
    let (app, other) = (subscriber(store, "demo").await, subscriber(store, "other").await);
    let payload = format!("\"{}\"", "x".repeat(798));
    let of_other = die(store, other, &payload, 5).await;
    let all = die(store, app, &payload, 10).await;
    assert_eq!(store.prune_dead_letters(app, ANY, 10_000, AGE).await.unwrap(), too_many(0));
    assert_eq!(left(store, app).await, all, "payload and error are just as many bytes");
    assert_eq!(store.prune_dead_letters(app, ANY, 3_999, AGE).await.unwrap(), too_many(7));
    assert_eq!(left(store, app).await, all[7..]);
    assert_eq!(store.prune_dead_letters(app, ANY, 3_999, AGE).await.unwrap(), too_many(0));
    assert_eq!(left(store, other).await, of_other, "another app's are its own");
}

async fn what_is_too_old_goes_however_little_it_is(store: &TestStore) {
    let (app, other) = (subscriber(store, "demo").await, subscriber(store, "other").await);
    die(store, other, "1", 1).await;
    let all = die(store, app, "1", 3).await;
    store.execute("UPDATE deliveries SET dead_at = 1000 + seq").await;
    assert_eq!(store.kept_dead_letters(app).await.unwrap().oldest, Some(1_001));
    let two = RemovedDeadLetters { too_old: 2, too_many: 0 };
    assert_eq!(store.prune_dead_letters(app, ANY, ANY, 1_003).await.unwrap(), two);
    assert_eq!(left(store, app).await, all[2..]);
    assert_eq!(store.prune_dead_letters(app, ANY, ANY, 1_003).await.unwrap(), too_many(0));
    assert_eq!(left(store, other).await.len(), 1, "another app has its own turn");
}

/// However many there are, and however old: whoever waits for it would wait for that.
async fn a_settlement_removes_none(store: &TestStore) {
    let app = subscriber(store, "demo").await;
    let all = die(store, app, "1", 2).await;
    store.execute("UPDATE deliveries SET dead_at = 1").await;
    let lease = claimed(store, app, "1").await.lease;
    assert!(store.settle_delivery(&lease, Settlement::Done, &[]).await.unwrap());
    let last = die(store, app, "1", 1).await;
    assert_eq!(left(store, app).await, [all, last].concat());
    assert_eq!(store.take_died(), [(app, 3)].into(), "who prunes is told");
    assert_eq!(store.take_died(), [].into());
}

async fn what_is_kept_of_them_is_counted(store: &TestStore) {
    let app = subscriber(store, "demo").await;
    assert_eq!(store.kept_dead_letters(app).await.unwrap(), KeptDeadLetters::default());
    let all = die(store, app, "\"é\"", 3).await;
    assert_eq!(kept(store, app).await, (3, 3 * 204), "bytes, not characters");
    assert_eq!(store.replay(app, Some(all[0]), None).await.unwrap(), Ok(1));
    assert_eq!(kept(store, app).await, (2, 2 * 204));
    assert_eq!(store.number("SELECT COUNT(*) FROM deliveries WHERE bytes IS NOT NULL").await, 2);
    assert!(store.delete_dead_letter(app, all[1]).await.unwrap());
    assert_eq!(kept(store, app).await, (1, 204));
    store.delete_app(app).await.unwrap();
    assert_eq!(
        store.kept_dead_letters(app).await.unwrap(),
        KeptDeadLetters::default(),
        "gone, whatever is left of them"
    );
    assert_eq!(store.prune_dead_letters(app, 0, 0, ANY).await.unwrap(), too_many(0));
}

async fn one_step_is_a_small_one(store: &TestStore) {
    let (app, large) = (subscriber(store, "demo").await, subscriber(store, "large").await);
    store
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
             INSERT INTO deliveries (id, app_id, script_id, topic, seq, payload, error, bytes, depth, not_before, dead_at)
             SELECT 'filler-' || n.i, s.app_id, s.id, 't', 0, '1', '2', 2, 1, 0, n.i
             FROM n, scripts s JOIN apps a ON a.id = s.app_id WHERE a.slug = 'demo'",
        )
        .await;
    for step in [500, 500, 90, 0] {
        assert_eq!(store.prune_dead_letters(app, 10, ANY, AGE).await.unwrap(), too_many(step));
    }
    assert_eq!(store.kept_dead_letters(app).await.unwrap().oldest, Some(1_091));
    // Bytes count as well.
    die(store, large, &format!("\"{}\"", "x".repeat(200 << 10)), 45).await;
    for step in [20, 20, 4, 0] {
        assert_eq!(store.prune_dead_letters(large, 1, ANY, AGE).await.unwrap(), too_many(step));
    }
}

async fn what_is_replayed_meanwhile_stays(store: &TestStore) {
    let app = subscriber(store, "demo").await;
    let all = die(store, app, "1", 60).await;
    let other = store.another().await;
    let prune = async |store: &Store, most: i64| {
        for most in (most..60).rev() {
            store.prune_dead_letters(app, most, ANY, AGE).await.unwrap();
        }
    };
    let replays = join_all(all[..40].iter().map(|id| other.replay(app, Some(*id), None)));
    let (replayed, (), ()) = tokio::join!(replays, prune(&store.store, 20), prune(&other, 20));
    let replayed = replayed.into_iter().filter(|replayed| replayed.as_ref().unwrap().is_ok()).count();
    let waiting = store.number("SELECT COUNT(*) FROM deliveries WHERE due_at IS NOT NULL").await;
    assert_eq!(waiting, i64::try_from(replayed).unwrap());
    assert_eq!(left(store, app).await, all[40..]);
}
