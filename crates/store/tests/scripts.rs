//! Scripts, their versions, and the routes that come and go with them.

use crate::fixture::{NOW, TestStore, bearer, cases, routed, routes, unknown, version};
use futures_util::future::join_all;
use picloud_shared::{
    ids::{AppId, UserId},
    precondition::Precondition,
};
use picloud_store::{DeleteRefused, NewVersion, Put, PutRefused, RollbackRefused, StoreError, Version};

cases! {
    a_new_script_gets_its_default_route
    sources_come_back_byte_for_byte
    the_same_again_changes_nothing
    routes_stay_when_none_are_given
    racing_puts_get_consecutive_numbers
    racing_puts_of_one_route_have_one_winner
    a_conflicting_put_leaves_nothing
    a_route_cannot_stand_twice
    a_rollback_brings_source_and_routes_back
    a_rollback_skips_what_was_rolled_back_before
    a_second_rollback_goes_forward_again
    what_changes_nothing_leaves_the_way_back
    a_rollback_from_an_unknown_past_goes_one_below
    a_rollback_into_a_taken_route_is_refused
    a_rollback_needs_its_version
    versions_are_listed_newest_first
    a_version_has_its_source
    old_versions_go_but_for_those_that_are_needed
    an_app_has_so_many_scripts_and_no_more
    scripts_are_listed_by_the_bytes_of_their_names
    a_deleted_script_frees_its_routes
    apps_do_not_share_scripts
    what_is_unknown_is_refused
    corrupt_rows_are_errors
}

async fn a_new_script_gets_its_default_route(store: &TestStore) {
    let app = store.app("demo").await;
    let script = store.put(app.id, "greet", "1").await;
    assert_eq!(script.routes, routes(&["ANY /greet"]));
    assert_eq!((script.version.number, script.version.active, script.version.created_at), (1, true, NOW));
    assert_eq!(store.put(app.id, "lib/util", "1").await.routes, []);
    let nowhere = store.put_script(app.id, routed("nowhere", "1", &[])).await.unwrap().unwrap();
    assert_eq!((nowhere.script.routes, nowhere.created), (Vec::new(), true));
    assert_eq!(store.script_head(app.id, &script.name).await.unwrap(), Some(script.clone()));
    assert_eq!(store.script(app.id, &"greet".parse().unwrap()).await.unwrap(), Some((script, "1".to_owned())));
}

async fn sources_come_back_byte_for_byte(store: &TestStore) {
    let app = store.app("demo").await;
    for source in ["", "a\0b", "ü\u{10ffff}\u{feff}\r\n", &"x".repeat(256 << 10)] {
        let script = store.put(app.id, "s", source).await;
        assert_eq!(store.script(app.id, &script.name).await.unwrap().unwrap().1, source);
        assert_eq!(store.source(script.version.id).await.unwrap(), source);
    }
    assert_eq!(store.source(unknown().2).await, None);
}

async fn the_same_again_changes_nothing(store: &TestStore) {
    let app = store.app("demo").await;
    let first = store.put(app.id, "greet", "1").await;
    let revision = store.app_revision(&app.slug).await.unwrap();
    let later = NewVersion { now: NOW + 1, ..routed("greet", "1", &["ANY /greet"]) };
    let again = store.put_script(app.id, later).await.unwrap().unwrap();
    assert_eq!(again, Put { script: first, created: false });
    assert_eq!(store.app_revision(&app.slug).await.unwrap(), revision);
    let second = store.put_script(app.id, routed("greet", "1", &[])).await.unwrap().unwrap();
    assert_eq!((second.script.version.number, second.created), (2, false));
}

async fn routes_stay_when_none_are_given(store: &TestStore) {
    let app = store.app("demo").await;
    let given = ["GET /a/{id}", "POST /a", "ANY /{*rest}"];
    store.put_script(app.id, routed("greet", "1", &given)).await.unwrap().unwrap();
    let second = store.put(app.id, "greet", "2").await;
    assert_eq!(second.routes, routes(&given));
    assert_eq!(store.deployment(&app.slug).await.unwrap().unwrap().routes.len(), 3);
}

async fn racing_puts_get_consecutive_numbers(store: &TestStore) {
    let app = store.app("demo").await;
    let other = store.another().await;
    let puts = (0..24).map(|n| {
        let store = if n % 2 == 0 { &store.store } else { &other };
        store.put_script(app.id, version("greet", &format!("{n}")), &Precondition::None)
    });
    let mut numbers: Vec<i64> =
        join_all(puts).await.into_iter().map(|put| put.unwrap().unwrap().script.version.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=24).collect::<Vec<_>>());
    let (script, source) = store.script(app.id, &"greet".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(script.version.number, 24);
    assert_eq!(store.source(script.version.id).await, Some(source));
    assert_eq!(store.app_revision(&app.slug).await.unwrap(), Some((app.id, 25)));
}

async fn racing_puts_of_one_route_have_one_winner(store: &TestStore) {
    let app = store.app("demo").await;
    let other = store.another().await;
    let puts = (0..12).map(|n| {
        let store = if n % 2 == 0 { &store.store } else { &other };
        store.put_script(app.id, routed(&format!("s{n}"), "1", &["GET /same"]), &Precondition::None)
    });
    let outcomes: Vec<_> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
    let winner = outcomes.iter().find_map(|outcome| outcome.as_ref().ok()).unwrap();
    for outcome in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let expected =
            PutRefused::RouteConflict { route: "GET /same".parse().unwrap(), script: winner.script.name.clone() };
        assert_eq!(*outcome, expected);
    }
    assert_eq!(store.scripts(app.id).await.unwrap().len(), 1);
}

async fn a_conflicting_put_leaves_nothing(store: &TestStore) {
    let app = store.app("demo").await;
    store.put_script(app.id, routed("users", "1", &["GET /users/{id}"])).await.unwrap().unwrap();
    let before = store.put_script(app.id, routed("other", "1", &["GET /other"])).await.unwrap().unwrap().script;
    let (revision, app_revision) = (store.revision(), store.app_revision(&app.slug).await.unwrap());
    for name in ["new", "other"] {
        let put = store.put_script(app.id, routed(name, "2", &["GET /fine", "GET /users/{name}"])).await.unwrap();
        let expected =
            PutRefused::RouteConflict { route: "GET /users/{name}".parse().unwrap(), script: "users".parse().unwrap() };
        assert_eq!(put.unwrap_err(), expected);
    }
    assert_eq!((store.revision(), store.app_revision(&app.slug).await.unwrap()), (revision, app_revision));
    assert_eq!(store.script(app.id, &"new".parse().unwrap()).await.unwrap(), None);
    assert_eq!(store.script(app.id, &before.name).await.unwrap(), Some((before.clone(), "1".to_owned())));
    assert_eq!(store.versions(app.id, &before.name).await.unwrap().unwrap().len(), 1);
    let deployed = store.deployment(&app.slug).await.unwrap().unwrap();
    let mut deployed: Vec<String> = deployed.routes.iter().map(|r| r.route.to_string()).collect();
    deployed.sort();
    assert_eq!(deployed, ["GET /other", "GET /users/{id}"]);
}

async fn a_route_cannot_stand_twice(store: &TestStore) {
    let app = store.app("demo").await;
    let put = store.put_script(app.id, routed("s", "1", &["GET /{a}", "POST /{a}", "GET /{b}"])).await.unwrap();
    assert_eq!(put.unwrap_err(), PutRefused::RouteTwice("GET /{b}".parse().unwrap()));
    assert!(store.scripts(app.id).await.unwrap().is_empty());
}

async fn a_rollback_brings_source_and_routes_back(store: &TestStore) {
    let app = store.app("demo").await;
    let name = "greet".parse().unwrap();
    let first =
        store.put_script(app.id, routed("greet", "1", &["GET /old", "GET /older"])).await.unwrap().unwrap().script;
    store.put_script(app.id, routed("greet", "2", &["GET /new"])).await.unwrap().unwrap();
    let third = store.put(app.id, "greet", "3").await;

    assert_eq!(store.rollback(app.id, &name, Some(1)).await.unwrap().unwrap(), first);
    assert_eq!(store.script(app.id, &name).await.unwrap(), Some((first.clone(), "1".to_owned())));
    let deployment = store.deployment(&app.slug).await.unwrap().unwrap();
    assert!(deployment.routes.iter().all(|r| r.version == first.version.id && r.number == 1));
    assert_eq!(deployment.routes.len(), 2);

    assert_eq!(store.rollback(app.id, &name, Some(3)).await.unwrap().unwrap(), third);
    assert_eq!(store.rollback(app.id, &name, None).await.unwrap().unwrap(), first);
    assert_eq!(store.script(app.id, &name).await.unwrap(), Some((first, "1".to_owned())));
}

/// Rolls `greet` back without a number; the number of the version that answers then.
async fn roll_back(store: &TestStore, app: AppId) -> i64 {
    store.rollback(app, &"greet".parse().unwrap(), None).await.unwrap().unwrap().version.number
}

async fn a_rollback_skips_what_was_rolled_back_before(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.put(app, "greet", "good").await;
    for (number, bad) in [(2, "bad"), (3, "worse"), (4, "bad")] {
        assert_eq!(store.put(app, "greet", bad).await.version.number, number);
        assert_eq!(roll_back(store, app).await, 1);
    }
}

async fn a_second_rollback_goes_forward_again(store: &TestStore) {
    let app = store.app("demo").await.id;
    for source in ["1", "2", "3"] {
        store.put(app, "greet", source).await;
    }
    assert_eq!(roll_back(store, app).await, 2);
    assert_eq!(roll_back(store, app).await, 3);
    store.rollback(app, &"greet".parse().unwrap(), Some(1)).await.unwrap().unwrap();
    assert_eq!(roll_back(store, app).await, 3);
    assert_eq!(roll_back(store, app).await, 1);
}

async fn what_changes_nothing_leaves_the_way_back(store: &TestStore) {
    let app = store.app("demo").await.id;
    let name = "greet".parse().unwrap();
    for source in ["1", "2", "3"] {
        store.put(app, "greet", source).await;
    }
    store.rollback(app, &name, Some(1)).await.unwrap().unwrap();
    store.put_script(app, routed("thief", "1", &["GET /x"])).await.unwrap().unwrap();

    assert_eq!(store.put(app, "greet", "1").await.version.number, 1);
    store.rollback(app, &name, Some(1)).await.unwrap().unwrap();
    store.rollback(app, &name, Some(9)).await.unwrap().unwrap_err();
    store.put_script(app, routed("greet", "4", &["GET /x"])).await.unwrap().unwrap_err();
    assert_eq!(roll_back(store, app).await, 3);
}

async fn a_rollback_from_an_unknown_past_goes_one_below(store: &TestStore) {
    let app = store.app("demo").await.id;
    for source in ["1", "2", "3"] {
        store.put(app, "greet", source).await;
    }
    store.rollback(app, &"greet".parse().unwrap(), Some(1)).await.unwrap().unwrap();
    store.rollback(app, &"greet".parse().unwrap(), Some(3)).await.unwrap().unwrap();
    // As the migration leaves the scripts that it finds.
    store.execute("UPDATE scripts SET previous = NULL").await;
    assert_eq!(roll_back(store, app).await, 2);
    assert_eq!(roll_back(store, app).await, 3);
}

async fn a_rollback_into_a_taken_route_is_refused(store: &TestStore) {
    let app = store.app("demo").await;
    let name = "greet".parse().unwrap();
    store.put_script(app.id, routed("greet", "1", &["GET /x"])).await.unwrap().unwrap();
    let second = store.put_script(app.id, routed("greet", "2", &["GET /y"])).await.unwrap().unwrap().script;
    store.put_script(app.id, routed("thief", "1", &["GET /x"])).await.unwrap().unwrap();
    let deployment = store.deployment(&app.slug).await.unwrap();
    let refused = store.rollback(app.id, &name, None).await.unwrap().unwrap_err();
    let expected =
        RollbackRefused::RouteConflict { route: "GET /x".parse().unwrap(), script: "thief".parse().unwrap() };
    assert_eq!(refused, expected);
    assert_eq!(store.script(app.id, &name).await.unwrap(), Some((second, "2".to_owned())));
    assert_eq!(store.deployment(&app.slug).await.unwrap(), deployment);
}

async fn a_rollback_needs_its_version(store: &TestStore) {
    let app = store.app("demo").await;
    let name = "greet".parse().unwrap();
    let refused = async |number| store.rollback(app.id, &name, number).await.unwrap().unwrap_err();
    assert_eq!(refused(None).await, RollbackRefused::NoSuchScript);
    let first = store.put(app.id, "greet", "1").await;
    for number in [None, Some(0), Some(2), Some(-1), Some(i64::MAX), Some(i64::MIN)] {
        assert_eq!(refused(number).await, RollbackRefused::NoSuchVersion, "{number:?}");
    }
    assert_eq!(store.rollback(app.id, &name, Some(1)).await.unwrap().unwrap(), first);
}

async fn versions_are_listed_newest_first(store: &TestStore) {
    let app = store.app("demo").await;
    let name = "greet".parse().unwrap();
    for source in ["1", "2", "3"] {
        store.put(app.id, "greet", source).await;
    }
    store.rollback(app.id, &name, None).await.unwrap().unwrap();
    let versions = store.versions(app.id, &name).await.unwrap().unwrap();
    let listed: Vec<(i64, bool)> = versions.iter().map(|v| (v.number, v.active)).collect();
    assert_eq!(listed, [(3, false), (2, true), (1, false)]);
    assert_eq!(store.versions(app.id, &"missing".parse().unwrap()).await.unwrap(), None);
}

async fn scripts_are_listed_by_the_bytes_of_their_names(store: &TestStore) {
    let app = store.app("demo").await;
    for name in ["b", "a-b", "B", "a", "a/b", "lib/x", "_", "a.b", "ab"] {
        store.put(app.id, name, "1").await;
    }
    let names: Vec<String> = store.scripts(app.id).await.unwrap().iter().map(|s| s.name.to_string()).collect();
    assert_eq!(names, ["B", "_", "a", "a-b", "a.b", "a/b", "ab", "b", "lib/x"]);
}

async fn a_version_has_its_source(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    let first = store.put(app.id, "s", "1\0").await;
    let second = store.put(app.id, "s", "2").await;
    let version = async |app, number| store.version(app, &first.name, number).await.unwrap();
    let before = Version { active: false, ..first.version.clone() };
    assert_eq!(version(app.id, 1).await, Some((before, "1\0".to_owned())));
    assert_eq!(version(app.id, 2).await, Some((second.version, "2".to_owned())));
    for (app, number) in [(app.id, 0), (app.id, 3), (app.id, i64::MIN), (other.id, 1)] {
        assert_eq!(version(app, number).await, None);
    }
}

async fn a_deleted_script_frees_its_routes(store: &TestStore) {
    let app = store.app("demo").await;
    let name = "greet".parse().unwrap();
    let old = store.put(app.id, "greet", "1").await;
    store.put(app.id, "greet", "2").await;
    store.delete_script(app.id, &name).await.unwrap().unwrap();
    assert_eq!(store.delete_script(app.id, &name).await.unwrap(), Err(DeleteRefused::NoSuchScript));
    assert_eq!(store.source(old.version.id).await, None);
    store.put_script(app.id, routed("other", "1", &["ANY /greet"])).await.unwrap().unwrap();
    let new = store.put_script(app.id, routed("greet", "1", &[])).await.unwrap().unwrap().script;
    assert_eq!(new.version.number, 1);
    assert_ne!(new.id, old.id);
}

async fn apps_do_not_share_scripts(store: &TestStore) {
    let (one, two) = (store.app("one").await, store.app("two").await);
    store.put(one.id, "greet", "1").await;
    store.put(two.id, "greet", "2").await;
    let name = "greet".parse().unwrap();
    store.delete_script(one.id, &name).await.unwrap().unwrap();
    assert_eq!(store.script(two.id, &name).await.unwrap().unwrap().1, "2");
    assert!(store.deployment(&one.slug).await.unwrap().unwrap().routes.is_empty());
}

async fn what_is_unknown_is_refused(store: &TestStore) {
    let nobody = unknown().0;
    let name = "greet".parse().unwrap();
    assert_eq!(store.put_script(nobody, version("greet", "1")).await.unwrap().unwrap_err(), PutRefused::NoSuchApp);
    assert_eq!(store.delete_script(nobody, &name).await.unwrap(), Err(DeleteRefused::NoSuchScript));
    assert!(store.scripts(nobody).await.unwrap().is_empty());
    assert_eq!(store.script(nobody, &name).await.unwrap(), None);
    assert_eq!(store.script_head(nobody, &name).await.unwrap(), None);

    let app = store.app("demo").await;
    let ghost = NewVersion { author: Some(UserId::new()), ..version("greet", "1") };
    assert!(matches!(store.put_script(app.id, ghost).await, Err(StoreError::Database(_))));
    assert!(store.scripts(app.id).await.unwrap().is_empty());
}

async fn corrupt_rows_are_errors(store: &TestStore) {
    let app = store.app("demo").await;
    let script = store.put(app.id, "greet", "1").await;
    store.execute("UPDATE versions SET routes = '[\"GET\"]'").await;
    assert!(matches!(store.scripts(app.id).await, Err(StoreError::Corrupt(_))));
    assert!(matches!(store.put_script(app.id, version("greet", "2")).await, Err(StoreError::Corrupt(_))));
    store.execute("UPDATE versions SET routes = '[]', id = 'x'").await;
    assert!(matches!(store.versions(app.id, &script.name).await, Err(StoreError::Corrupt(_))));
    store.execute("UPDATE routes SET route = 'nonsense'").await;
    assert!(matches!(store.deployment(&app.slug).await, Err(StoreError::Corrupt(_))));
    store.execute("UPDATE scripts SET name = '/'").await;
    assert!(matches!(store.scripts(app.id).await, Err(StoreError::Corrupt(_))));
    store.execute("UPDATE apps SET slug = 'A B'").await;
    let admin = store.admin().await;
    assert!(matches!(store.apps_for(&bearer(&admin), None, 100).await, Err(StoreError::Corrupt(_))));
}

async fn old_versions_go_but_for_those_that_are_needed(store: &TestStore) {
    let app = store.app("demo").await.id;
    let script = store.put(app, "s", "0").await;
    store.put(app, "s", "1").await;
    // Number 3 stays the one before, whatever comes.
    store.put(app, "s", "2").await;
    for n in 3..110 {
        store.put(app, "s", &n.to_string()).await;
    }
    let numbers = async || -> Vec<i64> {
        store.versions(app, &script.name).await.unwrap().unwrap().iter().map(|version| version.number).collect()
    };
    assert_eq!(numbers().await, (11..=110).rev().collect::<Vec<_>>());
    // The one before the active one stays however old it is.
    store.rollback(app, &script.name, Some(11)).await.unwrap().unwrap();
    store.put(app, "s", "new").await;
    let kept = numbers().await;
    assert_eq!((kept.len(), kept[0], kept[99], kept[100..].to_vec()), (101, 111, 12, vec![11]));
    assert_eq!(store.rollback(app, &script.name, None).await.unwrap().unwrap().version.number, 11);
    store.put(app, "s", "newer").await;
    store.put(app, "s", "newest").await;
    assert!(!numbers().await.contains(&11), "nobody needs it any more");
    // What ran with a version that is gone keeps its number.
    assert_eq!(store.rollback(app, &script.name, Some(1)).await.unwrap(), Err(RollbackRefused::NoSuchVersion));
}

async fn an_app_has_so_many_scripts_and_no_more(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.put(app, "s", "1").await;
    store
        .execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
             INSERT INTO scripts (id, app_id, name, active)
                SELECT 'id' || CAST(i AS TEXT), (SELECT id FROM apps), 'name' || CAST(i AS TEXT), 1 FROM n",
        )
        .await;
    let refused = store.put_script(app, version("one_more", "1")).await.unwrap();
    assert_eq!(refused, Err(PutRefused::TooManyScripts));
    assert!(store.put_script(app, version("s", "2")).await.unwrap().is_ok(), "what is there goes on");
    let other = store.app("other").await.id;
    assert!(store.put_script(other, version("one_more", "1")).await.unwrap().is_ok());
}
