//! Apps and who sees them.

use crate::fixture::{NOW, ROOM, TestStore, bearer, cases, unknown};
use futures_util::future::join_all;
use picloud_shared::{
    api::Role,
    cors::{Allowed, Cors, CorsSetting},
    ids::{AppId, UserId},
    limit_rules::{LimitName, LimitValues},
    limits::{APPS, USER_APPS},
    outbound::{AllowedHost, AllowedHosts},
};
use picloud_store::{AppChanges, CreateRefused, KvValue, NewApp, StoreError, UpdateRefused, User};

cases! {
    an_app_keeps_what_it_was_given
    a_slug_is_taken_once
    members_see_their_apps_and_administrators_all
    an_update_changes_what_is_given
    an_app_keeps_the_limits_that_it_sets
    an_app_keeps_the_hosts_that_it_may_reach
    what_is_private_is_opened_by_administrators_alone
    an_app_keeps_what_pages_of_other_origins_may_do
    a_deleted_app_leaves_nothing
    changes_are_counted
    an_owner_must_exist
    there_are_so_many_apps_and_no_more
}

fn new_app(slug: &str, owner: Option<UserId>) -> NewApp {
    NewApp { id: AppId::new(), slug: slug.parse().unwrap(), name: "N\0ame ü".to_owned(), debug: true, owner, now: NOW }
}

/// The same person as no administrator.
fn plain(admin: &User) -> User {
    User { admin: false, ..admin.clone() }
}

async fn an_app_keeps_what_it_was_given(store: &TestStore) {
    assert!(!store.has_apps().await.unwrap());
    let new = new_app("demo", None);
    let app = store.create_app(new.clone()).await.unwrap().unwrap();
    assert_eq!((app.id, &app.slug, &app.name, app.debug), (new.id, &new.slug, &new.name, true));
    assert_eq!((app.revision, app.created_at), (1, NOW));
    assert!(store.has_apps().await.unwrap());
}

async fn a_slug_is_taken_once(store: &TestStore) {
    let tries = (0..8).map(|_| store.create_app(new_app("demo", None)));
    let made = join_all(tries).await.into_iter().filter(|app| app.as_ref().unwrap().is_ok()).count();
    assert_eq!(made, 1);
    assert!(store.create_app(new_app("demo2", None)).await.unwrap().is_ok());
}

async fn members_see_their_apps_and_administrators_all(store: &TestStore) {
    let admin = store.admin().await;
    let user = plain(&admin);
    for (slug, owner) in [("b-1", Some(user.id)), ("c", None), ("b", Some(user.id)), ("b0", Some(user.id))] {
        store.create_app(new_app(slug, owner)).await.unwrap().unwrap();
    }
    let slugs = async |user: &User| -> Vec<String> {
        let memberships = store.apps_for(&bearer(user), None, 100).await.unwrap();
        assert!(memberships.iter().all(|m| m.role == Role::Owner));
        memberships.into_iter().map(|m| m.app.slug.to_string()).collect()
    };
    assert_eq!(slugs(&user).await, ["b", "b-1", "b0"]);
    assert_eq!(slugs(&admin).await, ["b", "b-1", "b0", "c"]);
    assert!(store.app_for(&bearer(&user), &"c".parse().unwrap()).await.unwrap().is_none());
    assert!(store.app_for(&bearer(&admin), &"missing".parse().unwrap()).await.unwrap().is_none());
    assert_eq!(store.app_for(&bearer(&admin), &"c".parse().unwrap()).await.unwrap().unwrap().role, Role::Owner);

    store.execute("UPDATE memberships SET role = 'viewer'").await;
    assert_eq!(store.app_for(&bearer(&user), &"b".parse().unwrap()).await.unwrap().unwrap().role, Role::Viewer);
    let stranger = User { id: UserId::new(), ..user };
    assert!(store.apps_for(&bearer(&stranger), None, 100).await.unwrap().is_empty());
}

async fn an_update_changes_what_is_given(store: &TestStore) {
    let app = store.app("demo").await;
    assert_eq!(app.limits, LimitValues::default());
    let rename = AppChanges { name: Some("other\0".to_owned()), ..AppChanges::default() };
    let renamed = store.update_app(app.id, rename).await.unwrap().unwrap();
    assert_eq!((renamed.name.as_str(), renamed.debug, renamed.revision), ("other\0", false, 2));
    let debugged = store.update_app(app.id, debug()).await.unwrap().unwrap();
    assert_eq!((debugged.name.as_str(), debugged.debug, debugged.revision), ("other\0", true, 3));
    assert_eq!(store.update_app(unknown().0, debug()).await.unwrap(), Err(UpdateRefused::NoSuchApp));
}

fn debug() -> AppChanges {
    AppChanges { debug: Some(true), ..AppChanges::default() }
}

async fn an_app_keeps_the_limits_that_it_sets(store: &TestStore) {
    let app = store.app("demo").await;
    let change = async |name: LimitName, value: Option<i64>| {
        let changes = AppChanges { limits: [(name, value)].into(), ..AppChanges::default() };
        store.update_app(app.id, changes).await.unwrap().unwrap()
    };
    // All at once: none is lost.
    let values: Vec<_> = LimitName::ALL.into_iter().zip(1..).collect();
    join_all(values.iter().map(|&(name, value)| change(name, Some(value)))).await;
    let all = LimitValues(values.into_iter().collect());
    assert_eq!(store.deployment(&app.slug).await.unwrap().unwrap().app.limits, all);
    let admin = store.admin().await;
    assert_eq!(store.app_for(&bearer(&admin), &app.slug).await.unwrap().unwrap().app.limits, all);

    let less = all.changed(&[(LimitName::Fuel, None)].into());
    assert_eq!(change(LimitName::Fuel, None).await.limits, less);
    // A change of anything else leaves them.
    assert_eq!(store.update_app(app.id, debug()).await.unwrap().unwrap().limits, less);
    assert_eq!(store.apps_for(&bearer(&admin), None, 100).await.unwrap()[0].app.limits, less);
}

async fn an_app_keeps_the_hosts_that_it_may_reach(store: &TestStore) {
    let app = store.app("demo").await;
    assert_eq!(app.outbound, AllowedHosts::default());
    let hosts: AllowedHosts = vec!["*.example.com:81".parse().unwrap(), "[::1]:9".parse().unwrap()].into();
    let admin = store.admin().await;
    let changes = AppChanges { outbound: Some(hosts.clone()), opened_by: Some(admin.id), ..AppChanges::default() };
    assert_eq!(store.update_app(app.id, changes).await.unwrap().unwrap().outbound, hosts);
    // A change of anything else leaves them.
    assert_eq!(store.update_app(app.id, debug()).await.unwrap().unwrap().outbound, hosts);
    assert_eq!(store.deployment(&app.slug).await.unwrap().unwrap().app.outbound, hosts);
    assert_eq!(store.app_for(&bearer(&admin), &app.slug).await.unwrap().unwrap().app.outbound, hosts);
    let none = AppChanges { outbound: Some(AllowedHosts::default()), ..AppChanges::default() };
    assert_eq!(store.update_app(app.id, none).await.unwrap().unwrap().outbound, AllowedHosts::default());
}

async fn what_is_private_is_opened_by_administrators_alone(store: &TestStore) {
    let app = store.app("demo").await.id;
    let admin = store.admin().await;
    let [private, public] = ["10.0.0.7", "example.com"].map(|host| host.parse::<AllowedHost>().unwrap());
    let user = store.user(&admin, "ada", false).await.id;
    let set = async |hosts: &[AllowedHost], opened_by| {
        let changes = AppChanges { outbound: Some(hosts.to_vec().into()), opened_by, ..AppChanges::default() };
        store.update_app(app, changes).await.unwrap().map(|app| app.outbound)
    };
    let (opened, closed) = ([private.clone()], [public.clone()]);
    // An administrator who is none any more is nobody.
    for by in [None, Some(user), Some(UserId::new())] {
        assert_eq!(set(&opened, by).await, Err(UpdateRefused::Private(private.clone())));
    }
    assert_eq!(set(&opened, Some(admin.id)).await, Ok(opened.to_vec().into()));
    let both = [public, private.clone()];
    assert_eq!(set(&both, None).await, Ok(both.to_vec().into()), "what was opened may be kept");
    assert_eq!(set(&closed, None).await, Ok(closed.to_vec().into()));
    assert_eq!(set(&both, None).await, Err(UpdateRefused::Private(private)), "what was closed is not opened again");
}

async fn an_app_keeps_what_pages_of_other_origins_may_do(store: &TestStore) {
    let app = store.app("demo").await;
    assert_eq!(app.cors, CorsSetting(None));
    let set = CorsSetting(Some(Cors { max_age: 7, ..Cors::of(vec![Allowed::All]) }));
    let change = async |cors: &CorsSetting| {
        let changes = AppChanges { cors: Some(cors.clone()), ..AppChanges::default() };
        store.update_app(app.id, changes).await.unwrap().unwrap().cors
    };
    assert_eq!(change(&set).await, set);
    // A change of anything else leaves it.
    assert_eq!(store.update_app(app.id, debug()).await.unwrap().unwrap().cors, set);
    assert_eq!(store.deployment(&app.slug).await.unwrap().unwrap().app.cors, set);
    assert_eq!(store.app_for(&bearer(&store.admin().await), &app.slug).await.unwrap().unwrap().app.cors, set);
    assert_eq!(change(&CorsSetting(None)).await, CorsSetting(None));
}

async fn a_deleted_app_leaves_nothing(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.create_app(new_app("demo", Some(admin.id))).await.unwrap().unwrap();
    let script = store.put(app.id, "greet", "1").await;
    store.kv_set(app.id, b"k", KvValue { json: true, data: b"1".to_vec() }, None, ROOM).await.unwrap().unwrap();
    store.record_all(&[crate::invocations::invocation(app.id, &script)]).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM logs").await, 2);

    assert!(store.delete_app(app.id).await.unwrap());
    assert!(!store.delete_app(app.id).await.unwrap());
    store.remove_all_gone().await;
    let left = store
        .number(
            "SELECT (SELECT COUNT(*) FROM apps) + (SELECT COUNT(*) FROM memberships) + (SELECT COUNT(*) FROM scripts)
                + (SELECT COUNT(*) FROM versions) + (SELECT COUNT(*) FROM routes) + (SELECT COUNT(*) FROM kv)
                + (SELECT COUNT(*) FROM invocations) + (SELECT COUNT(*) FROM logs)",
        )
        .await;
    assert_eq!(left, 0);
}

async fn changes_are_counted(store: &TestStore) {
    let mut seen = store.revision();
    let mut grew = |what: &str| {
        let now = store.revision();
        assert!(now > seen, "{what}");
        seen = now;
    };
    let app = store.app("demo").await;
    grew("create");
    store.put(app.id, "greet", "1").await;
    grew("put");
    store.put(app.id, "greet", "2").await;
    store.rollback(app.id, &"greet".parse().unwrap(), None).await.unwrap().unwrap();
    grew("rollback");
    store.update_app(app.id, debug()).await.unwrap().unwrap();
    grew("update");
    store.delete_script(app.id, &"greet".parse().unwrap()).await.unwrap().unwrap();
    grew("delete script");
    assert_eq!(store.app_revision(&app.slug).await.unwrap(), Some((app.id, 6)));
    store.delete_app(app.id).await.unwrap();
    grew("delete app");
    assert_eq!(store.app_revision(&app.slug).await.unwrap(), None);
}

async fn an_owner_must_exist(store: &TestStore) {
    let result = store.create_app(new_app("demo", Some(UserId::new()))).await;
    assert!(matches!(result, Err(StoreError::Database(_))));
    assert!(!store.has_apps().await.unwrap());
}

async fn there_are_so_many_apps_and_no_more(store: &TestStore) {
    let admin = store.admin().await;
    let eve = store.user(&admin, "eve", false).await;
    for n in 0..USER_APPS {
        store.create_app(new_app(&format!("eve-{n}"), Some(eve.id))).await.unwrap().unwrap();
    }
    // At once, for the last place.
    let [one, more] = ["one", "more"].map(|slug| new_app(slug, Some(eve.id)));
    let first = store.deployment(&"eve-0".parse().unwrap()).await.unwrap().unwrap().app.id;
    let third = new_app("third", Some(eve.id));
    // Giving one away makes no room, nor does deleting one until it is removed.
    store.set_member(first, &admin.username, Role::Owner, eve.id).await.unwrap().unwrap();
    store.remove_member(first, &eve.username, eve.id).await.unwrap().unwrap();
    assert_eq!(store.create_app(third.clone()).await.unwrap(), Err(CreateRefused::TooManyOfUser));
    store.delete_app(first).await.unwrap();
    assert_eq!(store.create_app(third).await.unwrap(), Err(CreateRefused::TooManyOfUser));
    while store.remove_gone().await.unwrap() {}
    let (one, more) = tokio::join!(store.create_app(one), store.create_app(more));
    let refused = [one.unwrap(), more.unwrap()].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(refused, [CreateRefused::TooManyOfUser]);
    store.create_app(new_app("admins", Some(admin.id))).await.unwrap().unwrap();

    store
        .execute(
            "INSERT INTO apps (id, slug, name, debug, revision, created_at)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 9899)
             SELECT CAST(n AS TEXT), CAST(n AS TEXT), a.name, FALSE, 1, 1 FROM numbers, (SELECT name FROM apps LIMIT 1) a",
        )
        .await;
    assert_eq!(store.number("SELECT COUNT(*) FROM apps WHERE NOT gone").await, APPS);
    assert_eq!(store.create_app(new_app("last", Some(admin.id))).await.unwrap(), Err(CreateRefused::TooMany));
}
