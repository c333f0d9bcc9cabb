//! Emptying an app.

use crate::fixture::{NOW, TestStore, cases, version};
use picloud_store::{AppUsage, KvRoom, KvValue};

cases! {
    an_empty_app_keeps_its_scripts_alone
}

async fn an_empty_app_keeps_its_scripts_alone(store: &TestStore) {
    let room = KvRoom { bytes: 100, entries: 10 };
    let value = || KvValue { json: true, data: b"1".to_vec() };
    let (app, other) = (store.app("demo").await.id, store.app("other").await.id);
    for app in [app, other] {
        store.put_script(app, version("a", "1")).await.unwrap().unwrap();
        store.kv_set(app, b"k", value(), None, room).await.unwrap().unwrap();
        store.write_file(app, &"f".parse().unwrap(), b"text", NOW).await.unwrap().unwrap();
        store.set_var(app, &"V".parse().unwrap(), "v", NOW).await.unwrap().unwrap();
    }
    let before = store.app_usage(app).await.unwrap();
    assert_eq!((before.kv_entries, before.file_bytes, before.files), (1, 4, 1));
    let revision = store.app_revision_by_id(app).await.unwrap();
    store.empty_app(app).await.unwrap();
    let after = store.app_usage(app).await.unwrap();
    assert_eq!(after, AppUsage { scripts: 1, ..AppUsage::default() });
    assert!(store.vars(app).await.unwrap().is_empty());
    assert_ne!(store.app_revision_by_id(app).await.unwrap(), revision, "what is kept of it is not current");
    assert_eq!(store.app_usage(other).await.unwrap(), before);
    // There is room again, to the byte.
    store.write_file(app, &"f".parse().unwrap(), b"text", NOW).await.unwrap().unwrap();
    store.kv_set(app, b"k", value(), None, room).await.unwrap().unwrap();
    assert_eq!(store.app_usage(app).await.unwrap(), before);
}
