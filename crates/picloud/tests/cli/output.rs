//! What commands print: as a table for people, as JSON for programs. What differs each time stands as a word in the snapshots.

use super::{
    Pic,
    shared::{self, SERVER},
};
use crate::support::until;
use serde_json::Value;
use std::{fmt::Write as _, process::Command};

/// A text without what differs each time: ids, times, durations, and names that were made for the test.
pub(super) fn redacted(text: &str, names: &[(&str, &str)]) -> String {
    let mut text = names.iter().fold(text.to_owned(), |text, (name, word)| text.replace(name, word));
    for (length, is, word) in [(36, is_id as fn(&str) -> bool, "[id]"), (24, is_time, "[time]")] {
        let mut at = 0;
        while at < text.len() {
            if text.get(at..at + length).is_some_and(is) {
                text.replace_range(at..at + length, word);
            }
            at += 1;
        }
    }
    let mut at = 0;
    while at < text.len() {
        let begins = text.get(at..at + SECRET).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if begins {
            text.replace_range(at..at + SECRET, "[secret]");
        }
        at += 1;
    }
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// How long the tokens of links and programs are, and the tags of apps.
const SECRET: usize = 64;

/// A table without the widths of its columns, and without numbers that were measured.
pub(super) fn columns(text: &str) -> String {
    let line = |line: &str| {
        let cells: Vec<String> =
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(measures).collect();
        cells.join("  ") + "\n"
    };
    text.lines().map(line).collect()
}

fn is_id(text: &str) -> bool {
    let of_id =
        |(at, byte): (usize, u8)| if [8, 13, 18, 23].contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    text.bytes().enumerate().all(of_id)
}

fn is_time(text: &str) -> bool {
    let shape = text.replace(|c: char| c.is_ascii_digit(), "0");
    shape == "0000-00-00T00:00:00.000Z"
}

/// A cell without numbers that were measured.
fn measures(cell: &str) -> String {
    let mut words: Vec<String> = cell.split(' ').map(str::to_owned).collect();
    if let [fuel] = &mut words[..]
        && fuel.len() < 8
        && fuel.contains(',')
    {
        *fuel = "N".to_owned();
    }
    for at in 1..words.len() {
        let unit = words[at].trim_end_matches([',', ';', ')']).to_owned();
        // Fuel is the same until the interpreter changes.
        if words[at].starts_with('(') && words[at - 1].contains(',') {
            words[at - 1] = "N".to_owned();
        }
        if ["ms", "µs", "s", "MiB"].contains(&unit.as_str())
            && words[at - 1].trim_start_matches('(').starts_with(|c: char| c.is_ascii_digit())
        {
            words[at - 1] = if words[at - 1].starts_with('(') { "(N" } else { "N" }.to_owned();
            words[at] = words[at].replace(&unit, "[unit]");
        }
    }
    words.join(" ")
}

/// JSON without what differs each time.
pub(super) fn shape(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Of what is told by the time, that in which something happened.
            if let Some(Value::Array(buckets)) = fields.get_mut("buckets") {
                buckets.retain(|bucket| bucket["requests"] != 0);
            }
            for (name, value) in fields.iter_mut() {
                let measured = ["_at", "_us", "_bytes", "started_at"].iter().any(|end| name.ends_with(end));
                match value {
                    // An app's tag, made of its versions' ids.
                    Value::String(_) if name == "state" => *value = "[tag]".into(),
                    Value::Number(_)
                        if measured || ["at", "from", "fuel", "next_at", "start", "until"].contains(&name.as_str()) =>
                    {
                        *value = "[number]".into();
                    }
                    _ => shape(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(shape),
        _ => {}
    }
}

/// An app with one of everything.
async fn filled() -> shared::App {
    let app = shared::app("shop");
    let pic = &app.pic;
    pic.write("shop/price.rhai", "log::info(\"asked\", #{item: \"cup\"});\n#{price: 10}");
    pic.write("shop/lib/tax.rhai", "fn gross(net) { net + net / 5 }");
    pic.write("shop/ship.rhai", "// topic: orders\nthrow \"no stock\"");
    pic.write("shop/report.rhai", "// schedule: 0 9 1 jan *\nlog::info(\"weekly\");");
    pic.ok(&["deploy", "shop", "--yes"]);
    pic.ok(&["invoke", "price"]);
    pic.ok(&["topics", "publish", "orders", "{\"n\": 1}"]);
    until("a dead letter", async || (pic.json(&["topics", "dead"])["items"].as_array()?.len() == 1).then_some(()))
        .await;
    pic.ok(&["kv", "set", "visits", "3"]);
    pic.ok(&["vars", "set", "REGION", "eu"]);
    assert!(pic.run_with("hunter2\n", &["secrets", "set", "KEY"]).status.success());
    assert!(pic.run_with("piped", &["files", "put", "notes/a.txt"]).status.success());
    pic.ok(&["domains", "add", &format!("{}.example", app.slug)]);
    pic.ok(&["invite", "--role", "viewer"]);
    app
}

/// What stands for a test's own names in what is printed.
fn names(app: &str) -> [(&str, &str); 3] {
    [(app, "shop"), (port(&SERVER.ingress), "PORT"), (port(&SERVER.manager), "PORT")]
}

fn port(url: &str) -> &str {
    url.rsplit_once(':').unwrap().1
}

/// What commands print both ways.
fn printed(app: &shared::App, commands: &[&[&str]]) -> String {
    let pic = &app.pic;
    let names = names(&app.slug);
    let mut all = String::new();
    for command in commands {
        let command: Vec<&str> =
            command.iter().map(|word| if *word == "shop" { app.slug.as_str() } else { word }).collect();
        let mut json = pic.json(&command);
        shape(&mut json);
        let json = redacted(&serde_json::to_string_pretty(&json).unwrap(), &names);
        let text = columns(&redacted(&pic.ok(&command), &names));
        let command = redacted(&command.join(" "), &names);
        writeln!(all, "$ pic {command}{text}\n$ pic {} -o json\n{json}", command.trim_end()).unwrap();
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_json_of_scripts_and_releases() {
    let app = filled().await;
    let all = printed(
        &app,
        &[
            &["apps", "show", "shop"],
            &["scripts", "list"],
            &["scripts", "show", "price"],
            &["scripts", "versions", "price"],
            &["releases"],
            &["domains", "list"],
            &["roles", "list"],
            &["invitations", "list"],
        ],
    );
    insta::assert_snapshot!(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_json_of_what_ran() {
    let app = filled().await;
    let list = app.pic.json(&["invocations", "list", "--script", "price"]);
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let all = printed(
        &app,
        &[
            &["invoke", "price"],
            &["invocations", "list", "--script", "ship"],
            &["invocations", "show", &id],
            &["logs", "--script", "price", "--invocation", &id],
            &["topics", "list"],
            &["topics", "deliveries"],
            &["topics", "dead"],
            &["schedules", "list"],
        ],
    );
    insta::assert_snapshot!(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_json_of_what_is_kept() {
    let app = filled().await;
    let all = printed(
        &app,
        &[
            &["kv", "list"],
            &["kv", "get", "visits"],
            &["vars", "list"],
            &["vars", "get", "REGION"],
            &["secrets", "list"],
            &["files", "list"],
            &["apps", "limits", "shop"],
            &["whoami"],
        ],
    );
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_printed_is_plain_where_nobody_reads_it_on_a_terminal() {
    let app = shared::app("plain");
    app.pic.write("red.rhai", "log::info(\"\\x1b[31mred\\x07\"); \"\\x1b[31mred\"");
    app.pic.ok(&["scripts", "put", "red.rhai"]);
    let run = app.pic.run(&["invoke", "red"]);
    assert_eq!(run.stdout, b"\x1b[31mred", "what a script answers is its own");
    for (what, text) in
        [("notes", run.stderr), ("logs", app.pic.run(&["logs"]).stdout), ("help", app.pic.run(&["--help"]).stdout)]
    {
        assert!(!text.contains(&0x1b) && !text.contains(&7), "{what}: {}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn completion_is_for_each_shell_and_knows_every_command() {
    let pic = Pic::at("http://127.0.0.1:1");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = pic.ok(&["completion", shell]);
        for word in ["invocations", "rollback", "from-file"] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
    }
    assert_eq!(pic.fails(&["completion", "cmd"]).0, 2);
    // bash itself completes by it.
    pic.write("completion", &pic.ok(&["completion", "bash"]));
    let script = "source completion; COMP_WORDS=(pic scr); COMP_CWORD=1; _pic pic scr pic; echo \"${COMPREPLY[@]}\"";
    let bash = Command::new("bash").args(["--norc", "-c", script]).current_dir(pic.directory.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&bash.stdout).trim(), "scripts", "{}", String::from_utf8_lossy(&bash.stderr));
}
