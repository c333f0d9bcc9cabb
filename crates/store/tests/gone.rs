//! What is deleted: gone at once, and removed in steps, whoever does it and whatever ends in between.

use crate::{
    fixture::{NOW, ROOM, TestStore, bearer, cases, routed, version},
    invocations::invocation,
};
use futures_util::future::join_all;
use picloud_shared::{
    ids::AppId,
    names::{FilePath, SecretName},
    precondition::Precondition,
    sealed::{KeyId, Sealed},
};
use picloud_store::{InvocationFilter, KvValue, LogFilter, NewEvent, NewInvocation, NewVersion, Script, TailFilter};

cases! {
    a_script_is_gone_at_once_and_its_name_is_free
    an_app_is_gone_at_once_and_its_slug_is_free
    one_step_is_a_small_one
    what_is_left_in_the_middle_is_gone_on_with
    nodes_remove_side_by_side
    what_is_deleted_while_it_is_written_is_removed_whole
}

const ALL_TABLES: &str =
    "SELECT (SELECT COUNT(*) FROM apps) + (SELECT COUNT(*) FROM scripts) + (SELECT COUNT(*) FROM versions)
    + (SELECT COUNT(*) FROM routes) + (SELECT COUNT(*) FROM subscriptions) + (SELECT COUNT(*) FROM schedules)
    + (SELECT COUNT(*) FROM deliveries) + (SELECT COUNT(*) FROM invocations) + (SELECT COUNT(*) FROM logs)
    + (SELECT COUNT(*) FROM stats) + (SELECT COUNT(*) FROM kv) + (SELECT COUNT(*) FROM kv_usage)
    + (SELECT COUNT(*) FROM files) + (SELECT COUNT(*) FROM file_contents) + (SELECT COUNT(*) FROM releases)
    + (SELECT COUNT(*) FROM app_records) + (SELECT COUNT(*) FROM secrets) + (SELECT COUNT(*) FROM vars)
    + (SELECT COUNT(*) FROM memberships) + (SELECT COUNT(*) FROM domains)";

fn page(limit: u32) -> InvocationFilter {
    InvocationFilter { limit, ..InvocationFilter::default() }
}

async fn record(store: &TestStore, app: AppId, script: &Script, count: usize) {
    let many: Vec<NewInvocation> = (0..count).map(|_| invocation(app, script)).collect();
    store.record_all(&many).await.unwrap();
}

/// Starts by everything that a script can be started by.
fn busy(name: &str) -> NewVersion {
    NewVersion {
        topics: Some(vec!["t".parse().unwrap()]),
        schedules: Some(vec!["0 0 * * *".parse().unwrap()]),
        ..routed(name, "1", &[&format!("GET /{}", name.replace('/', "-"))])
    }
}

async fn publish(store: &TestStore, app: AppId) {
    let event = NewEvent { topic: "t".parse().unwrap(), key: None, payload: "1".to_owned(), delay_ms: 0, depth: 1 };
    store.publish(app, event).await.unwrap().unwrap();
}

async fn a_script_is_gone_at_once_and_its_name_is_free(store: &TestStore) {
    let app = store.app("demo").await;
    let kept = store.put(app.id, "kept", "1").await;
    let gone = store.put_script(app.id, busy("gone")).await.unwrap().unwrap().script;
    record(store, app.id, &kept, 3).await;
    record(store, app.id, &gone, 3).await;
    publish(store, app.id).await;
    store.delete_script(app.id, &gone.name).await.unwrap().unwrap();

    assert_eq!(store.scripts(app.id).await.unwrap().len(), 1);
    assert!(store.script(app.id, &gone.name).await.unwrap().is_none());
    assert!(store.versions(app.id, &gone.name).await.unwrap().is_none());
    assert!(store.active_version(app.id, &gone.name).await.unwrap().is_none());
    assert!(store.topics(app.id).await.unwrap().is_empty());
    assert!(store.schedules(app.id).await.unwrap().is_empty());
    assert!(store.apps_with_deliveries().await.unwrap().apps.is_empty(), "nothing of it starts any more");
    assert!(store.dead_letters(app.id, None, 10).await.unwrap().items.is_empty());
    assert_eq!(store.delivery_counts().await.unwrap().dead, 0);
    assert_eq!(store.deployment(&app.slug).await.unwrap().unwrap().routes.len(), 1);
    // The newest are its own: a page may have none, and leads on to those that there are.
    let mut found = store.invocations(app.id, page(2)).await.unwrap();
    let mut ids = Vec::new();
    loop {
        ids.extend(found.items.iter().map(|one| one.script.clone()));
        let Some(before) = found.next else { break };
        found = store.invocations(app.id, InvocationFilter { before: Some(before), ..page(2) }).await.unwrap();
    }
    assert_eq!(ids, [&kept.name; 3].map(Clone::clone));
    let of_gone = InvocationFilter { script: Some(gone.name.clone()), ..page(9) };
    assert!(store.invocations(app.id, of_gone).await.unwrap().items.is_empty());
    let logs = store.logs(app.id, LogFilter { limit: 9, ..LogFilter::default() }).await.unwrap();
    assert!(!logs.items.is_empty() && logs.items.iter().all(|line| line.script == kept.name));
    let lines = store.lines_after(app.id, "0.0".parse().unwrap(), &TailFilter::default()).await.unwrap();
    assert!(!lines.lines.is_empty() && lines.lines.iter().all(|(_, line)| line.script == kept.name));

    // Its name, its routes and its schedules are free, and nothing of the old one is the new one's.
    let new = store.put_script(app.id, busy("gone")).await.unwrap().unwrap();
    assert!(new.created && new.script.id != gone.id && new.script.totals.invocations == 0);
    record(store, app.id, &gone, 2).await;
    store.remove_all_gone().await;
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 3);
    assert_eq!(store.number("SELECT COUNT(*) FROM apps").await, 1);
    assert_eq!(store.scripts(app.id).await.unwrap().len(), 2);
    assert_eq!(store.number("SELECT COUNT(*) FROM app_records").await, 1);
}

async fn an_app_is_gone_at_once_and_its_slug_is_free(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.app("demo").await;
    let script = store.put_script(app.id, busy("s")).await.unwrap().unwrap().script;
    record(store, app.id, &script, 3).await;
    publish(store, app.id).await;
    let claimed = store.claim_deliveries(app.id, 1, 60_000).await.unwrap().claimed.remove(0);
    let (secret, key): (SecretName, KeyId) = ("KEY".parse().unwrap(), "a".repeat(16).try_into().unwrap());
    store.set_secret(app.id, &secret, &Sealed { key, bytes: vec![1] }, NOW).await.unwrap().unwrap();
    let path: FilePath = "a".parse().unwrap();
    store.write_file(app.id, &path, b"1", NOW).await.unwrap().unwrap();
    store.kv_set(app.id, b"k", KvValue { json: true, data: b"1".to_vec() }, None, ROOM).await.unwrap().unwrap();
    let mut told = store.gone();
    assert!(store.delete_app(app.id).await.unwrap());
    assert!(told.has_changed().unwrap());
    told.mark_unchanged();

    assert!(!store.has_apps().await.unwrap());
    assert!(store.apps_for(&bearer(&admin), None, 9).await.unwrap().is_empty());
    assert!(store.app_for(&bearer(&admin), &app.slug).await.unwrap().is_none());
    assert!(store.deployment(&app.slug).await.unwrap().is_none());
    assert_eq!(store.number("SELECT COUNT(*) FROM secrets").await, 0, "no ciphertext waits to be removed");
    assert_eq!(store.app_settings(app.id).await.unwrap(), None);
    assert!(store.apps_with_deliveries().await.unwrap().apps.is_empty());
    assert_eq!(store.next_kept_records(None).await.unwrap(), None);
    let settled = picloud_store::Settlement::Done;
    assert!(!store.settle_delivery(&claimed.lease, settled, &[invocation(app.id, &script)]).await.unwrap());
    // Whoever was about to change it is told.
    let any = Precondition::None;
    assert!(store.put_script(app.id, version("new", "1")).await.unwrap().is_err());
    assert!(store.rollback(app.id, &script.name, None).await.unwrap().is_err());
    assert!(store.delete_script(app.id, &script.name).await.unwrap().is_err());
    assert!(store.store.update_app(app.id, Default::default(), &any).await.unwrap().is_err());
    assert!(store.write_file(app.id, &path, b"2", NOW).await.unwrap().is_err());
    let event = NewEvent { topic: "t".parse().unwrap(), key: None, payload: "1".to_owned(), delay_ms: 0, depth: 1 };
    assert!(store.publish(app.id, event).await.unwrap().is_ok_and(|ids| ids.is_empty()));

    let again = store.app("demo").await;
    assert!(store.scripts(again.id).await.unwrap().is_empty());
    assert!(store.delete_app(again.id).await.unwrap());
    store.remove_all_gone().await;
    assert_eq!(store.number(ALL_TABLES).await, 0);
}

async fn one_step_is_a_small_one(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    record(store, app, &script, 1_100).await;
    let large = || KvValue { json: false, data: vec![7; 1 << 20] };
    for key in 0..10 {
        store.kv_set(app, &[key], large(), None, ROOM).await.unwrap().unwrap();
    }
    store.delete_app(app).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, 1_100, "deleting is one small transaction");
    for left in [600, 100, 0] {
        assert!(store.remove_gone().await.unwrap());
        assert_eq!(store.number("SELECT COUNT(*) FROM invocations").await, left);
    }
    assert!(store.remove_gone().await.unwrap());
    assert_eq!(store.number("SELECT COUNT(*) FROM scripts").await, 0);
    for left in [6, 2, 0] {
        assert!(store.remove_gone().await.unwrap());
        assert_eq!(store.number("SELECT COUNT(*) FROM kv").await, left, "of what is large only a few");
    }
    store.remove_all_gone().await;
    assert_eq!(store.number(ALL_TABLES).await, 0);
}

async fn what_is_left_in_the_middle_is_gone_on_with(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "1").await;
    record(store, app, &script, 600).await;
    store.delete_app(app).await.unwrap();
    assert!(store.remove_gone().await.unwrap());
    // Another process, which was never told.
    let other = store.another().await;
    while other.remove_gone().await.unwrap() {}
    assert_eq!(store.number(ALL_TABLES).await, 0);
    assert!(!store.remove_gone().await.unwrap());
}

async fn nodes_remove_side_by_side(store: &TestStore) {
    let other = store.another().await;
    for slug in ["a", "b", "c"] {
        let app = store.app(slug).await.id;
        let script = store.put(app, "s", "1").await;
        record(store, app, &script, 700).await;
        store.delete_app(app).await.unwrap();
    }
    let remove = async |store: &picloud_store::Store| {
        for _ in 0..30 {
            store.remove_gone().await.unwrap();
        }
    };
    tokio::join!(remove(&store.store), remove(&other), remove(&store.store));
    store.remove_all_gone().await;
    assert_eq!(store.number(ALL_TABLES).await, 0);
}

async fn what_is_deleted_while_it_is_written_is_removed_whole(store: &TestStore) {
    let other = store.another().await;
    for round in 0..5 {
        let app = store.app(&format!("app{round}")).await.id;
        let scripts = [store.put(app, "a", "1").await, store.put_script(app, busy("b")).await.unwrap().unwrap().script];
        let records = join_all((0..12).map(|n| {
            let store = if n % 2 == 0 { &store.store } else { &other };
            let batch: Vec<NewInvocation> = scripts.iter().map(|script| invocation(app, script)).collect();
            async move { store.record_all(&batch).await.unwrap() }
        }));
        let deletes = async {
            other.delete_script(app, &scripts[1].name, &Precondition::None).await.unwrap().unwrap();
            store.remove_gone().await.unwrap();
            other.delete_app(app).await.unwrap();
            while store.remove_gone().await.unwrap() {}
        };
        tokio::join!(records, deletes);
    }
    store.remove_all_gone().await;
    assert_eq!(store.number(ALL_TABLES).await, 0);
}
