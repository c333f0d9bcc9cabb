//! `picloud check`: what a server would not take, as editors and CI read it.

use crate::support::{
    directory::{Directory, run},
    until,
};
use std::{
    path::Path,
    process::{Command, Stdio},
};

#[test]
fn what_is_right_is_told_to_be() {
    let directory = Directory::of(&[
        ("hello.rhai", "import \"lib/words\" as words; words::hello()"),
        ("lib/words.rhai", "fn hello() { \"hello\" }"),
        ("picloud.toml", "[limits]\nfuel = 2_000_000\n[scripts.hello]\nroutes = [\"GET /hi\"]\n"),
    ]);
    let (exit, out, told) = run(&directory, &["check", "."]);
    assert_eq!(
        (exit, out.as_str(), told.as_str()),
        (0, "", "2 scripts: nothing is wrong that shows before they run\n")
    );
    let (exit, out, _) = run(&directory, &["check", ".", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, document), (0, serde_json::json!({"scripts": 2, "problems": []})));
    // It runs nothing and leaves nothing.
    assert_eq!(directory.left_in_temporary(), Vec::<String>::new());
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let directory = Directory::of(&[
        ("a.rhai", "let x = 1;\nlet y = ;\n"),
        ("b.rhai", "import \"lib/none\" as none;\n1"),
        ("c.rhai", "1\n// route: GTE /c"),
        ("d.rhai", "import \"lib/bad\" as bad; 1"),
        ("lib/bad.rhai", "fn f( { 1 }"),
        ("fine.rhai", "1"),
    ]);
    let (exit, out, told) = run(&directory, &["check", "."]);
    assert_eq!(exit, 1, "{told}");
    let places: Vec<&str> = out.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["./a.rhai:2:9", "./b.rhai:1:8", "./c.rhai:2", "./lib/bad.rhai:1:7"], "{out}");
    assert!(out.contains("./b.rhai:1:8: there is no script lib/none to import"), "{out}");
    assert_eq!(told, "6 scripts: 4 problems\n");
    let (exit, out, _) = run(&directory, &["check", ".", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let second = &document["problems"][1];
    assert_eq!(
        (exit, &second["path"], &second["line"], &second["column"]),
        (1, &"./b.rhai".into(), &1.into(), &8.into())
    );
}

#[test]
fn what_only_a_server_sees_is_seen() {
    let directory = Directory::of(&[("a.rhai", "// route: GET /x\n1"), ("b.rhai", "// route: GET /x\n2")]);
    let (exit, out, _) = run(&directory, &["check", "."]);
    assert!(exit == 1 && out.contains("GET /x"), "{out}");
    for (manifest, told) in [
        ("[limits]\nfuel = 7\n", "./picloud.toml: the limit fuel is 1000000 to"),
        ("[limits]\n\nfule = 7\n", "./picloud.toml:3: there is no limit"),
        ("[scripts.nobody]\n", "./picloud.toml: there is no file nobody.rhai"),
    ] {
        let directory = Directory::of(&[("a.rhai", "1"), ("picloud.toml", manifest)]);
        let (exit, out, _) = run(&directory, &["check", "."]);
        assert!(exit == 1 && out.starts_with(told), "{out}");
    }
}

#[test]
fn nothing_that_is_wrong_hides_what_else_is() {
    let directory = Directory::of(&[
        ("a.rhai", "let y = ;"),
        ("b.rhai", "// route: GET /x/{id}\nimport \"lib/none\" as none;\n1"),
        ("c.rhai", "// route: GET /x/{other}\n1"),
        ("d.rhai", "// route: GTE /d\n// schedule: soon\nlet z = ;"),
        ("e.rhai", "// route: GET /x/{third}\n1"),
        ("f.rhai", "import \"lib/odd\" as odd; 1"),
        ("lib/odd.rhai", "// topic: no topic\nfn f() { 1 }"),
        ("picloud.toml", "[limits]\nfuel = 7\nmemory_bytes = 1\n[scripts.nobody]\n"),
    ]);
    let (exit, out, told) = run(&directory, &["check", "."]);
    assert_eq!(exit, 1, "{told}");
    let places: Vec<&str> = out.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let expected = [
        "./a.rhai:1:9",
        "./b.rhai:2:8",
        "./c.rhai",
        "./d.rhai:1",
        "./d.rhai:2",
        "./d.rhai:3:9",
        "./e.rhai",
        "./lib/odd.rhai:1",
        "./picloud.toml",
        "./picloud.toml",
        "./picloud.toml",
    ];
    assert_eq!(places, expected, "{out}");
    // Clashes hide nothing in the tests either, and a manifest that cannot be read makes none.
    let directory = Directory::of(&[
        ("a.rhai", "// route: GET /x\n1"),
        ("b.rhai", "// route: GET /x\n1"),
        ("a.test.rhai", "fn test_a() { let y = ; }"),
    ]);
    let (_, out, _) = run(&directory, &["check", "."]);
    let places: Vec<&str> = out.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["./a.test.rhai:1:23", "./b.rhai"], "{out}");
    let directory = Directory::of(&[
        ("a.rhai", "1"),
        ("b.rhai", "// route: ANY /a\n1"),
        ("picloud.toml", "[scripts.a]\nroutes = [\"GET /other\"]\ntopic = []\n"),
    ]);
    let (_, out, _) = run(&directory, &["check", "."]);
    assert!(out.starts_with("./picloud.toml:3: unknown field") && out.lines().count() == 1, "{out}");
}

#[test]
fn what_cannot_be_checked_has_another_exit_code() {
    let directory = Directory::of(&[]);
    let (exit, out, told) = run(&directory, &["check", "nowhere"]);
    assert!(exit == 3 && out.is_empty() && told.contains("cannot read nowhere"), "{exit}: {told}");
    assert_eq!(run(&directory, &["check"]).0, 2);
    let (exit, out, _) = run(&directory, &["check", "."]);
    assert!(exit == 1 && out.contains("holds no script"), "{exit}: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_to_stop_leaves_nothing() {
    let directory = Directory::of(&[("hello.rhai", "1")]);
    let mut command = directory.command(Path::new(env!("CARGO_BIN_EXE_picloud")));
    let check = command.args(["check", "."]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("a place for a database", async || (!directory.left_in_temporary().is_empty()).then_some(())).await;
    assert!(Command::new("kill").args(["-TERM", &check.id().to_string()]).status().unwrap().success());
    let ended = check.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "picloud: it was told to stop\n");
    assert_eq!(directory.left_in_temporary(), Vec::<String>::new());
}
