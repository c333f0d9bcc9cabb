//! `pic topics` and `pic schedules`: from publishing to replay, and from a line in a script to its run.

use super::shared;
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_from_publishing_to_replay() {
    let app = shared::app("shop");
    let pic = &app.pic;
    assert_eq!(pic.ok(&["topics", "publish", "orders"]), "stored for nobody: no script is subscribed to orders\n");
    pic.write("ship.rhai", "// topic: orders\nif event.payload.n == 1 { throw \"no stock\" }");
    let put = pic.ok(&["scripts", "put", "ship.rhai"]);
    assert_eq!(put, "ship: version 1 answers no requests, gets orders\n");
    pic.write("bad.rhai", "\n// topic: a b");
    let (code, told) = pic.fails(&["scripts", "put", "bad.rhai"]);
    assert!(code == 5 && told.contains("bad.rhai: line 2: a topic is"), "{code} {told}");
    let sent = pic.ok(&["topics", "publish", "orders", "{\"n\": 1}", "--key", "k"]);
    assert_eq!(sent, "stored for 1 script\n");
    assert_eq!(pic.fails(&["topics", "publish", "orders", "{"]).0, 2);
    let dead = until("a dead letter", async || {
        let page = pic.json(&["topics", "dead"]);
        page["items"].as_array().filter(|items| !items.is_empty()).map(|items| items[0].clone())
    })
    .await;
    assert_eq!((&dead["payload"]["n"], &dead["attempts"], &dead["key"]), (&1.into(), &1.into(), &"k".into()));
    let told = pic.ok(&["topics", "dead"]);
    assert!(told.contains("no stock") && told.contains("orders"), "{told}");
    let row = pic.ok(&["topics", "list"]);
    assert_eq!(row.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(), ["orders", "ship", "0", "1"]);
    let shown = pic.ok(&["invocations", "show", dead["last_invocation"].as_str().unwrap()]);
    assert!(shown.contains("trigger") && shown.contains("topic"), "{shown}");
    let id = dead["id"].as_str().unwrap();
    assert_eq!(pic.fails(&["topics", "replay"]).0, 2);
    for which in [&[id][..], &["--all"], &["--topic", "orders"]] {
        let replayed = pic.ok(&[&["topics", "replay"], which].concat());
        assert_eq!(replayed, "1 waiting to be delivered again\n");
        until("it to die again", async || {
            let page = pic.json(&["topics", "dead"]);
            page["items"].as_array().filter(|items| !items.is_empty()).map(drop)
        })
        .await;
    }
    pic.ok(&["topics", "forget", id]);
    assert_eq!(pic.ok(&["topics", "dead"]), "(none)\n");
    assert_eq!(pic.fails(&["topics", "forget", id]).0, 4);
    pic.ok(&["scripts", "put", "ship.rhai", "--no-topics"]);
    assert_eq!(pic.ok(&["topics", "list"]), "(none)\n");
}

#[test]
fn what_is_on_its_way_is_listed_with_how_far_it_is() {
    let app = shared::app("mail");
    let pic = &app.pic;
    assert_eq!(pic.ok(&["topics", "deliveries"]), "(none)\n");
    pic.write("send.rhai", "// topic: letters\nevent.payload");
    pic.ok(&["scripts", "put", "send.rhai"]);
    for _ in 0..2 {
        pic.ok(&["topics", "publish", "letters", "{}", "--key", "k", "--delay", "3600"]);
    }
    let page = pic.json(&["topics", "deliveries"]);
    let states: Vec<_> = page["items"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["behind", "waiting"], "the latest first: {page}");
    let told = pic.ok(&["topics", "deliveries", "--topic", "letters", "--script", "send", "--state", "behind"]);
    let row: Vec<&str> = told.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[1..], ["letters", "send", "behind", "0", "-", "-"], "{told}");
    let first = pic.json(&["topics", "deliveries", "--limit", "1"]);
    let next = first["next"].as_str().unwrap();
    assert_eq!(pic.json(&["topics", "deliveries", "--before", next])["items"][0]["state"], "waiting");
    assert_eq!(pic.ok(&["topics", "deliveries", "--state", "running"]), "(none)\n");
    let (code, told) = pic.fails(&["topics", "deliveries", "--state", "odd"]);
    assert!(code == 2 && told.contains("a state is waiting, behind, running or retrying"), "{code} {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_from_its_line_to_its_run() {
    let app = shared::app("shop");
    let pic = &app.pic;
    assert_eq!(pic.ok(&["schedules", "list"]), "(none)\n");
    pic.write("report.rhai", "// schedule: 0 9 1 jan * Europe/Berlin, missed: run-once\nlog::info(event.kind);");
    let put = pic.ok(&["scripts", "put", "report.rhai"]);
    assert_eq!(put, "report: version 1 answers no requests, runs at 0 9 1 JAN * Europe/Berlin, missed: run-once\n");
    pic.write("bad.rhai", "\n// schedule: 0 9 31 4 *");
    let (code, told) = pic.fails(&["scripts", "put", "bad.rhai"]);
    assert!(code == 5 && told.contains("bad.rhai: line 2: schedule \"0 9 31 4 *\": no such day"), "{code} {told}");
    assert_eq!(pic.fails(&["scripts", "put", "report.rhai", "--schedule", "hourly"]).0, 2);
    let listed = pic.ok(&["schedules", "list"]);
    assert!(listed.contains("report") && listed.contains("-01-01T08:00:00.000Z"), "{listed}");
    let schedule = pic.json(&["schedules", "list"])[0].clone();
    assert_eq!(schedule["next"].as_array().unwrap().len(), 5);
    let id = schedule["id"].as_str().unwrap();
    assert!(pic.ok(&["schedules", "run", id]).starts_with("stored as event "));
    until("its run", async || (pic.json(&["schedules", "list"])[0]["last"]["outcome"] == "ok").then_some(())).await;
    assert_eq!(pic.json(&["logs"])["items"][0]["message"], "schedule");
    assert_eq!(pic.fails(&["schedules", "run", "01980000-0000-7000-8000-000000000000"]).0, 4);
    pic.ok(&["scripts", "put", "report.rhai", "--schedule", "0 9 * * *", "--schedule", "*/5 * * * * *"]);
    assert_eq!(pic.json(&["schedules", "list"]).as_array().unwrap().len(), 2);
    let shown = pic.ok(&["scripts", "show", "report"]);
    assert!(shown.contains("*/5 * * * * * UTC; 0 9 * * * UTC"), "{shown}");
    pic.ok(&["scripts", "put", "report.rhai", "--no-schedules"]);
    assert_eq!(pic.ok(&["schedules", "list"]), "(none)\n");
}
