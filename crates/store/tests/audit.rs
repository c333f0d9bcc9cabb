//! The audit log: an entry for each change, and none without one.

use crate::fixture::{NOW, ROOM, TestStore, cases, version};
use picloud_shared::{
    api::Role,
    ids::{AppId, AuditId, DeliveryId, TokenId},
    limits::{AUDIT_ENTRIES, AUDIT_ENTRIES_OF_USER},
    names::Username,
    precondition::Precondition,
};
use picloud_store::{AppChanges, AuditEntry, AuditFilter, KvValue, NewRelease, Store, User, UserChanges};
use serde_json::json;

cases! {
    an_entry_is_kept_as_it_was_given
    each_change_has_one_entry_and_what_changes_nothing_none
    entries_are_found_by_app_actor_and_action
    who_was_deleted_is_named_still
    entries_are_removed_after_a_year
    the_newest_entries_are_kept_and_no_more
    who_changes_much_pushes_nobody_else_out
}

/// Whatever is there.
const ANY: Precondition = Precondition::None;

fn entry(action: &str, at: i64) -> AuditEntry {
    let action = action.to_owned();
    AuditEntry { at, actor: None, token: None, address: None, action, app: None, target: None, detail: json!({}) }
}

fn by(user: &User, action: &str) -> AuditEntry {
    AuditEntry { actor: Some((user.id, user.username.clone())), ..entry(action, NOW) }
}

fn all() -> AuditFilter {
    AuditFilter { limit: 100, ..AuditFilter::default() }
}

async fn an_entry_is_kept_as_it_was_given(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.app("shop").await;
    for address in ["192.0.2.7", "2001:db8::7"] {
        let full = AuditEntry {
            token: Some(TokenId::new()),
            address: Some(address.parse().unwrap()),
            app: Some((app.id, app.slug.clone())),
            target: Some("lib/ütil".to_owned()),
            detail: json!({"text": "a\0b", "n": [1, null]}),
            ..by(&admin, "put_script")
        };
        store.note(full.clone()).await.unwrap();
        assert_eq!(store.audit(all()).await.unwrap()[0].1, full);
    }
    store.note(AuditEntry { target: Some("a\0b".to_owned()), ..entry("set_key", NOW) }).await.unwrap();
    assert_eq!(store.audit(all()).await.unwrap()[0].1.target.as_deref(), Some("a␀b"));
    store.note(entry("reset_password", NOW + 1)).await.unwrap();
    assert_eq!(store.audit(all()).await.unwrap()[0].1, entry("reset_password", NOW + 1));
}

async fn each_change_has_one_entry_and_what_changes_nothing_none(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.app("shop").await;
    let name = || "greet".parse().unwrap();
    let var = || "A".parse().unwrap();
    let path = || "a".parse().unwrap();
    let domain = || "a.example".parse().unwrap();
    let eve: Username = "eve".parse().unwrap();
    let mut seen = 0;
    let mut entries = async |what: &str, expected: usize| {
        let now = store.audit(all()).await.unwrap();
        assert_eq!(now.len() - seen, expected, "{what}");
        seen = now.len();
        assert!(expected == 0 || now[0].1.action == what, "{what}");
    };
    let audited = |what: &str| -> Store { store.audited(by(&admin, what)) };

    audited("read").apps_for(&crate::fixture::bearer(&admin), None, 100).await.unwrap();
    entries("read", 0).await;
    for (times, put) in [(1, "1"), (0, "1"), (1, "2")] {
        audited("put_script").put_script(app.id, version("greet", put), &ANY).await.unwrap().unwrap();
        entries("put_script", times).await;
    }
    audited("put_script").put_script(AppId::new(), version("greet", "1"), &ANY).await.unwrap().unwrap_err();
    entries("put_script", 0).await;
    audited("roll_back_script").rollback(app.id, &name(), None, &ANY).await.unwrap().unwrap();
    entries("roll_back_script", 1).await;
    for (times, _) in [(1, "there"), (0, "gone")] {
        let _ = audited("delete_script").delete_script(app.id, &name(), &ANY).await.unwrap();
        entries("delete_script", times).await;
    }
    for (times, dry_run) in [(0, true), (1, false), (0, false)] {
        let release = NewRelease { scripts: vec![version("greet", "3")], dry_run, ..NewRelease::at(NOW) };
        audited("deploy").deploy(app.id, release).await.unwrap().unwrap();
        entries("deploy", times).await;
    }
    let value = || KvValue { json: true, data: b"1".to_vec() };
    audited("set_key").kv_set(app.id, b"k", value(), None, ROOM).await.unwrap().unwrap();
    entries("set_key", 1).await;
    for (times, seen) in [(0, None), (1, Some(value()))] {
        let set = audited("set_key")
            .kv_compare_and_set(app.id, b"k", seen.as_ref(), (value(), None), NOW, ROOM)
            .await
            .unwrap();
        assert_eq!(set, Ok(times == 1));
        entries("set_key", times).await;
    }
    for times in [1, 0] {
        audited("delete_key").kv_delete(app.id, b"k", NOW).await.unwrap();
        entries("delete_key", times).await;
    }
    audited("set_var").set_var(app.id, &var(), "1", NOW).await.unwrap().unwrap();
    entries("set_var", 1).await;
    for times in [1, 0] {
        audited("delete_var").delete_var(app.id, &var()).await.unwrap();
        entries("delete_var", times).await;
    }
    audited("write_file").write_file(app.id, &path(), b"1", NOW).await.unwrap().unwrap();
    entries("write_file", 1).await;
    for times in [1, 0] {
        audited("delete_file").delete_file(app.id, &path()).await.unwrap();
        entries("delete_file", times).await;
    }
    for times in [1, 0] {
        audited("add_domain").add_domain(app.id, &domain(), NOW).await.unwrap().unwrap();
        entries("add_domain", times).await;
    }
    for times in [1, 0] {
        audited("remove_domain").remove_domain(app.id, &domain()).await.unwrap();
        entries("remove_domain", times).await;
    }
    audited("delete_secret").delete_secret(app.id, &"A".parse().unwrap()).await.unwrap();
    entries("delete_secret", 0).await;
    audited("delete_dead_letter").delete_dead_letter(app.id, DeliveryId::new()).await.unwrap();
    entries("delete_dead_letter", 0).await;
    let rename = AppChanges { name: Some("b".to_owned()), ..AppChanges::default() };
    audited("update_app").update_app(app.id, rename, &ANY).await.unwrap().unwrap();
    entries("update_app", 1).await;

    store.user(&admin, "eve", false).await;
    for times in [1, 0] {
        audited("set_member").set_member(app.id, &eve, Role::Viewer, admin.id).await.unwrap().unwrap();
        entries("set_member", times).await;
    }
    for times in [1, 0] {
        let _ = audited("remove_member").remove_member(app.id, &eve, admin.id).await.unwrap();
        entries("remove_member", times).await;
    }
    let changes = UserChanges { create_apps: Some(true), ..UserChanges::default() };
    for times in [1, 0] {
        audited("update_user").update_user(&eve, changes, admin.id).await.unwrap().unwrap();
        entries("update_user", times).await;
    }
    let demoted = UserChanges { admin: Some(false), ..UserChanges::default() };
    audited("update_user").update_user(&admin.username, demoted, admin.id).await.unwrap().unwrap_err();
    entries("update_user", 0).await;
    crate::invitations::invite(&audited("create_invitation"), &admin, [1; 32]).await.unwrap();
    entries("create_invitation", 1).await;
    for times in [1, 0] {
        let _ = audited("delete_user").delete_user(&eve, admin.id).await.unwrap();
        entries("delete_user", times).await;
    }
    for times in [1, 0] {
        audited("delete_app").delete_app(app.id).await.unwrap();
        entries("delete_app", times).await;
    }
    audited("setup").create_first_user(crate::fixture::new_user("second")).await.unwrap();
    entries("setup", 0).await;
}

async fn entries_are_found_by_app_actor_and_action(store: &TestStore) {
    let admin = store.admin().await;
    let eve = store.user(&admin, "eve", false).await;
    let (shop, other) = (store.app("shop").await, store.app("other").await);
    for n in 0..8 {
        let (user, app) = (if n % 2 == 0 { &admin } else { &eve }, if n % 4 < 2 { &shop } else { &other });
        let action = if n < 4 { "set_var" } else { "delete_var" };
        let target = Some(n.to_string());
        store.note(AuditEntry { app: Some((app.id, app.slug.clone())), target, ..by(user, action) }).await.unwrap();
    }
    let found = async |filter: AuditFilter| -> Vec<String> {
        store.audit(filter).await.unwrap().into_iter().filter_map(|(_, entry)| entry.target).collect()
    };
    assert_eq!(found(all()).await, ["7", "6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(found(AuditFilter { app: Some(shop.id), ..all() }).await, ["5", "4", "1", "0"]);
    assert_eq!(found(AuditFilter { actor: Some(eve.username.clone()), ..all() }).await, ["7", "5", "3", "1"]);
    assert_eq!(found(AuditFilter { action: Some("set_var".to_owned()), ..all() }).await, ["3", "2", "1", "0"]);
    let narrow =
        AuditFilter { app: Some(shop.id), actor: Some(eve.username), action: Some("delete_var".to_owned()), ..all() };
    assert_eq!(found(narrow).await, ["5"]);
    let before = store.audit(all()).await.unwrap()[2].0;
    assert_eq!(found(AuditFilter { before: Some(before), limit: 2, ..all() }).await, ["4", "3"]);
    // Another app of this slug has done nothing yet.
    store.delete_app(shop.id).await.unwrap();
    let again = store.app("shop").await;
    assert!(found(AuditFilter { app: Some(again.id), ..all() }).await.is_empty());
    assert_eq!(found(all()).await.len(), 8);
}

async fn who_was_deleted_is_named_still(store: &TestStore) {
    let admin = store.admin().await;
    let eve = store.user(&admin, "eve", false).await;
    store.note(by(&eve, "login")).await.unwrap();
    store.audited(by(&admin, "delete_user")).delete_user(&eve.username, admin.id).await.unwrap().unwrap();
    let entries = store.audit(AuditFilter { actor: Some(eve.username.clone()), ..all() }).await.unwrap();
    assert_eq!(entries[0].1.actor, Some((eve.id, eve.username)));
}

async fn the_newest_entries_are_kept_and_no_more(store: &TestStore) {
    let now = picloud_shared::time::now_ms();
    store.note(entry("first", now)).await.unwrap();
    // As old as that one, and before it.
    store
        .execute(
            "INSERT INTO audit (id, at, action, detail)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 500060)
             SELECT SUBSTR(a.id, 1, 13) || '-0-' || CAST(1000000 + n AS TEXT), 1, 'old', '{}'
             FROM numbers, (SELECT id FROM audit) AS a",
        )
        .await;
    for _ in 0..101 {
        store.note(entry("new", now)).await.unwrap();
    }
    let too_many = store.number("SELECT COUNT(*) FROM audit").await - AUDIT_ENTRIES;
    assert!((0..50).contains(&too_many), "{too_many} too many");
    let oldest = store.number("SELECT CAST(SUBSTR(MIN(id), 17) AS BIGINT) - 1000000 FROM audit").await;
    assert_eq!(oldest, 60 + 101 - too_many + 2, "the oldest went");
}

async fn who_changes_much_pushes_nobody_else_out(store: &TestStore) {
    let admin = store.admin().await;
    let eve = store.user(&admin, "eve", false).await;
    // More than may be, so that all that is taken away is to be seen.
    store
        .execute(
            "INSERT INTO audit (id, at, actor_id, actor, action, detail)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200050)
             SELECT '01900000-0000-7000-8000-00000' || CAST(1000000 + n AS TEXT), 1, u.id, u.username, 'set_var', '{}'
             FROM numbers, (SELECT id, username FROM users WHERE username = 'eve') AS u",
        )
        .await;
    let of_eve = "SELECT COUNT(*) FROM audit WHERE actor = 'eve'";
    for _ in 0..300 {
        store.note(by(&admin, "set_var")).await.unwrap();
        store.note(entry("set_var", NOW)).await.unwrap();
    }
    assert_eq!(store.number(of_eve).await, 200_050, "others' entries take nothing from them");
    let mut written = 0;
    while store.number(of_eve).await > AUDIT_ENTRIES_OF_USER {
        store.note(by(&eve, "set_var")).await.unwrap();
        written += 1;
        assert!(written < 2_000, "nobody looks");
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM audit WHERE actor = 'admin' OR actor IS NULL").await, 600);
}

/// Ids are made by the clock, which no test sets: old entries are moved there.
async fn entries_are_removed_after_a_year(store: &TestStore) {
    const YEAR: i64 = 366 * 86_400_000;
    for n in 0..250 {
        store.note(entry("old", n)).await.unwrap();
    }
    let (_, last) = store.audit(AuditFilter { limit: 1, ..all() }).await.unwrap().remove(0);
    assert_eq!(last.at, 249);
    // Some decades back.
    store.execute("UPDATE audit SET id = '00' || SUBSTR(id, 3)").await;
    let old = "SELECT COUNT(*) FROM audit WHERE action = 'old'";
    let now = picloud_shared::time::now_ms();
    for left in [150, 50, 0, 0] {
        store.note(entry("new", now)).await.unwrap();
        assert_eq!(store.number(old).await, left);
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM audit").await, 4);
    assert!(AuditId::least_at(now - YEAR) < store.audit(all()).await.unwrap()[3].0);
}
