//! Variables.

use crate::fixture::{NOW, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_shared::{limits::APP_VARS, names::VarName};
use picloud_store::{SetRefused, Var};

cases! {
    a_variable_is_set_changed_and_deleted
    variables_belong_to_their_app
    an_app_has_so_many_variables_and_no_more
    variables_need_an_app
}

fn name(name: &str) -> VarName {
    name.parse().unwrap()
}

async fn a_variable_is_set_changed_and_deleted(store: &TestStore) {
    let app = store.app("demo").await;
    assert!(store.vars(app.id).await.unwrap().is_empty());
    store.set_var(app.id, &name("B"), "ä\0\n", NOW).await.unwrap().unwrap();
    store.set_var(app.id, &name("a"), "", NOW).await.unwrap().unwrap();
    store.set_var(app.id, &name("a"), "2", NOW + 1).await.unwrap().unwrap();
    let var = |value: &str, updated_at| Var { value: value.to_owned(), updated_at };
    let both = [(name("B"), var("ä\0\n", NOW)), (name("a"), var("2", NOW + 1))].into();
    assert_eq!(store.vars(app.id).await.unwrap(), both);
    let settings = store.app_settings(app.id).await.unwrap().unwrap();
    // Made, and changed three times.
    assert_eq!((settings.vars, settings.revision), (both, 4));
    assert!(store.delete_var(app.id, &name("B")).await.unwrap());
    assert!(!store.delete_var(app.id, &name("B")).await.unwrap());
    assert_eq!(store.vars(app.id).await.unwrap().len(), 1);
}

async fn variables_belong_to_their_app(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    store.set_var(app.id, &name("a"), "1", NOW).await.unwrap().unwrap();
    assert!(store.vars(other.id).await.unwrap().is_empty());
    assert!(!store.delete_var(other.id, &name("a")).await.unwrap());
    assert_eq!(store.app_settings(other.id).await.unwrap().unwrap().vars, [].into());
    store.delete_app(app.id).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM vars").await, 0);
}

async fn an_app_has_so_many_variables_and_no_more(store: &TestStore) {
    let app = store.app("demo").await;
    for number in 0..APP_VARS - 1 {
        store.set_var(app.id, &name(&format!("V{number}")), "", NOW).await.unwrap().unwrap();
    }
    // However many come at once.
    let names: Vec<_> = (0..8).map(|number| name(&format!("LAST{number}"))).collect();
    let set = join_all(names.iter().map(|name| store.set_var(app.id, name, "", NOW))).await;
    assert_eq!(set.iter().filter(|set| set.as_ref().unwrap().is_ok()).count(), 1);
    assert_eq!(store.vars(app.id).await.unwrap().len(), APP_VARS);
    let refused = store.set_var(app.id, &name("ONE_MORE"), "", NOW).await.unwrap();
    assert_eq!(refused, Err(SetRefused::TooMany(APP_VARS)));
    store.set_var(app.id, &name("V0"), "changed", NOW).await.unwrap().unwrap();
}

async fn variables_need_an_app(store: &TestStore) {
    let (app, ..) = unknown();
    assert_eq!(store.set_var(app, &name("a"), "", NOW).await.unwrap(), Err(SetRefused::NoSuchApp));
    assert!(!store.delete_var(app, &name("a")).await.unwrap());
    assert_eq!(store.app_settings(app).await.unwrap(), None);
    assert_eq!(store.app_revision_by_id(app).await.unwrap(), None);
}
