//! Topics, and their deliveries one by one. All of them together are in `delivery_model`.

use crate::fixture::{NOW, TestStore, cases, version};
use picloud_shared::{
    api::DeliveryState,
    ids::{AppId, DeliveryId},
    precondition::Precondition,
};
use picloud_store::{
    Claimed, Claims, Delivery, DeliveryFilter, NewEvent, NewVersion, Occasion, PublishRefused, ReplayRefused, Script,
    Settlement, Store, Topic,
};
use std::time::Duration;

cases! {
    subscriptions_come_and_go_with_the_version
    an_event_is_delivered_to_each_subscriber
    a_lease_that_was_lost_settles_nothing
    a_failed_delivery_waits_and_dies_and_is_replayed
    what_did_not_begin_does_not_count
    a_key_keeps_its_order
    a_delayed_event_is_not_due
    a_full_queue_refuses
    a_delivery_that_cannot_be_read_holds_up_no_other
    a_page_of_dead_letters_is_bounded_in_bytes
    a_settled_delivery_is_recorded
    apps_and_scripts_take_their_deliveries_along
    who_waits_hears_of_what_is_published
    what_is_due_is_found_however_much_others_have
    leases_are_reclaimed_where_nobody_else_works
    what_has_not_ended_is_listed_with_how_far_it_is
    deliveries_are_narrowed_down_and_paged
}

/// Longer than any test takes.
const LEASE_MS: i64 = 600_000;

pub(crate) fn event(topic: &str, key: Option<&str>, payload: &str) -> NewEvent {
    let (topic, key) = (topic.parse().unwrap(), key.map(str::to_owned));
    NewEvent { topic, key, payload: payload.to_owned(), delay_ms: 0, depth: 1 }
}

pub(crate) fn subscribed(name: &str, topics: &[&str]) -> NewVersion {
    let topics = topics.iter().map(|topic| topic.parse().unwrap()).collect();
    NewVersion { topics: Some(topics), ..version(name, "1") }
}

async fn subscriber(store: &Store, app: AppId, name: &str, topics: &[&str]) -> Script {
    store.put_script(app, subscribed(name, topics), &Precondition::None).await.unwrap().unwrap().script
}

async fn publish(store: &Store, app: AppId, event: NewEvent) -> Vec<DeliveryId> {
    store.publish(app, event).await.unwrap().unwrap()
}

async fn claim(store: &Store, app: AppId) -> Vec<Claimed> {
    store.claim_deliveries(app, 100, LEASE_MS).await.unwrap().claimed
}

async fn settle(store: &Store, claimed: &Claimed, settlement: Settlement) -> bool {
    store.settle_delivery(&claimed.lease, settlement, &[]).await.unwrap()
}

async fn counts(store: &Store, app: AppId) -> (i64, i64) {
    let topics = store.topics(app).await.unwrap();
    topics.values().fold((0, 0), |(waiting, dead), topic| (waiting + topic.waiting, dead + topic.dead))
}

fn dead(error: &str) -> Settlement {
    Settlement::Dead { error: error.to_owned(), begun: true }
}

async fn subscriptions_come_and_go_with_the_version(store: &TestStore) {
    let app = store.app("demo").await;
    let first = subscriber(store, app.id, "a", &["paid", "orders", "paid"]).await;
    assert_eq!(first.topics, ["orders", "paid"].map(|topic| topic.parse().unwrap()));
    assert_eq!(first.routes, [], "who is subscribed needs no endpoint");
    let kept = store.put(app.id, "a", "2").await;
    assert_eq!((kept.version.number, &kept.topics), (2, &first.topics));
    let same = store.put_script(app.id, NewVersion { topics: Some(vec![]), ..version("a", "2") }).await;
    assert_eq!(same.unwrap().unwrap().script.version.number, 3, "other topics make another version");
    assert_eq!(publish(store, app.id, event("orders", None, "1")).await, []);
    assert!(store.topics(app.id).await.unwrap().is_empty());
    let back = store.rollback(app.id, &first.name, Some(1)).await.unwrap().unwrap();
    assert_eq!(back.topics, first.topics);
    assert_eq!(store.script_head(app.id, &first.name).await.unwrap().unwrap().topics, first.topics);
    subscriber(store, app.id, "b", &["orders"]).await;
    let topics = store.topics(app.id).await.unwrap();
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(topics[&"orders".parse().unwrap()], Topic { subscribers: names(&["a", "b"]), waiting: 0, dead: 0 });
    assert_eq!(topics[&"paid".parse().unwrap()], Topic { subscribers: names(&["a"]), waiting: 0, dead: 0 });
}

async fn an_event_is_delivered_to_each_subscriber(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    let a = subscriber(store, app.id, "a", &["orders"]).await;
    subscriber(store, app.id, "b", &["orders", "paid"]).await;
    subscriber(store, other.id, "c", &["orders"]).await;
    assert_eq!(publish(store, app.id, event("nobody", None, "1")).await, []);
    let ids = publish(store, app.id, NewEvent { depth: 3, ..event("orders", None, "[\"a\\u0000\"]") }).await;
    assert_eq!(ids.len(), 2);
    assert!(claim(store, other.id).await.is_empty());
    let due = store.apps_with_deliveries().await.unwrap().apps;
    assert!(due.len() == 1 && due[0].app == app.id && due[0].due_in_ms <= 0, "{due:?}");

    let claimed = claim(store, app.id).await;
    let found: std::collections::BTreeSet<_> = claimed.iter().map(|claimed| claimed.lease.delivery).collect();
    assert_eq!(found, ids.into_iter().collect());
    let to_a = claimed.iter().find(|claimed| claimed.script_id == a.id).unwrap();
    let orders = Occasion::Topic("orders".parse().unwrap());
    assert_eq!((to_a.name.as_str(), to_a.version, &to_a.occasion), ("a", a.version.id, &orders));
    assert_eq!((to_a.payload.as_str(), to_a.attempt, to_a.depth), ("[\"a\\u0000\"]", 1, 3));
    assert!(claim(store, app.id).await.is_empty(), "what is leased is nobody else's");
    let due = store.apps_with_deliveries().await.unwrap().apps;
    assert!(due[0].due_in_ms > LEASE_MS / 2, "{due:?}");
    for claimed in &claimed {
        assert!(settle(store, claimed, Settlement::Done).await);
        assert!(!settle(store, claimed, Settlement::Done).await, "only once");
    }
    assert_eq!(counts(store, app.id).await, (0, 0));
    assert!(store.apps_with_deliveries().await.unwrap().apps.is_empty());
}

async fn a_lease_that_was_lost_settles_nothing(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["t"]).await;
    publish(store, app.id, event("t", None, "1")).await;
    let first = store.claim_deliveries(app.id, 1, 0).await.unwrap().claimed.remove(0);
    let second = claim(store, app.id).await.remove(0);
    assert_eq!((first.lease.delivery, second.attempt), (second.lease.delivery, 2));
    for settlement in [Settlement::Done, Settlement::Retry { after_ms: 0 }, dead("late")] {
        assert!(!settle(store, &first, settlement).await);
    }
    store.extend_leases(std::slice::from_ref(&first.lease), 0).await.unwrap();
    assert!(claim(store, app.id).await.is_empty(), "a lost lease is not shortened either");
    store.extend_leases(std::slice::from_ref(&second.lease), -1).await.unwrap();
    let third = claim(store, app.id).await.remove(0);
    assert!(!settle(store, &second, Settlement::Done).await);
    assert!(settle(store, &third, Settlement::Done).await);
}

async fn a_failed_delivery_waits_and_dies_and_is_replayed(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    subscriber(store, app.id, "a", &["t"]).await;
    let id = publish(store, app.id, event("t", Some("k\0"), "{\"n\":1}")).await[0];
    let claimed = claim(store, app.id).await.remove(0);
    assert!(settle(store, &claimed, Settlement::Retry { after_ms: LEASE_MS }).await);
    assert!(claim(store, app.id).await.is_empty());
    store.execute("UPDATE deliveries SET due_at = 0").await;
    let claimed = claim(store, app.id).await.remove(0);
    assert_eq!(claimed.attempt, 2);
    assert!(settle(store, &claimed, dead("it \0 broke")).await);
    assert_eq!(counts(store, app.id).await, (0, 1));
    let letter = store.dead_letters(app.id, None, 9).await.unwrap().items.remove(0);
    assert_eq!((letter.id, letter.key.as_deref(), letter.payload.as_str()), (id, Some("k\0"), "{\"n\":1}"));
    assert_eq!((letter.attempts, letter.error.as_str(), letter.last_invocation), (2, "it \0 broke", None));
    assert!(letter.dead_at > NOW);
    assert!(store.dead_letters(app.id, Some(id), 9).await.unwrap().items.is_empty());

    let (t, u) = ("t".parse().unwrap(), "u".parse().unwrap());
    assert_eq!(store.replay(other.id, Some(id), None).await.unwrap(), Err(ReplayRefused::NoneSuch));
    assert_eq!(store.replay(other.id, None, None).await.unwrap(), Ok(0));
    assert_eq!(store.replay(app.id, None, Some(&u)).await.unwrap(), Ok(0));
    assert_eq!(store.replay(app.id, None, Some(&t)).await.unwrap(), Ok(1));
    assert_eq!(store.replay(app.id, Some(id), None).await.unwrap(), Err(ReplayRefused::NoneSuch));
    let again = claim(store, app.id).await.remove(0);
    assert_eq!((again.lease.delivery, again.attempt), (id, 1));
    assert!(settle(store, &again, dead("again")).await);
    assert!(!store.delete_dead_letter(other.id, id).await.unwrap());
    assert!(store.delete_dead_letter(app.id, id).await.unwrap());
    assert_eq!(counts(store, app.id).await, (0, 0));
}

async fn what_did_not_begin_does_not_count(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["t"]).await;
    publish(store, app.id, event("t", None, "1")).await;
    for _ in 0..3 {
        let claimed = claim(store, app.id).await.remove(0);
        assert_eq!(claimed.attempt, 1);
        assert!(settle(store, &claimed, Settlement::NotBegun { after_ms: 0 }).await);
    }
}

async fn a_key_keeps_its_order(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["t"]).await;
    for payload in ["1", "2", "3"] {
        publish(store, app.id, event("t", Some("k"), payload)).await;
    }
    publish(store, app.id, event("t", Some("other"), "4")).await;
    publish(store, app.id, event("t", None, "5")).await;
    let payloads = |claimed: &[Claimed]| claimed.iter().map(|c| c.payload.clone()).collect::<Vec<_>>();
    let mut claimed = claim(store, app.id).await;
    assert_eq!(payloads(&claimed), ["1", "4", "5"]);
    // A failing one blocks its key; giving it up lets the next through.
    assert!(settle(store, &claimed[0], Settlement::Retry { after_ms: LEASE_MS }).await);
    assert!(claim(store, app.id).await.is_empty());
    store.execute("UPDATE deliveries SET due_at = 0 WHERE due_at IS NOT NULL AND NOT leased").await;
    claimed = claim(store, app.id).await;
    assert_eq!(payloads(&claimed), ["1"]);
    assert!(settle(store, &claimed[0], dead("no")).await);
    claimed = claim(store, app.id).await;
    assert_eq!(payloads(&claimed), ["2"]);
    // What is replayed comes behind those that wait.
    assert_eq!(store.replay(app.id, None, None).await.unwrap(), Ok(1));
    for expected in ["3", "1"] {
        assert!(claim(store, app.id).await.is_empty());
        assert!(settle(store, &claimed[0], Settlement::Done).await);
        claimed = claim(store, app.id).await;
        assert_eq!(payloads(&claimed), [expected]);
    }
}

async fn a_delayed_event_is_not_due(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["t"]).await;
    publish(store, app.id, NewEvent { delay_ms: 60_000, ..event("t", Some("k"), "1") }).await;
    publish(store, app.id, event("t", Some("k"), "2")).await;
    assert!(claim(store, app.id).await.is_empty(), "the key's order holds for what is held back");
    let due_in = store.apps_with_deliveries().await.unwrap().apps[0].due_in_ms;
    assert!((50_000..=60_000).contains(&due_in), "{due_in}");
}

async fn a_full_queue_refuses(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    subscriber(store, app.id, "a", &["t"]).await;
    subscriber(store, other.id, "a", &["t"]).await;
    store
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
             INSERT INTO deliveries (id, app_id, script_id, topic, seq, payload, depth, not_before, due_at)
             SELECT 'filler-' || n.i, s.app_id, s.id, 't', 0, '1', 1, 0, 0
             FROM n, scripts s JOIN apps a ON a.id = s.app_id WHERE a.slug = 'demo'",
        )
        .await;
    publish(store, app.id, event("t", None, "1")).await;
    assert_eq!(store.publish(app.id, event("t", None, "1")).await.unwrap(), Err(PublishRefused::QueueFull));
    publish(store, other.id, event("t", None, "1")).await;
    let gone = event("t", None, "1");
    assert_eq!(store.publish(AppId::new(), gone).await.unwrap(), Ok(vec![]), "nobody is subscribed there");
    store.execute("UPDATE deliveries SET due_at = NULL, dead_at = 9000000000000 WHERE id = 'filler-1'").await;
    publish(store, app.id, event("t", None, "1")).await;
    assert_eq!(store.replay(app.id, None, None).await.unwrap(), Err(ReplayRefused::QueueFull));
}

async fn a_delivery_that_cannot_be_read_holds_up_no_other(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["orders"]).await;
    let bad = publish(store, app.id, event("orders", None, "1")).await[0];
    for corrupt in [
        "UPDATE deliveries SET topic = 'no topic!' WHERE seq = 1",
        "UPDATE deliveries SET topic = NULL WHERE seq = 1",
        "UPDATE deliveries SET topic = 'orders', depth = -1 WHERE seq = 1",
    ] {
        store.execute(corrupt).await;
        let good = publish(store, app.id, event("orders", None, "2")).await[0];
        let Claims { claimed, unreadable } = store.claim_deliveries(app.id, 100, LEASE_MS).await.unwrap();
        assert_eq!(claimed.iter().map(|claimed| claimed.lease.delivery).collect::<Vec<_>>(), [good], "{corrupt}");
        assert!(unreadable.len() == 1 && unreadable[0].starts_with(&format!("delivery {bad}: ")), "{unreadable:?}");
        let due = store.apps_with_deliveries().await.unwrap().apps[0].due_in_ms;
        assert!(due > 0, "it would be looked at for ever");
        assert_eq!(store.claim_deliveries(app.id, 100, LEASE_MS).await.unwrap(), Claims::default());
        store.execute("UPDATE deliveries SET due_at = 1 WHERE seq = 1").await;
    }
    store.execute("UPDATE deliveries SET depth = 1 WHERE seq = 1").await;
    let [mended] = claim(store, app.id).await.try_into().unwrap();
    assert_eq!((mended.lease.delivery, mended.attempt), (bad, 1), "no attempt was made of it");
}

async fn a_page_of_dead_letters_is_bounded_in_bytes(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["orders"]).await;
    let payload = format!("\"{}\"", "x".repeat(200 << 10));
    let mut expected = Vec::new();
    for _ in 0..50 {
        expected.extend(publish(store, app.id, event("orders", None, &payload)).await);
    }
    for claimed in claim(store, app.id).await {
        assert!(settle(store, &claimed, dead("no")).await);
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.dead_letters(app.id, before, 200).await.unwrap();
        let bytes: usize = page.items.iter().map(|letter| letter.payload.len() + letter.error.len()).sum();
        assert!(!page.items.is_empty() && bytes <= 8 << 20, "{bytes}");
        seen.extend(page.items.into_iter().map(|letter| letter.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    expected.reverse();
    assert_eq!(seen, expected);
    let page = store.dead_letters(app.id, None, 50).await.unwrap();
    assert!(page.items.len() < 50 && page.next == page.items.last().map(|last| last.id));
    let page = store.dead_letters(app.id, Some(expected[47]), 2).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
}

async fn a_settled_delivery_is_recorded(store: &TestStore) {
    let app = store.app("demo").await;
    let script = subscriber(store, app.id, "a", &["t"]).await;
    publish(store, app.id, event("t", Some("k"), "1")).await;
    let claimed = store.claim_deliveries(app.id, 1, 0).await.unwrap().claimed.remove(0);
    let record = || [crate::invocations::invocation(app.id, &script)];
    let later = claim(store, app.id).await.remove(0);
    let (late, last) = (record(), record());
    let ids = [late[0].id, last[0].id];
    assert!(!store.settle_delivery(&claimed.lease, Settlement::Done, &late).await.unwrap());
    assert!(store.settle_delivery(&later.lease, dead("no"), &last).await.unwrap());
    for id in ids {
        assert!(store.invocation(app.id, id).await.unwrap().is_some(), "what ran is recorded, its lease lost or not");
    }
    assert_eq!(store.dead_letters(app.id, None, 1).await.unwrap().items[0].last_invocation, Some(ids[1]));
}

async fn apps_and_scripts_take_their_deliveries_along(store: &TestStore) {
    let app = store.app("demo").await;
    for name in ["a", "b"] {
        subscriber(store, app.id, name, &["t"]).await;
    }
    publish(store, app.id, event("t", None, "1")).await;
    let claimed = claim(store, app.id).await.remove(0);
    store.delete_script(app.id, &claimed.name).await.unwrap().unwrap();
    assert!(!settle(store, &claimed, Settlement::Done).await);
    assert_eq!(counts(store, app.id).await, (1, 0));
    assert!(store.delete_app(app.id).await.unwrap());
    assert!(store.apps_with_deliveries().await.unwrap().apps.is_empty());
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM deliveries").await, 0);
}

async fn what_is_due_is_found_however_much_others_have(store: &TestStore) {
    let mut apps = Vec::new();
    for slug in ["late", "busy", "few"] {
        let app = store.app(slug).await.id;
        subscriber(store, app, "a", &["t"]).await;
        apps.push(app);
    }
    let [late, busy, few] = apps[..] else { panic!() };
    let due = async || -> Vec<(AppId, bool)> {
        let found = store.apps_with_deliveries().await.unwrap().apps;
        found.into_iter().map(|one| (one.app, one.due_in_ms <= 0)).collect()
    };
    for hours in 1..=150 {
        publish(store, late, NewEvent { delay_ms: hours * 3_600_000, ..event("t", None, "1") }).await;
    }
    assert_eq!(due().await, [(late, false)]);
    publish(store, few, event("t", None, "1")).await;
    // Of the one whose turn is far off the first counts.
    assert_eq!(due().await, [(late, false), (few, true)]);
    let claimed = claim(store, few).await.remove(0);
    assert!(settle(store, &claimed, Settlement::Done).await);
    for _ in 0..150 {
        publish(store, busy, event("t", None, "1")).await;
    }
    // Behind all of them.
    publish(store, few, event("t", None, "1")).await;
    assert!(due().await.contains(&(few, true)) && due().await.contains(&(busy, true)));
    while !store.claim_deliveries(busy, 100, LEASE_MS).await.unwrap().claimed.is_empty() {}
    assert!(due().await.contains(&(few, true)));
    assert_eq!(claim(store, few).await.len(), 1);
    assert!(due().await.iter().all(|(_, due)| !due), "{:?}", due().await);
}

async fn who_waits_hears_of_what_is_published(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["t"]).await;
    let mut wake = store.wake().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), wake.heard()).await.is_err(), "nothing was published");
    publish(store, app.id, event("t", None, "1")).await;
    tokio::time::timeout(Duration::from_secs(60), wake.heard()).await.expect("it is heard of").unwrap();
    if wake.has_others() {
        let other = store.another().await;
        let mut wake = other.wake().await.unwrap();
        publish(store, app.id, event("t", None, "1")).await;
        tokio::time::timeout(Duration::from_secs(60), wake.heard()).await.expect("it is heard elsewhere").unwrap();
    }
}

async fn leases_are_reclaimed_where_nobody_else_works(store: &TestStore) {
    let app = store.app("demo").await;
    subscriber(store, app.id, "a", &["t"]).await;
    publish(store, app.id, event("t", None, "1")).await;
    let before = claim(store, app.id).await.remove(0);
    store.reclaim_leases().await.unwrap();
    let alone = !store.wake().await.unwrap().has_others();
    let again = claim(store, app.id).await;
    assert_eq!(again.len(), usize::from(alone));
    assert_eq!(settle(store, &before, Settlement::Done).await, !alone);
    assert!(again.iter().all(|claimed| claimed.attempt == 2));
}

async fn listed(store: &Store, app: AppId, filter: DeliveryFilter) -> Vec<Delivery> {
    store.deliveries(app, DeliveryFilter { limit: 100, ..filter }).await.unwrap()
}

async fn what_has_not_ended_is_listed_with_how_far_it_is(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    let script = subscriber(store, app.id, "a", &["t"]).await;
    let all = || DeliveryFilter::default();
    let id = publish(store, app.id, event("t", Some("k\0"), "{\"n\":1}")).await[0];
    let behind = publish(store, app.id, event("t", Some("k\0"), "2")).await[0];
    let found = listed(store, app.id, all()).await;
    let states = |found: &[Delivery]| found.iter().map(|one| (one.id, one.state)).collect::<Vec<_>>();
    assert_eq!(states(&found), [(behind, DeliveryState::Behind), (id, DeliveryState::Waiting)]);
    let first = &found[1];
    assert_eq!((first.script.as_str(), first.key.as_deref(), first.attempts), ("a", Some("k\0"), 0));
    assert_eq!(first.occasion, Occasion::Topic("t".parse().unwrap()));
    assert_eq!((first.last_invocation, first.error.as_deref()), (None, None));
    assert!(first.due_at.is_some_and(|due| due > NOW) && found[0].due_at.is_none());

    let claimed = claim(store, app.id).await.remove(0);
    let running = listed(store, app.id, all()).await.remove(1);
    assert_eq!((running.state, running.attempts, running.due_at), (DeliveryState::Running, 1, None));
    let record = crate::invocations::invocation(app.id, &script);
    let retry = Settlement::Retry { after_ms: LEASE_MS };
    assert!(store.settle_delivery(&claimed.lease, retry, std::slice::from_ref(&record)).await.unwrap());
    let (retrying, payload) = store.delivery(app.id, id).await.unwrap().unwrap();
    assert_eq!((retrying.state, retrying.attempts, payload.as_str()), (DeliveryState::Retrying, 1, "{\"n\":1}"));
    assert_eq!((retrying.last_invocation, retrying.error.as_deref()), (Some(record.id), Some("bad\0 ü")));
    assert!(retrying.due_at.unwrap() > first.due_at.unwrap(), "the next attempt has its time");
    assert_eq!(listed(store, app.id, all()).await[1], retrying);
    assert_eq!(store.delivery(other.id, id).await.unwrap(), None);
    assert!(listed(store, other.id, all()).await.is_empty());

    store.execute("UPDATE deliveries SET due_at = 0 WHERE due_at IS NOT NULL").await;
    let claimed = claim(store, app.id).await.remove(0);
    assert!(settle(store, &claimed, dead("no")).await);
    assert_eq!(store.delivery(app.id, id).await.unwrap(), None, "it is a dead letter");
    assert_eq!(states(&listed(store, app.id, all()).await), [(behind, DeliveryState::Waiting)]);
    store.delete_script(app.id, &script.name).await.unwrap().unwrap();
    assert!(listed(store, app.id, all()).await.is_empty() && store.delivery(app.id, behind).await.unwrap().is_none());
}

async fn deliveries_are_narrowed_down_and_paged(store: &TestStore) {
    let app = store.app("demo").await;
    for (name, topics) in [("a", ["t", "u"]), ("b", ["t", "v"])] {
        subscriber(store, app.id, name, &topics).await;
    }
    let mut ids = Vec::new();
    for (topic, key) in [("t", Some("k")), ("u", None), ("t", Some("k"))] {
        ids.extend(publish(store, app.id, event(topic, key, "1")).await);
    }
    ids.sort();
    ids.reverse();
    let found = async |filter| listed(store, app.id, filter).await.iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(found(DeliveryFilter::default()).await, ids);
    assert_eq!(found(DeliveryFilter { before: Some(ids[1]), ..Default::default() }).await, ids[2..]);
    let two = store.deliveries(app.id, DeliveryFilter { limit: 2, ..Default::default() }).await.unwrap();
    assert_eq!(two.iter().map(|one| one.id).collect::<Vec<_>>(), ids[..2]);
    let by = |topic: Option<&str>, script: Option<&str>, state| DeliveryFilter {
        topic: topic.map(|name| name.parse().unwrap()),
        script: script.map(|name| name.parse().unwrap()),
        state,
        ..Default::default()
    };
    let counts = async || {
        let mut counts = Vec::new();
        for state in DeliveryState::ALL {
            counts.push(found(by(None, None, Some(state))).await.len());
        }
        counts
    };
    assert_eq!(counts().await, [3, 2, 0, 0]);
    let claimed = claim(store, app.id).await;
    let of_u = claimed.iter().find(|one| one.occasion == Occasion::Topic("u".parse().unwrap())).unwrap();
    assert!(settle(store, of_u, Settlement::Retry { after_ms: LEASE_MS }).await);
    assert_eq!(counts().await, [0, 2, 2, 1]);
    assert_eq!(found(by(Some("u"), None, Some(DeliveryState::Retrying))).await, [of_u.lease.delivery]);
    assert_eq!(found(by(Some("t"), Some("a"), Some(DeliveryState::Behind))).await.len(), 1);
    assert_eq!(found(by(Some("t"), None, None)).await.len(), 4);
    assert_eq!(found(by(None, Some("a"), None)).await.len(), 3);
    for nobody in [by(Some("v"), None, None), by(None, Some("nobody"), None)] {
        assert!(found(nobody).await.is_empty());
    }
}
