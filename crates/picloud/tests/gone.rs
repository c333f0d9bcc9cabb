//! What is deleted is removed in steps: while the process lives, and when it does not live long enough.

use crate::support::{Backend, Setup, on_both, until};
use sqlx::{ConnectOptions, Connection, PgConnection, sqlite::SqliteConnectOptions};

on_both!(what_a_deleted_app_leaves_is_removed_after_a_crash, who_gets_a_deleted_apps_name_gets_nothing_else);

/// Rows of apps, gone or not, and of what they keep.
async fn rows(setup: &Setup) -> i64 {
    let statement =
        "SELECT (SELECT COUNT(*) FROM apps) + (SELECT COUNT(*) FROM kv) + (SELECT COUNT(*) FROM invocations)";
    match setup.database() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap()
        }
        None => {
            let file = SqliteConnectOptions::new().filename(setup.data().join("picloud.sqlite3"));
            sqlx::query_scalar(statement).fetch_one(&mut file.connect().await.unwrap()).await.unwrap()
        }
    }
}

async fn what_a_deleted_app_leaves_is_removed_after_a_crash(backend: Backend) {
    let setup = Setup::new(backend);
    let mut picloud = setup.clone().start().await;
    for round in 0..3 {
        let app = picloud.create_app("keep").await;
        let source = "for n in 0..900 { kv::set(`${req.params.part}-${n}`, n); }\n\"done\"";
        picloud.put(&app, "fill", source, &["GET /fill/{part}"]).await;
        for part in 0..6 {
            assert_eq!(picloud.text(&format!("/keep/fill/{part}")).await, (200, "done".to_owned()));
        }
        assert!(rows(&setup).await >= 5_400);
        picloud.client.delete_app(&app).await.unwrap();
        assert_eq!(picloud.get("/keep/fill/0").await.status(), 404, "gone at once");
        // In the second round it lives long enough.
        if round != 1 {
            picloud = picloud.kill_and_restart().await;
        }
        assert!(picloud.client.apps().await.unwrap().is_empty());
        until("all of it to be removed", async || (rows(&setup).await == 0).then_some(())).await;
    }
    picloud.asks_the_database_nothing().await;
}

/// As many changes as the first one had, and nobody asks in between.
async fn who_gets_a_deleted_apps_name_gets_nothing_else(backend: Backend) {
    let picloud = Setup::new(backend).start().await;
    for source in ["`of the first`", "`of the second`"] {
        let app = picloud.create_app("shop").await;
        picloud.put(&app, "hello", source, &["GET /hello"]).await;
        assert_eq!(picloud.text("/shop/hello").await, (200, source.trim_matches('`').to_owned()));
        picloud.client.delete_app(&app).await.unwrap();
    }
}
