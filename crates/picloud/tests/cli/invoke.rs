//! `pic invoke` and `pic invocations`: what a run came to, and what became of one that was interrupted.

use super::{interrupt, shared};
use crate::support::until;
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
    assert_eq!(pic.fails(&["invoke", "add", "--payload", "{"]).0, 5);
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
