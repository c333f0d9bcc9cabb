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

#[test]
fn lines_and_invocations_are_found_by_how_they_ended() {
    let app = shared::app("ended");
    let pic = &app.pic;
    pic.write("fine.rhai", "log::info(\"fine\");");
    pic.write("fails.rhai", "log::info(\"fails\"); throw \"no stock\"");
    pic.write("calls.rhai", "scripts::invoke(\"fine\", ());");
    pic.ok(&["scripts", "put", "fine.rhai", "fails.rhai", "calls.rhai"]);
    pic.ok(&["invoke", "fine"]);
    assert_eq!(pic.fails(&["invoke", "fails"]).0, 1);
    let (fine, fails) = (&["fine"][..], &["fails", "no stock (line 1, column 21)"][..]);
    let expected = [("500", fails), ("5xx", fails), ("failed", fails), ("ok", fine), ("2xx", fine), ("404", &[])];
    for (status, expected) in expected {
        let page = pic.json(&["logs", "--status", status]);
        let lines: Vec<_> = page["items"].as_array().unwrap().iter().map(|line| &line["message"]).collect();
        assert_eq!(lines, expected, "{status}");
    }
    for command in [&["logs"][..], &["invocations", "list"]] {
        let (exit, told) = pic.fails(&[command, &["--status", "6xx"]].concat());
        assert!(exit == 2 && told.contains("a status is ok, failed, 2xx to 5xx, or 200 to 599"), "{exit}: {told}");
    }
    pic.ok(&["invoke", "calls"]);
    let list = |arguments: &[&str]| {
        let page = pic.json(&[&["invocations", "list"], arguments].concat());
        page["items"].as_array().unwrap().clone()
    };
    let names = |arguments: &[&str]| -> Vec<String> {
        list(arguments).iter().map(|one| one["script"].as_str().unwrap().to_owned()).collect()
    };
    let caller = list(&["--script", "calls"])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(names(&["--status", "500"]), ["fails"]);
    assert_eq!((names(&["--outcome", "error"]), names(&["--failed"])), (vec!["fails".into()], vec!["fails".into()]));
    assert_eq!(names(&["--outcome", "timeout"]), [""; 0]);
    assert_eq!(
        (names(&["--trigger", "invoke"]), names(&["--parent", &caller])),
        (vec!["fine".into()], vec!["fine".into()])
    );
    assert_eq!(names(&["--text", "no stock"]), ["fails"]);
    assert_eq!((names(&["--since", "1h"]).len(), names(&["--until", "1h"]).len()), (4, 0));
    for bad in [&["--outcome", "bad"][..], &["--trigger", "x"], &["--since", "soon"], &["--failed", "--status", "500"]]
    {
        assert_eq!(pic.fails(&[&["invocations", "list"], bad].concat()).0, 2, "{bad:?}");
    }
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
