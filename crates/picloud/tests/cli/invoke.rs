//! `pic invoke` and `pic invocations`: what a run came to, and what became of one that was interrupted.

use super::{Pic, interrupt, shared};
use crate::support::{Backend, Setup, until};
use picloud_shared::ids::InvocationId;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use std::os::unix::process::ExitStatusExt as _;

#[test]
fn a_run_tells_its_cost_and_its_exit_code() {
    let app = shared::app("invoke");
    let pic = &app.pic;
    pic.write("add.rhai", "log::warn(\"adding\");\nevent.payload.a + event.payload.b");
    pic.write("gone.rhai", "throw #{status: 410, message: \"gone for good\"}");
    pic.ok(&["scripts", "put", "add.rhai", "gone.rhai"]);
    let run = pic.run(&["invoke", "add", "--payload", "{\"a\": 1, \"b\": 2}"]);
    let told = String::from_utf8(run.stderr).unwrap();
    assert_eq!(String::from_utf8_lossy(&run.stdout), "3\n", "{told}");
    assert!(told.contains("% of 500,000,000)") && told.contains("request id ") && told.contains("adding"), "{told}");
    let shown = pic.json(&["invoke", "add", "--payload", "{\"a\": 1, \"b\": 2}"]);
    let again = pic.json(&["invoke", "add", "--payload", "{\"a\": 1, \"b\": 2}"]);
    assert_eq!((&shown["fuel"], &shown["result"]), (&again["fuel"], &again["result"]), "the same burns the same");

    let (code, told) = pic.fails(&["invoke", "gone"]);
    assert!(code == 1 && told.contains("410"), "{code} {told}");
    let (code, told) = pic.fails(&["invoke", "add", "--payload", "{\"a\": 1}"]);
    assert!(code == 1 && told.contains("add:2:"), "{code} {told}");
    assert_eq!(pic.fails(&["invoke", "add", "--payload", "{"]).0, 2);
    let failed = pic.json(&["invocations", "list", "--failed"]);
    assert_eq!(failed["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_interrupts_a_run_is_gone_at_once_and_it_is_recorded() {
    let app = shared::app("slow");
    let pic = &app.pic;
    pic.write("slow.rhai", "kv::set(\"began\", true);\nloop {}");
    pic.ok(&["scripts", "put", "slow.rhai"]);
    pic.ok(&["apps", "limits", &app.slug, "fuel=10000000000"]);
    let run = pic.interruptible(&["invoke", "slow"]).spawn().unwrap();
    until("it to begin", async || pic.run(&["kv", "get", "began"]).status.success().then_some(())).await;
    interrupt(&run);
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.signal(), Some(2), "{ended:?}");
    assert!(ended.stdout.is_empty());
    let recorded = until("its record", async || {
        let list = pic.json(&["invocations", "list"]);
        list["items"].as_array().filter(|items| !items.is_empty()).map(|items| items[0].clone())
    })
    .await;
    assert_ne!(recorded["outcome"], "ok", "{recorded}");
}

/// With a server of its own: for a while nothing can be written to its database, and so nothing recorded.
#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_is_shown_though_its_record_comes_later() {
    let setup = Setup::new(Backend::Sqlite);
    let picloud = setup.clone().start().await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "hello", "\"hello\"", &[]).await;
    let pic = Pic::with_token(&picloud.manager, "admin", &picloud.token().await, "shop");
    let database = SqliteConnectOptions::new().filename(setup.data().join("picloud.sqlite3"));
    // What ran is new for two seconds, which may be over before a busy machine has started `pic`.
    for attempt in 1..=5 {
        picloud.queries_once_quiet().await;
        let mut writer = database.connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
        let answer = picloud.get("/shop/hello").await;
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        let before = picloud.queries().await;
        let error = picloud.client.invocation(&app, id.parse::<InvocationId>().unwrap()).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), 404, "nothing can be recorded");
        let (asked, once) = (picloud.queries().await, picloud.queries().await - before);
        assert!(once > 0);
        let mut showing = pic.command(&["invocations", "show", id]).spawn().unwrap();
        let again = until("it to ask again", async || match showing.try_wait().unwrap() {
            Some(_) => Some(false),
            None => (picloud.queries().await >= asked + 2 * once).then_some(true),
        })
        .await;
        writer.close().await.unwrap();
        let shown = showing.wait_with_output().unwrap();
        if again && shown.status.success() {
            assert!(String::from_utf8_lossy(&shown.stdout).contains(id), "{shown:?}");
            return;
        }
        assert!(attempt < 5, "it gives up: {shown:?}");
    }
}
