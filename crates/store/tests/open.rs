//! Opening, closing, and what the store does when nobody asks.

use crate::fixture::{NOW, ROOM, TestStore, cases};
use futures_util::future::join_all;
use picloud_shared::{api::DatabaseKind, ids::AppId};
use picloud_store::{Database, KvValue, NewApp, Store, StoreError};
use std::{collections::BTreeSet, os::unix::fs::PermissionsExt, path::Path, sync::Arc};
use tokio::sync::Barrier;

cases! {
    reopening_keeps_everything
    a_closed_store_answers_with_an_error
    statements_are_counted
    another_store_sees_what_is_committed
    the_database_tells_what_it_is_and_how_large
}

async fn reopening_keeps_everything(store: &TestStore) {
    let app = store.app("demo").await;
    let script = store.put(app.id, "greet", "1\0").await;
    store.kv_set(app.id, b"k", KvValue { json: true, data: b"1".to_vec() }, None, ROOM).await.unwrap().unwrap();
    store.record(&[crate::invocations::invocation(app.id, &script)], &[].into()).await.unwrap();
    store.close().await;

    let again = store.another().await;
    assert_eq!(again.script(app.id, &script.name).await.unwrap(), Some((script, "1\0".to_owned())));
    assert!(again.kv_get(app.id, b"k", NOW).await.unwrap().is_some());
    assert_eq!(
        again
            .invocations(app.id, picloud_store::InvocationFilter { limit: 9, ..Default::default() })
            .await
            .unwrap()
            .items
            .len(),
        1
    );
}

async fn a_closed_store_answers_with_an_error(store: &TestStore) {
    store.ping().await.unwrap();
    store.close().await;
    assert!(matches!(store.ping().await, Err(StoreError::Database(_))));
    assert!(store.delete_app(AppId::new()).await.is_err());
}

async fn statements_are_counted(store: &TestStore) {
    assert_eq!(store.queries(), 0);
    store.ping().await.unwrap();
    assert_eq!(store.queries(), 1);
    let app = store.app("demo").await;
    let before = store.queries();
    store.store.clone().deployment(&app.slug).await.unwrap();
    assert_eq!(store.queries() - before, 2);
    store.record_all(&[]).await.unwrap();
    assert_eq!(store.queries() - before, 2);
}

async fn the_database_tells_what_it_is_and_how_large(store: &TestStore) {
    let before = store.database_facts().await.unwrap();
    let kind = if store.is_shared() { DatabaseKind::Postgres } else { DatabaseKind::Sqlite };
    assert_eq!(before.kind, kind);
    assert!(before.version.starts_with(|digit: char| digit.is_ascii_digit()), "{before:?}");
    let app = store.app("demo").await;
    for key in [b"a", b"b"] {
        // Nothing that a database would make smaller.
        let data = (0..200_u32 << 10).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        let value = KvValue { json: false, data };
        store.kv_set(app.id, key, value, None, ROOM).await.unwrap().unwrap();
    }
    let after = store.database_facts().await.unwrap();
    assert!(after.bytes > before.bytes && before.bytes > 4_096, "{before:?} {after:?}");
}

async fn another_store_sees_what_is_committed(store: &TestStore) {
    let other = store.another().await;
    let app = store.app("demo").await;
    assert_eq!(other.app_revision(&app.slug).await.unwrap(), Some((app.id, 1)));
    assert_eq!((store.revision(), other.revision()), (1, 0));
    let id = AppId::new();
    let new = NewApp { id, slug: "two".parse().unwrap(), name: String::new(), debug: false, owner: None, now: NOW };
    other.create_app(new).await.unwrap().unwrap();
    store.put(id, "greet", "1").await;
}

/// Eight at a time, let go at the same moment.
async fn open_at_once(database: Database) {
    let start = Arc::new(Barrier::new(8));
    let opening = (0..8).map(|_| {
        let (start, database) = (Arc::clone(&start), database.clone());
        tokio::spawn(async move {
            start.wait().await;
            let store = Store::open(&database).await?;
            store.has_users().await
        })
    });
    for has_users in join_all(opening).await {
        assert!(!has_users.unwrap().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_open_a_new_sqlite_at_once() {
    for _ in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        open_at_once(Database::Sqlite(directory.path().join("deep/data"))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn many_open_a_new_postgres_at_once() {
    open_at_once(Database::Postgres(picloud_testkit::postgres::fresh_database())).await;
}

#[tokio::test]
async fn sqlite_files_are_their_owners() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let store = Store::open(&Database::Sqlite(data.clone())).await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = data.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Store::open(&Database::Sqlite(file.clone())).await.unwrap_err();
    assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_database_that_is_none_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("picloud.sqlite3"), vec![b'x'; 4096]).unwrap();
    let error = Store::open(&Database::Sqlite(directory.path().to_owned())).await.unwrap_err();
    assert!(matches!(error, StoreError::Database(_) | StoreError::Migrate(_)), "{error}");
    for url in ["", "nonsense"] {
        assert!(matches!(Store::open(&Database::Postgres(url.to_owned())).await, Err(StoreError::Database(_))));
    }
    let error = Store::open(&Database::Postgres("postgres://picloud@127.0.0.1:1/none".to_owned())).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}

#[test]
fn a_database_hides_its_password() {
    let database = Database::Postgres("postgres://picloud:hunter2@localhost/x".to_owned());
    assert!(!format!("{database:?}").contains("hunter2"));
}

#[tokio::test]
async fn both_databases_have_the_same_columns() {
    let names = |directory: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(directory);
        path.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("sqlite"), names("postgres"));

    let sqlite = TestStore::sqlite().await;
    let in_sqlite = sqlite
        .texts(
            "SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name <> '_sqlx_migrations'",
        )
        .await;
    let postgres = TestStore::postgres().await;
    let in_postgres = postgres
        .texts(
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
        )
        .await;
    assert!(in_sqlite.contains("apps.slug"));
    assert_eq!(in_sqlite, in_postgres);
}

/// Where a server's own order is that of a language, ids and names must still sort by their bytes.
#[tokio::test]
async fn postgres_compares_all_text_by_bytes() {
    let columns = TestStore::postgres()
        .await
        .texts(
            "SELECT table_name || '.' || column_name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations' AND data_type = 'text'
                AND collation_name IS DISTINCT FROM 'C'",
        )
        .await;
    assert!(columns.is_empty(), "{columns:?}");
}

/// Its log is as large as the largest transaction since it was begun anew, and would stay so.
#[tokio::test]
async fn sqlites_log_gives_back_what_a_large_transaction_took() {
    let store = TestStore::sqlite().await;
    let Database::Sqlite(directory) = &store.database else { panic!() };
    let length = || directory.join("picloud.sqlite3-wal").metadata().unwrap().len();
    let app = store.app("demo").await.id;
    let set = async |bytes: usize| {
        let value = KvValue { json: false, data: vec![7; bytes] };
        store.kv_set(app, b"k", value, None, ROOM).await.unwrap().unwrap();
    };
    set(40 << 20).await;
    assert!(length() > 40 << 20, "{}", length());
    // The large one was folded into the file when it was committed, and the next begins the log anew.
    set(1).await;
    assert!(length() <= 16 << 20, "{}", length());
}

/// `.cargo/config.toml` says so, and is read where cargo is called from within the workspace.
#[tokio::test]
async fn sqlite_is_compiled_without_what_nobody_asks_for() {
    let store = TestStore::sqlite().await;
    let options = store.texts("SELECT compile_options FROM pragma_compile_options").await;
    assert!(options.contains("DEFAULT_MEMSTATUS=0") && !options.contains("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
}
