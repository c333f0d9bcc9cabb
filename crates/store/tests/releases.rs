//! Deploying all scripts of an app at once: all or nothing, and back again.

use crate::fixture::{NOW, TestStore, cases, routed, routes, unknown, version};
use futures_util::future::join_all;
use picloud_shared::{
    api::{ChangeKind, Changes, Deployed, Role, ScriptChange},
    ids::{AppId, UserId},
    imports::ImportError,
    limit_rules::{LimitName, LimitValues},
    limits::{APP_SCHEDULES, APP_SCRIPTS, DEPLOY_BYTES, DEPLOY_TRIGGERS},
    names::TopicName,
    precondition::{Changed, Precondition},
    schedule::Schedule,
};
use picloud_store::{
    AppChanges, DeployRefused, LimitsBy, NewRelease, NewVersion, PutRefused, RELEASES, ReleaseContent,
};

cases! {
    a_release_is_the_whole_of_an_app
    a_dry_run_tells_and_changes_nothing
    a_refused_script_leaves_everything
    what_a_release_holds_is_bounded
    a_dry_run_frees_what_the_deploy_would
    limits_are_changed_by_owners_alone
    routes_may_go_from_one_script_to_another
    schedules_may_go_from_one_script_to_another
    scripts_that_import_each_other_come_together
    others_stay_if_they_are_kept
    going_back_brings_the_same_versions_back
    of_two_who_saw_the_same_app_one_is_told
    racing_deploys_leave_one_of_them
    only_the_latest_releases_are_kept
    changes_by_themselves_look_at_the_tag
}

fn release(scripts: Vec<NewVersion>) -> NewRelease {
    NewRelease { scripts, ..NewRelease::at(NOW) }
}

fn change(script: &str, change: ChangeKind, before: Option<i64>, version: Option<i64>) -> ScriptChange {
    ScriptChange { script: script.parse().unwrap(), change, before, version }
}

fn importing(name: &str, source: &str, imports: &[&str]) -> NewVersion {
    NewVersion { imports: imports.iter().map(|import| import.parse().unwrap()).collect(), ..version(name, source) }
}

async fn deployed(store: &TestStore, app: AppId, new: NewRelease) -> Deployed {
    store.deploy(app, new).await.unwrap().unwrap()
}

/// Names, versions' numbers and routes of an app's scripts.
async fn scripts(store: &TestStore, app: AppId) -> Vec<(String, i64, Vec<String>)> {
    let seen = |script: picloud_store::Script| {
        let routes = script.routes.iter().map(ToString::to_string).collect();
        (script.name.to_string(), script.version.number, routes)
    };
    store.scripts(app).await.unwrap().into_iter().map(seen).collect()
}

async fn a_release_is_the_whole_of_an_app(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.put(app, "old", "1").await;
    store.put(app, "same", "1").await;
    store.put(app, "other", "1").await;
    let limits = LimitValues([(LimitName::Fuel, 2_000_000)].into());
    let first = NewRelease {
        limits: Some(limits.clone()),
        limits_by: LimitsBy::User(store.admin().await.id),
        ..release(vec![version("same", "1"), version("other", "2"), version("new", "1")])
    };
    let expected = Changes {
        scripts: vec![
            change("new", ChangeKind::Created, None, Some(1)),
            change("old", ChangeKind::Deleted, Some(1), None),
            change("other", ChangeKind::Updated, Some(1), Some(2)),
        ],
        unchanged: 1,
        limits: true,
    };
    let answer = deployed(store, app, first.clone()).await;
    assert_eq!((answer.release, &answer.changes), (Some(1), &expected));
    let names: Vec<String> = scripts(store, app).await.into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["new", "other", "same"]);

    // The same again is no release.
    let again = deployed(store, app, first).await;
    assert_eq!(again.release, None);
    assert_eq!(again.changes, Changes { unchanged: 3, ..Changes::default() });
    let releases = store.releases(app).await.unwrap();
    assert_eq!(releases.len(), 1);
    assert_eq!((releases[0].number, &releases[0].changes, releases[0].created_at), (1, &expected, NOW));
    let (number, ReleaseContent { scripts, limits: kept }) =
        store.release_content(app, Some(1)).await.unwrap().unwrap();
    assert_eq!((number, scripts.len(), kept), (1, 3, limits));
    assert_eq!((scripts[1].source.as_str(), &scripts[1].routes), ("2", &Some(routes(&["ANY /other"]))));
    assert_eq!(store.release_content(app, None).await.unwrap(), None, "there is none before the latest");
    assert_eq!(store.deploy(unknown().0, release(vec![])).await.unwrap(), Err(DeployRefused::NoSuchApp));
}

async fn a_dry_run_tells_and_changes_nothing(store: &TestStore) {
    let app = store.app("demo").await;
    store.put(app.id, "a", "1").await;
    let before = store.app_revision(&app.slug).await.unwrap();
    let dry = NewRelease { dry_run: true, ..release(vec![version("b", "1")]) };
    let told = deployed(store, app.id, dry).await;
    assert_eq!((told.release, told.changes.scripts.len()), (None, 2));
    assert_eq!(scripts(store, app.id).await.len(), 1);
    assert_eq!(store.app_revision(&app.slug).await.unwrap(), before);
    assert_eq!(store.releases(app.id).await.unwrap(), []);
}

async fn a_refused_script_leaves_everything(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.put(app, "a", "1").await;
    let before = scripts(store, app).await;
    let refusal = |script: &str, refused| DeployRefused::Script { script: script.parse().unwrap(), refused };
    let missing = ImportError::Missing { path: Vec::new(), import: "lib/x".parse().unwrap() };
    for (bad, expected) in [
        (
            vec![routed("b", "1", &["GET /x"]), routed("c", "1", &["GET /x"])],
            refusal("c", PutRefused::RouteConflict { route: "GET /x".parse().unwrap(), script: "b".parse().unwrap() }),
        ),
        (
            vec![routed("b", "1", &["GET /x", "GET /x"])],
            refusal("b", PutRefused::RouteTwice("GET /x".parse().unwrap())),
        ),
        (vec![importing("b", "1", &["lib/x"])], refusal("b", missing.into())),
        (vec![version("b", "1"), version("b", "2")], DeployRefused::Twice("b".parse().unwrap())),
    ] {
        assert_eq!(store.deploy(app, release(bad)).await.unwrap(), Err(expected));
        assert_eq!(scripts(store, app).await, before);
    }
    assert_eq!(store.releases(app).await.unwrap(), []);
}

async fn what_a_release_holds_is_bounded(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.put(app, "big", &"x".repeat(DEPLOY_BYTES - 10)).await;
    let keeping = |scripts| NewRelease { keep_others: true, ..release(scripts) };
    let deploy = async |new| store.deploy(app, new).await.unwrap().map(|deployed| deployed.release);
    for dry_run in [true, false] {
        let new = NewRelease { dry_run, ..keeping(vec![version("a", "0123456789+")]) };
        assert_eq!(deploy(new).await, Err(DeployRefused::SourcesTooLarge));
    }
    assert_eq!(deploy(keeping(vec![version("a", "0123456789")])).await, Ok(Some(1)));
    // What goes does not count, in a dry run neither.
    let new = NewRelease { dry_run: true, ..release(vec![version("a", &"x".repeat(100))]) };
    assert_eq!(deploy(new).await, Ok(None));

    let all: Vec<_> = (0..APP_SCRIPTS - 2).map(|n| routed(&format!("s{n}"), "", &[])).collect();
    assert_eq!(deploy(keeping(all.clone())).await, Ok(Some(2)));
    assert_eq!(deploy(keeping(vec![routed("more", "", &[])])).await, Err(DeployRefused::TooManyScripts));

    let topics: Vec<TopicName> = (0..DEPLOY_TRIGGERS / 2).map(|n| format!("t{n}").parse().unwrap()).collect();
    let of = |name: &str, more: &[&str]| NewVersion { topics: Some(topics.clone()), ..routed(name, "", more) };
    assert_eq!(deploy(release(vec![of("a", &["GET /a"]), of("b", &[])])).await, Err(DeployRefused::TooManyTriggers));
    assert_eq!(deploy(release(vec![of("a", &[]), of("b", &[])])).await, Ok(Some(3)));
    // What stays counts: the release could not be gone back to.
    for dry_run in [true, false] {
        let new = NewRelease { dry_run, ..keeping(vec![routed("c", "", &["GET /c"])]) };
        assert_eq!(deploy(new).await, Err(DeployRefused::TooManyTriggers));
    }
    let fewer = NewVersion { topics: Some(topics[1..].to_vec()), ..routed("b", "", &[]) };
    assert_eq!(deploy(keeping(vec![fewer, routed("c", "", &["GET /c"])])).await, Ok(Some(4)));
    assert_eq!(deploy(release(vec![version("a", "")])).await, Ok(Some(5)));
    let (_, before) = store.release_content(app, None).await.unwrap().unwrap();
    let back = before.scripts.iter().map(|script| NewVersion {
        routes: script.routes.clone(),
        topics: Some(script.topics.clone()),
        ..version(script.name.as_str(), &script.source)
    });
    assert_eq!(deploy(release(back.collect())).await, Ok(Some(6)));
}

async fn a_dry_run_frees_what_the_deploy_would(store: &TestStore) {
    let app = store.app("demo").await.id;
    let all: Vec<Schedule> =
        (0..APP_SCHEDULES).map(|n| format!("{} {} * * *", n % 60, n / 60).parse().unwrap()).collect();
    let old = NewVersion { schedules: Some(all.clone()), ..routed("old", "1", &["GET /x"]) };
    store.put_script(app, old).await.unwrap().unwrap();
    let new = NewVersion { schedules: Some(all), ..routed("new", "1", &["GET /x"]) };
    for dry_run in [true, false] {
        let told = deployed(store, app, NewRelease { dry_run, ..release(vec![new.clone()]) }).await;
        assert_eq!(told.changes.scripts.len(), 2);
        let left = scripts(store, app).await;
        assert_eq!(
            left.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(),
            [if dry_run { "old" } else { "new" }]
        );
    }
}

async fn limits_are_changed_by_owners_alone(store: &TestStore) {
    let app = store.app("demo").await.id;
    let admin = store.admin().await;
    let (owner, editor) = (store.user(&admin, "ada", false).await, store.user(&admin, "bob", false).await);
    for (user, role) in [(&owner, Role::Owner), (&editor, Role::Editor)] {
        store.set_member(app, &user.username, role, admin.id).await.unwrap().unwrap();
    }
    let of = |fuel| LimitValues([(LimitName::Fuel, fuel)].into());
    let deploy = async |fuel, source: &str, limits_by| {
        let release = NewRelease { limits: Some(of(fuel)), limits_by, ..release(vec![version("a", source)]) };
        store.deploy(app, release).await.unwrap().map(|deployed| deployed.changes.limits)
    };
    assert_eq!(deploy(2_000_000, "1", LimitsBy::User(owner.id)).await, Ok(true));
    for by in [LimitsBy::Nobody, LimitsBy::User(editor.id), LimitsBy::User(UserId::new())] {
        assert_eq!(deploy(3_000_000, "2", by).await, Err(DeployRefused::LimitsNeedOwner));
    }
    assert_eq!(deploy(2_000_000, "2", LimitsBy::Nobody).await, Ok(false), "they may be named");
    let unowned = store.app("nobodys").await.id;
    let by_server = NewRelease { limits: Some(of(2_000_000)), limits_by: LimitsBy::Server, ..release(Vec::new()) };
    assert!(store.deploy(unowned, by_server).await.unwrap().unwrap().changes.limits);
    let less = AppChanges { limits: [(LimitName::Fuel, Some(1_000_000))].into(), ..AppChanges::default() };
    store.update_app(app, less).await.unwrap().unwrap();
    // They are those that the editor saw, and not those that there are.
    assert_eq!(deploy(2_000_000, "3", LimitsBy::Nobody).await, Err(DeployRefused::LimitsNeedOwner));
    assert_eq!(scripts(store, app).await[0].1, 2, "a refused deploy left something");
    assert_eq!(deploy(3_000_000, "3", LimitsBy::User(admin.id)).await, Ok(true));
}

async fn routes_may_go_from_one_script_to_another(store: &TestStore) {
    let app = store.app("demo").await.id;
    deployed(store, app, release(vec![routed("a", "1", &["GET /x"]), routed("b", "1", &["GET /y"])])).await;
    deployed(store, app, release(vec![routed("a", "1", &["GET /y"]), routed("b", "1", &["GET /x"])])).await;
    let of = |route: &str| vec![route.to_owned()];
    assert_eq!(scripts(store, app).await, [("a".into(), 2, of("GET /y")), ("b".into(), 2, of("GET /x"))]);
    // What is deleted gives its routes away too.
    deployed(store, app, release(vec![routed("c", "1", &["GET /x", "GET /y"])])).await;
    assert_eq!(scripts(store, app).await.len(), 1);
}

async fn schedules_may_go_from_one_script_to_another(store: &TestStore) {
    let app = store.app("demo").await.id;
    let all: Vec<Schedule> =
        (0..=APP_SCHEDULES).map(|n| format!("{} {} * * *", n % 60, n / 60).parse().unwrap()).collect();
    let of =
        |name: &str, schedules: &[Schedule]| NewVersion { schedules: Some(schedules.to_vec()), ..version(name, "1") };
    let whole = of("m", &all[..APP_SCHEDULES]);
    deployed(store, app, release(vec![whole.clone()])).await;
    store.make_due(NOW).await;
    // One goes to a script that comes before the one that it leaves, and then to one behind it; the others stay as they are.
    for to in ["a", "z"] {
        let moved = release(vec![of("m", &all[1..APP_SCHEDULES]), of(to, &all[..1])]);
        for dry_run in [true, false] {
            let told = store.deploy(app, NewRelease { dry_run, ..moved.clone() }).await.unwrap();
            assert!(told.is_ok(), "{to}: {told:?}");
        }
        let schedules = store.schedules(app).await.unwrap();
        let of = |script: &str| schedules.iter().filter(|one| one.script.as_str() == script).collect::<Vec<_>>();
        assert_eq!((of("m").len(), of(to).len()), (APP_SCHEDULES - 1, 1));
        assert!(of("m").iter().all(|one| one.next_at == Some(NOW)) && of(to)[0].next_at > Some(NOW));
        deployed(store, app, release(vec![whole.clone()])).await;
        store.make_due(NOW).await;
    }
    let more = release(vec![of("m", &all[..APP_SCHEDULES]), of("a", &all[APP_SCHEDULES..])]);
    let refused = DeployRefused::Script { script: "a".parse().unwrap(), refused: PutRefused::TooManySchedules };
    assert_eq!(store.deploy(app, more).await.unwrap(), Err(refused));
    assert_eq!(store.schedules(app).await.unwrap().len(), APP_SCHEDULES);
}

async fn scripts_that_import_each_other_come_together(store: &TestStore) {
    let app = store.app("demo").await.id;
    deployed(store, app, release(vec![importing("a", "1", &["lib/x"]), version("lib/x", "1")])).await;
    // A library goes with those that import it, and not before them.
    let kept = release(vec![importing("a", "1", &["lib/x"])]);
    assert!(matches!(store.deploy(app, kept).await.unwrap(), Err(DeployRefused::Script { .. })));
    let circle = vec![importing("lib/x", "1", &["lib/y"]), importing("lib/y", "1", &["lib/x"])];
    let refused = store.deploy(app, release(circle)).await.unwrap();
    assert!(matches!(refused, Err(DeployRefused::Script { refused: PutRefused::Imports(ImportError::Cycle(_)), .. })));
    deployed(store, app, release(vec![version("a", "2")])).await;
    assert_eq!(scripts(store, app).await.len(), 1);
}

async fn others_stay_if_they_are_kept(store: &TestStore) {
    let app = store.app("demo").await.id;
    store.put(app, "a", "1").await;
    let some = NewRelease { keep_others: true, ..release(vec![version("b", "1")]) };
    let answer = deployed(store, app, some).await;
    assert_eq!((answer.changes.scripts.len(), answer.changes.unchanged), (1, 1));
    assert_eq!(scripts(store, app).await.len(), 2);
    let (_, manifest) = store.release_content(app, Some(1)).await.unwrap().unwrap();
    assert_eq!(manifest.scripts.len(), 2, "a release is the whole, whoever stored it");
    // Their routes are theirs.
    let taking = NewRelease { keep_others: true, ..release(vec![routed("c", "1", &["ANY /a"])]) };
    assert!(matches!(store.deploy(app, taking).await.unwrap(), Err(DeployRefused::Script { .. })));
}

async fn going_back_brings_the_same_versions_back(store: &TestStore) {
    let app = store.app("demo").await.id;
    let first = vec![version("a", "1"), version("b", "1")];
    deployed(store, app, release(first.clone())).await;
    let before = scripts(store, app).await;
    deployed(store, app, release(vec![version("a", "2"), version("c", "1")])).await;
    let (number, manifest) = store.release_content(app, None).await.unwrap().unwrap();
    assert_eq!((number, manifest.scripts.len()), (1, 2));
    let back = NewRelease { brings_back: Some(1), ..release(first) };
    let answer = deployed(store, app, back).await;
    assert_eq!(answer.release, Some(3));
    assert_eq!(answer.changes.scripts[0], change("a", ChangeKind::Updated, Some(2), Some(1)));
    assert_eq!(scripts(store, app).await, before);
    assert_eq!(store.releases(app).await.unwrap()[0].brings_back, Some(1));
    assert_eq!(store.release_content(app, Some(9)).await.unwrap(), None);
}

async fn of_two_who_saw_the_same_app_one_is_told(store: &TestStore) {
    let app = store.app("demo").await.id;
    let deploy =
        |state: &str, source: &str| NewRelease { state: Some(state.to_owned()), ..release(vec![version("a", source)]) };
    let seen = async || {
        let dry = NewRelease { dry_run: true, ..release(vec![]) };
        deployed(store, app, dry).await.state
    };
    let refused = Err(DeployRefused::Changed(Changed));
    let nothing = seen().await;
    assert_eq!(deployed(store, app, deploy(&nothing, "1")).await.release, Some(1));
    assert_eq!(store.deploy(app, deploy(&nothing, "2")).await.unwrap(), refused);
    let first = seen().await;
    assert_eq!(seen().await, first, "looking changes nothing");
    assert_eq!(deployed(store, app, deploy(&first, "2")).await.release, Some(2));
    // What is done by hand makes no release, and is not to be undone unseen either.
    for change in ["put", "rollback", "limits", "delete"] {
        let before = seen().await;
        match change {
            "put" => drop(store.put(app, "by-hand", "1").await),
            "rollback" => drop(store.rollback(app, &"a".parse().unwrap(), None).await.unwrap().unwrap()),
            "limits" => {
                let limits = [(LimitName::Fuel, Some(3_000_000))].into();
                let changes = picloud_store::AppChanges { limits, ..Default::default() };
                store.update_app(app, changes).await.unwrap().unwrap();
            }
            _ => store.delete_script(app, &"by-hand".parse().unwrap()).await.unwrap().unwrap(),
        }
        assert_eq!(store.deploy(app, deploy(&before, "3")).await.unwrap(), refused, "{change}");
    }
    assert_eq!(deployed(store, app, deploy(&seen().await, "3")).await.release, Some(3));
}

async fn racing_deploys_leave_one_of_them(store: &TestStore) {
    let app = store.app("demo").await.id;
    let deploys = (0..8).map(|n: i64| {
        let scripts = (0..5).map(|i| version(&format!("s{i}"), &n.to_string())).collect();
        deployed(store, app, release(scripts))
    });
    let mut numbers: Vec<i64> = join_all(deploys).await.into_iter().filter_map(|deployed| deployed.release).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    let mut sources = Vec::new();
    for i in 0..5 {
        sources.push(store.script(app, &format!("s{i}").parse().unwrap()).await.unwrap().unwrap().1);
    }
    sources.dedup();
    assert_eq!(sources.len(), 1, "a mixture: {sources:?}");
}

async fn only_the_latest_releases_are_kept(store: &TestStore) {
    let app = store.app("demo").await.id;
    for n in 1..=RELEASES + 2 {
        deployed(store, app, release(vec![version("a", &n.to_string())])).await;
    }
    let numbers: Vec<i64> = store.releases(app).await.unwrap().iter().map(|release| release.number).collect();
    assert_eq!(numbers, (3..=RELEASES + 2).rev().collect::<Vec<_>>());
}

async fn changes_by_themselves_look_at_the_tag(store: &TestStore) {
    let app = store.app("demo").await;
    let seen = |tag: String| Precondition::OneOf(vec![tag]);
    let put = async |source: &str, precondition: &Precondition| {
        let put = store.store.put_script(app.id, version("a", source), precondition).await.unwrap();
        put.map(|put| put.script.tag())
    };
    assert_eq!(put("1", &Precondition::Exists).await, Err(PutRefused::Changed(Changed)));
    let first = put("1", &Precondition::Absent).await.unwrap();
    assert_eq!(put("2", &Precondition::Absent).await, Err(PutRefused::Changed(Changed)));
    let second = put("2", &seen(first.clone())).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(put("3", &seen(first.clone())).await, Err(PutRefused::Changed(Changed)));
    let name = "a".parse().unwrap();
    let stale = seen(first);
    assert!(store.store.rollback(app.id, &name, None, &stale).await.unwrap().is_err());
    assert!(store.store.delete_script(app.id, &name, &stale).await.unwrap().is_err());
    assert_eq!(scripts(store, app.id).await[0].1, 2);
    let back = store.store.rollback(app.id, &name, None, &seen(second)).await.unwrap().unwrap();
    store.store.delete_script(app.id, &name, &seen(back.tag())).await.unwrap().unwrap();

    let debug = || picloud_store::AppChanges { debug: Some(true), ..Default::default() };
    let changed = store.store.update_app(app.id, debug(), &seen(app.tag())).await.unwrap().unwrap();
    assert_ne!(changed.tag(), app.tag());
    assert!(store.store.update_app(app.id, debug(), &seen(app.tag())).await.unwrap().is_err());
    store.put(app.id, "b", "1").await;
    store.store.update_app(app.id, debug(), &seen(changed.tag())).await.unwrap().unwrap();
}
