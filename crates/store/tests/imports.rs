//! Which scripts import which: what may be stored, deleted and brought back, and what a version is put together of.

use crate::fixture::{TestStore, cases, unknown, version};
use picloud_shared::{imports::ImportError, names::ScriptName, precondition::Precondition};
use picloud_store::{DeleteRefused, NewVersion, PutRefused, RollbackRefused, Script, Store};
use std::collections::BTreeSet;

cases! {
    what_is_imported_is_kept_with_the_version
    what_is_not_there_cannot_be_imported
    imports_cannot_go_round_in_a_circle
    what_others_import_is_not_deleted
    a_rollback_needs_what_the_old_version_imports
    a_version_comes_with_all_that_it_imports
    apps_import_only_their_own
    racing_puts_and_deletes_leave_no_import_without_its_script
}

fn name(text: &str) -> ScriptName {
    text.parse().unwrap()
}

fn names(texts: &[&str]) -> BTreeSet<ScriptName> {
    texts.iter().copied().map(name).collect()
}

fn importing(script: &str, source: &str, imports: &[&str]) -> NewVersion {
    NewVersion { imports: names(imports), ..version(script, source) }
}

async fn put(store: &Store, app: picloud_shared::ids::AppId, script: &str, imports: &[&str]) -> Script {
    store.put_script(app, importing(script, "1", imports), &Precondition::None).await.unwrap().unwrap().script
}

async fn what_is_imported_is_kept_with_the_version(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "lib/a", &[]).await;
    let first = put(store, app.id, "greet", &["lib/a"]).await;
    assert_eq!(first.imports, names(&["lib/a"]));
    assert_eq!(store.script_head(app.id, &first.name).await.unwrap().unwrap(), first);
    assert_eq!(put(store, app.id, "greet", &["lib/a"]).await.version.number, 1);
    // The same source was stored before it was known what it imports.
    let second = put(store, app.id, "greet", &[]).await;
    assert_eq!((second.version.number, second.imports), (2, names(&[])));
    let back = store.rollback(app.id, &first.name, None).await.unwrap().unwrap();
    assert_eq!(back.imports, first.imports);
}

async fn what_is_not_there_cannot_be_imported(store: &TestStore) {
    let app = store.app("demo").await;
    let refused = store.put_script(app.id, importing("greet", "1", &["lib/a"])).await.unwrap().unwrap_err();
    assert_eq!(refused, PutRefused::Imports(ImportError::Missing { path: Vec::new(), import: name("lib/a") }));
    assert!(store.scripts(app.id).await.unwrap().is_empty());
}

async fn imports_cannot_go_round_in_a_circle(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "a", &[]).await;
    put(store, app.id, "b", &["a"]).await;
    for (imports, circle) in [(&["b"], vec!["a", "b", "a"]), (&["a"], vec!["a", "a"])] {
        let refused = store.put_script(app.id, importing("a", "2", imports)).await.unwrap().unwrap_err();
        assert_eq!(refused, PutRefused::Imports(ImportError::Cycle(circle.into_iter().map(name).collect())));
    }
    assert_eq!(store.script_head(app.id, &name("a")).await.unwrap().unwrap().version.number, 1);
}

async fn what_others_import_is_not_deleted(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "lib/a", &[]).await;
    put(store, app.id, "b", &["lib/a"]).await;
    put(store, app.id, "c", &["lib/a", "b"]).await;
    let refused = store.delete_script(app.id, &name("lib/a")).await.unwrap().unwrap_err();
    assert_eq!(refused, DeleteRefused::Imported(vec![name("b"), name("c")]));
    assert_eq!(refused.to_string(), "it is imported by b, c");
    for script in ["c", "b", "lib/a"] {
        store.delete_script(app.id, &name(script)).await.unwrap().unwrap();
    }
}

async fn a_rollback_needs_what_the_old_version_imports(store: &TestStore) {
    let app = store.app("demo").await;
    put(store, app.id, "lib/a", &[]).await;
    let old = put(store, app.id, "greet", &["lib/a"]).await;
    put(store, app.id, "greet", &[]).await;
    let target = store.rollback_target(app.id, &old.name, None).await.unwrap().unwrap();
    assert_eq!((target.number, target.version, target.imports), (1, old.version.id, old.imports));
    store.delete_script(app.id, &name("lib/a")).await.unwrap().unwrap();
    let refused = store.rollback(app.id, &old.name, None).await.unwrap().unwrap_err();
    assert!(matches!(refused, RollbackRefused::Imports(ImportError::Missing { .. })), "{refused}");
    assert_eq!(store.script_head(app.id, &old.name).await.unwrap().unwrap().version.number, 2);
    for (script, number, refused) in
        [("greet", Some(7), RollbackRefused::NoSuchVersion), ("none", None, RollbackRefused::NoSuchScript)]
    {
        assert_eq!(store.rollback_target(app.id, &name(script), number).await.unwrap(), Err(refused));
    }
}

async fn a_version_comes_with_all_that_it_imports(store: &TestStore) {
    let app = store.app("demo").await;
    let base = put(store, app.id, "lib/base", &[]).await;
    put(store, app.id, "other", &[]).await;
    let shop = put(store, app.id, "lib/shop", &["lib/base"]).await;
    let greet = put(store, app.id, "greet", &["lib/shop", "lib/base"]).await;
    let (imports, active) = store.imported(app.id, greet.version.id).await.unwrap().unwrap();
    assert_eq!(imports, names(&["lib/base", "lib/shop"]));
    let found: Vec<_> = active.iter().map(|active| (active.name.as_str(), active.version, active.bytes)).collect();
    assert_eq!(found, [("lib/base", base.version.id, 1), ("lib/shop", shop.version.id, 1)]);
    let newer = store.put_script(app.id, importing("lib/base", "ü", &[])).await.unwrap().unwrap().script;
    let (_, active) = store.imported(app.id, greet.version.id).await.unwrap().unwrap();
    assert_eq!((active[0].version, active[0].bytes), (newer.version.id, 2));
    assert_eq!(store.imported(app.id, unknown().2).await.unwrap(), None);
    assert_eq!(store.active_versions(app.id).await.unwrap().len(), 4);
    let sources = store.sources(&[newer.version.id, greet.version.id, unknown().2]).await.unwrap();
    assert_eq!(sources.len(), 2);
    assert_eq!(sources[&newer.version.id], (name("lib/base"), "ü".to_owned()));
}

async fn apps_import_only_their_own(store: &TestStore) {
    let (one, two) = (store.app("one").await, store.app("two").await);
    put(store, one.id, "lib/a", &[]).await;
    assert!(store.put_script(two.id, importing("greet", "1", &["lib/a"])).await.unwrap().is_err());
    let greet = put(store, one.id, "greet", &["lib/a"]).await;
    assert!(store.imported(two.id, greet.version.id).await.unwrap().unwrap().1.is_empty());
}

async fn racing_puts_and_deletes_leave_no_import_without_its_script(store: &TestStore) {
    let app = store.app("demo").await;
    let other = store.another().await;
    for round in 0..8 {
        put(store, app.id, "lib/a", &[]).await;
        let greet = format!("greet{round}");
        let lib = name("lib/a");
        let (put, deleted) = tokio::join!(
            store.put_script(app.id, importing(&greet, "1", &["lib/a"])),
            other.delete_script(app.id, &lib, &Precondition::None)
        );
        assert_ne!(put.unwrap().is_ok(), deleted.unwrap().is_ok(), "one of the two comes too late");
        if store.script_head(app.id, &name(&greet)).await.unwrap().is_some() {
            store.delete_script(app.id, &name(&greet)).await.unwrap().unwrap();
        }
    }
}
