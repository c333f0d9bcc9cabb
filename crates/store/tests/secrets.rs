//! Sealed secrets.

use crate::fixture::{NOW, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_shared::{
    limits::APP_SECRETS,
    names::SecretName,
    sealed::{KeyId, Sealed},
};
use picloud_store::SetRefused;

cases! {
    a_secret_is_set_changed_and_deleted
    secrets_belong_to_their_app
    an_app_has_so_many_secrets_and_no_more
    every_change_is_one_of_the_app
    a_value_is_sealed_anew_unless_it_was_changed
}

fn name(name: &str) -> SecretName {
    name.parse().unwrap()
}

fn key(digit: char) -> KeyId {
    String::from_iter([digit; 16]).try_into().unwrap()
}

fn sealed(digit: char, bytes: &[u8]) -> Sealed {
    Sealed { key: key(digit), bytes: bytes.to_vec() }
}

async fn a_secret_is_set_changed_and_deleted(store: &TestStore) {
    let app = store.app("demo").await;
    store.set_secret(app.id, &name("B"), &sealed('a', b"\0\xff"), NOW).await.unwrap().unwrap();
    store.set_secret(app.id, &name("a"), &sealed('a', b"1"), NOW).await.unwrap().unwrap();
    store.set_secret(app.id, &name("a"), &sealed('b', b"2"), NOW + 1).await.unwrap().unwrap();
    assert_eq!(store.secrets(app.id).await.unwrap(), [(name("B"), NOW), (name("a"), NOW + 1)].into());
    let settings = store.app_settings(app.id).await.unwrap().unwrap();
    assert_eq!(settings.secrets, [(name("B"), sealed('a', b"\0\xff")), (name("a"), sealed('b', b"2"))].into());
    assert!(store.delete_secret(app.id, &name("B")).await.unwrap());
    assert!(!store.delete_secret(app.id, &name("B")).await.unwrap());
    assert_eq!(store.secrets(app.id).await.unwrap().len(), 1);
}

async fn secrets_belong_to_their_app(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    store.set_secret(app.id, &name("a"), &sealed('a', b"1"), NOW).await.unwrap().unwrap();
    assert!(store.secrets(other.id).await.unwrap().is_empty());
    assert!(!store.delete_secret(other.id, &name("a")).await.unwrap());
    assert_eq!(store.app_settings(other.id).await.unwrap().unwrap().secrets, [].into());
    store.delete_app(app.id).await.unwrap();
    assert_eq!(store.number("SELECT COUNT(*) FROM secrets").await, 0);
    let (nobody, ..) = unknown();
    let refused = store.set_secret(nobody, &name("a"), &sealed('a', b"1"), NOW).await.unwrap();
    assert_eq!(refused, Err(SetRefused::NoSuchApp));
}

async fn an_app_has_so_many_secrets_and_no_more(store: &TestStore) {
    let app = store.app("demo").await;
    let value = sealed('a', b"1");
    for number in 0..APP_SECRETS - 1 {
        store.set_secret(app.id, &name(&format!("S{number}")), &value, NOW).await.unwrap().unwrap();
    }
    // However many come at once.
    let names: Vec<_> = (0..8).map(|number| name(&format!("LAST{number}"))).collect();
    let set = join_all(names.iter().map(|name| store.set_secret(app.id, name, &value, NOW))).await;
    assert_eq!(set.iter().filter(|set| set.as_ref().unwrap().is_ok()).count(), 1);
    let refused = store.set_secret(app.id, &name("ONE_MORE"), &value, NOW).await.unwrap();
    assert_eq!(refused, Err(SetRefused::TooMany(APP_SECRETS)));
    store.set_secret(app.id, &name("S0"), &sealed('a', b"2"), NOW).await.unwrap().unwrap();
}

async fn every_change_is_one_of_the_app(store: &TestStore) {
    let app = store.app("demo").await;
    let mut known = (store.revision(), store.app_revision_by_id(app.id).await.unwrap());
    let mut grown = async || {
        let now = (store.revision(), store.app_revision_by_id(app.id).await.unwrap());
        let grown = now.0 > known.0 && now.1 > known.1;
        known = now;
        grown
    };
    store.set_secret(app.id, &name("a"), &sealed('a', b"1"), NOW).await.unwrap().unwrap();
    assert!(grown().await);
    store.delete_secret(app.id, &name("a")).await.unwrap();
    assert!(grown().await);
    store.set_var(app.id, &"a".parse().unwrap(), "1", NOW).await.unwrap().unwrap();
    assert!(grown().await);
    store.delete_var(app.id, &"a".parse().unwrap()).await.unwrap();
    assert!(grown().await);
    assert!(!grown().await);
}

async fn a_value_is_sealed_anew_unless_it_was_changed(store: &TestStore) {
    let app = store.app("demo").await;
    for (of, value) in [("a", sealed('a', b"1")), ("b", sealed('a', b"2")), ("c", sealed('b', b"3"))] {
        store.set_secret(app.id, &name(of), &value, NOW).await.unwrap().unwrap();
    }
    assert_eq!(store.secret_keys().await.unwrap(), [(key('a'), 2), (key('b'), 1)].into());
    let old = store.secrets_under(&key('a'), 10).await.unwrap();
    assert_eq!(old.len(), 2);
    assert_eq!(store.secrets_under(&key('a'), 1).await.unwrap().len(), 1);
    // Set by somebody else between the look and the change.
    store.set_secret(app.id, &name("b"), &sealed('a', b"newer"), NOW).await.unwrap().unwrap();
    for (of, name, before) in old {
        store.reseal(of, &name, &before, &sealed('b', b"again")).await.unwrap();
    }
    let settings = store.app_settings(app.id).await.unwrap().unwrap();
    let expected = [("a", sealed('b', b"again")), ("b", sealed('a', b"newer")), ("c", sealed('b', b"3"))];
    assert_eq!(settings.secrets, expected.map(|(of, value)| (name(of), value)).into());
}
