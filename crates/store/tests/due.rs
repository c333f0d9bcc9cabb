//! Which apps have something due, where one of them cannot be read. What is found however much others have is in `topics`.

use crate::{
    fixture::{TestStore, cases},
    topics::{event, subscribed},
};
use picloud_shared::ids::AppId;
use picloud_store::NewEvent;

cases! {
    an_app_that_cannot_be_read_holds_up_no_other
}

/// 150 deliveries of the app `spoiled`, more than one look goes through: due long ago, and made due by [`LATER`] in a minute.
const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
    INSERT INTO deliveries (id, app_id, script_id, topic, seq, payload, depth, not_before, due_at)
    SELECT 'filler-' || n.i, s.app_id, s.id, 't', n.i, '1', 1, 0, n.i
    FROM n, scripts s JOIN apps a ON a.id = s.app_id WHERE a.slug = 'spoiled'";
const LATER: &str =
    "UPDATE deliveries SET due_at = (SELECT MAX(due_at) - 60000 FROM deliveries) WHERE id LIKE 'filler-%'";
/// Some are due, and others not yet.
const SOME_LATER: &str = "UPDATE deliveries SET due_at = 1 WHERE id LIKE 'filler-1%'";

async fn an_app_that_cannot_be_read_holds_up_no_other(store: &TestStore) {
    let (spoiled, other) = (store.app("spoiled").await.id, store.app("other").await.id);
    for app in [spoiled, other] {
        store.put_script(app, subscribed("a", &["t"])).await.unwrap().unwrap();
    }
    let later = NewEvent { delay_ms: 120_000, ..event("t", None, "1") };
    store.publish(other, later).await.unwrap().unwrap();
    let found = async || {
        let due = store.apps_with_deliveries().await.unwrap();
        for why in &due.unreadable {
            assert!(why.contains(&spoiled.to_string()), "{why}");
        }
        let apps: Vec<AppId> = due.apps.iter().map(|one| one.app).collect();
        assert!(due.apps.iter().all(|one| one.app != other || (100_000..=120_000).contains(&one.due_in_ms)), "{due:?}");
        (apps, due.unreadable.len())
    };
    store.publish(spoiled, event("t", None, "1")).await.unwrap().unwrap();
    assert_eq!(found().await, (vec![spoiled, other], 0));
    let spoil = [
        r#"UPDATE apps SET limits = '{"of_a_newer_program": 1}' WHERE slug = 'spoiled'"#,
        "UPDATE apps SET limits = '{}', outbound = 'nonsense' WHERE slug = 'spoiled'",
    ];
    for spoil in spoil {
        store.execute(spoil).await;
        assert_eq!(found().await, (vec![other], 1));
        store.execute(MANY).await;
        assert_eq!(found().await, (vec![other], 1));
        store.execute(LATER).await;
        assert_eq!(found().await, (vec![other], 1));
        store.execute(SOME_LATER).await;
        assert_eq!(found().await, (vec![other], 1));
        store.execute("DELETE FROM deliveries WHERE id LIKE 'filler-%'").await;
    }
    store.execute("UPDATE apps SET outbound = '[]' WHERE slug = 'spoiled'").await;
    assert_eq!(found().await, (vec![spoiled, other], 0), "somebody has mended it");
}
