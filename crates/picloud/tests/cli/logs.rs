//! `pic logs`: what is looked for, and following until it is interrupted. What becomes of connections that break is tested with a
//! server of its own.

use super::{interrupt, shared};
use crate::support::until;
use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
};

#[test]
fn lines_are_found_by_script_level_and_text() {
    let app = shared::app("logs");
    let pic = &app.pic;
    pic.write("a.rhai", "log::debug(\"one\"); log::error(\"two\");");
    pic.write("b.rhai", "log::info(\"three\");");
    pic.ok(&["scripts", "put", "a.rhai", "b.rhai"]);
    assert_eq!(pic.ok(&["logs"]), "(none)\n");
    for name in ["a", "b"] {
        pic.ok(&["invoke", name]);
    }
    let found = |arguments: &[&str]| -> Vec<String> {
        let page = pic.json(&[&["logs"], arguments].concat());
        let lines = page["items"].as_array().unwrap();
        lines.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&["--script", "a"]), ["one", "two"]);
    assert_eq!(found(&["--level", "error"]), ["two"]);
    assert_eq!(found(&["--text", "thr"]), ["three"]);
    assert!(pic.ok(&["logs", "--level", "error"]).ends_with("error a: two\n"));
    assert_eq!(pic.fails(&["logs", "--level", "loud"]).0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_until_it_is_interrupted() {
    let app = shared::app("follow");
    let pic = &app.pic;
    pic.write("says.rhai", "log::info(`says ${event.payload}`);");
    pic.ok(&["scripts", "put", "says.rhai"]);
    let mut following = pic.interruptible(&["logs", "--follow", "-o", "json"]).spawn().unwrap();
    let lines = BufReader::new(following.stdout.take().unwrap()).lines();
    // Whether it listens already is not to be seen; what it misses is said again.
    let (tell, told) = std::sync::mpsc::channel();
    // To the end: where nobody reads any more, it would end by itself.
    std::thread::spawn(move || lines.map(|line| tell.send(line)).take_while(Result::is_ok).count());
    let first = until("a line", async || {
        pic.ok(&["invoke", "says", "--payload", "1"]);
        told.try_recv().ok()
    })
    .await;
    let line: serde_json::Value = serde_json::from_str(&first.unwrap()).unwrap();
    assert_eq!((&line["message"], &line["script"]), (&"says 1".into(), &"says".into()));
    interrupt(&following);
    assert_eq!(following.wait().unwrap().signal(), Some(2));
}
