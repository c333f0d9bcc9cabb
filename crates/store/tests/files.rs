//! Files: paths, their contents, and the bounds of an app.

use crate::fixture::{NOW, TestStore, cases, unknown};
use futures_util::future::join_all;
use picloud_shared::{
    limits::{APP_FILE_BYTES, APP_FILES, FILE_BYTES},
    names::FilePath,
};
use picloud_store::WriteRefused;

cases! {
    a_file_is_written_read_and_deleted
    a_content_is_kept_once_and_as_long_as_it_is_named
    files_belong_to_their_app
    files_are_listed_in_order
    two_writers_never_pass_the_bound_together
    an_app_has_so_many_files_and_no_more
}

fn path(path: &str) -> FilePath {
    path.parse().unwrap()
}

async fn a_file_is_written_read_and_deleted(store: &TestStore) {
    let app = store.app("demo").await;
    let (name, other) = (path("a/ü.bin"), path("a"));
    assert_eq!(store.read_file(app.id, &name).await.unwrap(), None);
    let info = store.write_file(app.id, &name, b"\0\xff", NOW).await.unwrap().unwrap();
    assert_eq!((info.size, info.updated_at), (2, NOW));
    assert_eq!(store.file_info(app.id, &name).await.unwrap(), Some(info));
    assert_eq!(store.read_file(app.id, &name).await.unwrap().unwrap(), b"\0\xff");
    store.write_file(app.id, &other, b"", NOW).await.unwrap().unwrap();
    let info = store.write_file(app.id, &name, b"longer", NOW + 1).await.unwrap().unwrap();
    assert_eq!((info.size, info.updated_at), (6, NOW + 1));
    assert_eq!(store.read_file(app.id, &name).await.unwrap().unwrap(), b"longer");
    assert_eq!(store.read_small_file(app.id, &name, 6).await.unwrap(), Some(Some(b"longer".to_vec())));
    assert_eq!(store.read_small_file(app.id, &name, 5).await.unwrap(), Some(None), "it is larger");
    let none = store.read_small_file(app.id, &path("none"), 5).await.unwrap();
    assert_eq!(none, None, "there is none such");
    assert_eq!(store.read_file(app.id, &other).await.unwrap().unwrap(), b"");
    assert_eq!(store.number("SELECT file_bytes * 10 + file_count FROM apps").await, 62);
    assert!(store.delete_file(app.id, &name).await.unwrap());
    assert!(!store.delete_file(app.id, &name).await.unwrap());
    assert_eq!(store.file_info(app.id, &name).await.unwrap(), None);
    assert_eq!(store.number("SELECT file_bytes * 10 + file_count FROM apps").await, 1);
}

async fn a_content_is_kept_once_and_as_long_as_it_is_named(store: &TestStore) {
    let app = store.app("demo").await;
    let contents = async || store.number("SELECT COUNT(*) FROM file_contents").await;
    for name in ["a", "b", "c"] {
        store.write_file(app.id, &path(name), b"same", NOW).await.unwrap().unwrap();
    }
    assert_eq!(contents().await, 1);
    store.write_file(app.id, &path("a"), b"other", NOW).await.unwrap().unwrap();
    assert_eq!(contents().await, 2);
    store.write_file(app.id, &path("a"), b"other", NOW).await.unwrap().unwrap();
    store.delete_file(app.id, &path("b")).await.unwrap();
    assert_eq!(contents().await, 2);
    store.write_file(app.id, &path("c"), b"other", NOW).await.unwrap().unwrap();
    assert_eq!(contents().await, 1);
    assert_eq!(store.read_file(app.id, &path("c")).await.unwrap().unwrap(), b"other");
    for name in ["a", "c"] {
        store.delete_file(app.id, &path(name)).await.unwrap();
    }
    assert_eq!(contents().await, 0);
}

async fn files_belong_to_their_app(store: &TestStore) {
    let (app, other) = (store.app("demo").await, store.app("other").await);
    store.write_file(app.id, &path("a"), b"same", NOW).await.unwrap().unwrap();
    store.write_file(other.id, &path("b"), b"same", NOW).await.unwrap().unwrap();
    assert_eq!(store.read_file(other.id, &path("a")).await.unwrap(), None);
    assert!(!store.delete_file(other.id, &path("a")).await.unwrap());
    assert_eq!(store.files(other.id, b"", None, 10).await.unwrap().len(), 1);
    store.delete_app(app.id).await.unwrap();
    store.remove_all_gone().await;
    assert_eq!(store.read_file(other.id, &path("b")).await.unwrap().unwrap(), b"same");
    assert_eq!(store.number("SELECT COUNT(*) FROM file_contents").await, 1);
    let (nobody, ..) = unknown();
    assert_eq!(store.write_file(nobody, &path("a"), b"", NOW).await.unwrap(), Err(WriteRefused::NoSuchApp));
    assert!(!store.delete_file(nobody, &path("a")).await.unwrap());
}

async fn files_are_listed_in_order(store: &TestStore) {
    let app = store.app("demo").await;
    for name in ["b/2", "B", "b/10", "b", "ü", "b0"] {
        store.write_file(app.id, &path(name), b"", NOW).await.unwrap().unwrap();
    }
    let listed = async |prefix: &str, after: Option<&str>, limit| {
        let files = store.files(app.id, prefix.as_bytes(), after.map(str::as_bytes), limit).await.unwrap();
        files.into_iter().map(|file| String::from(file.path)).collect::<Vec<_>>()
    };
    assert_eq!(listed("", None, 10).await, ["B", "b", "b/10", "b/2", "b0", "ü"]);
    assert_eq!(listed("b/", None, 10).await, ["b/10", "b/2"]);
    assert_eq!(listed("", Some("b"), 2).await, ["b/10", "b/2"]);
    assert_eq!(listed("b/", Some("b/10"), 10).await, ["b/2"]);
    assert_eq!(listed("b/", Some("a"), 1).await, ["b/10"]);
    assert!(listed("b/", Some("c"), 10).await.is_empty());
}

async fn two_writers_never_pass_the_bound_together(store: &TestStore) {
    let app = store.app("demo").await;
    let data = vec![7; FILE_BYTES];
    let most = usize::try_from(APP_FILE_BYTES).unwrap() / FILE_BYTES;
    for number in 0..most - 1 {
        store.write_file(app.id, &path(&number.to_string()), &data, NOW).await.unwrap().unwrap();
    }
    // Room for one more of those, and a bit.
    let names: Vec<_> = (0..6).map(|number| path(&format!("last/{number}"))).collect();
    let written = join_all(names.iter().map(|name| store.write_file(app.id, name, &data, NOW))).await;
    let (done, refused): (Vec<_>, Vec<_>) = written.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!(done.len(), 1);
    assert!(refused.iter().all(|refused| *refused == Err(WriteRefused::StorageFull)));
    assert_eq!(store.files(app.id, b"last/", None, 10).await.unwrap().len(), 1);
    // In the place of another it has room.
    store.write_file(app.id, &path("0"), &data, NOW).await.unwrap().unwrap();
    let bytes = store.number("SELECT CAST(SUM(size) AS BIGINT) FROM files").await;
    assert_eq!(store.number("SELECT file_bytes FROM apps").await, bytes);
    assert_eq!(store.number("SELECT COUNT(*) FROM file_contents").await, 1);
    let little = usize::try_from(APP_FILE_BYTES - bytes).unwrap();
    store.write_file(app.id, &path("little"), &data[..little], NOW).await.unwrap().unwrap();
    let refused = store.write_file(app.id, &path("one more byte"), b"x", NOW).await.unwrap();
    assert_eq!(refused, Err(WriteRefused::StorageFull));
}

async fn an_app_has_so_many_files_and_no_more(store: &TestStore) {
    let app = store.app("demo").await;
    assert_eq!(APP_FILES, 10_000);
    store.execute("UPDATE apps SET file_count = 9999").await;
    store.write_file(app.id, &path("a"), b"", NOW).await.unwrap().unwrap();
    assert_eq!(store.write_file(app.id, &path("b"), b"", NOW).await.unwrap(), Err(WriteRefused::TooMany));
    store.write_file(app.id, &path("a"), b"changed", NOW).await.unwrap().unwrap();
}
