//! `pic vars`, `pic secrets` and `pic files`: from set to delete.

use super::shared::{self, SERVER};
use std::{
    fs,
    io::Write as _,
    process::{Command, Stdio},
};

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_secrets_from_set_to_delete() {
    let app = shared::app("shop");
    let (pic, shop) = (&app.pic, app.slug.as_str());
    pic.write("read.rhai", r#"[vars::get("REGION"), vars::get("NOTE"), secrets::get("KEY"), secrets::get("PEM")]"#);
    pic.write("note", "two\nlines\n");
    pic.ok(&["scripts", "put", "read.rhai"]);
    pic.ok(&["vars", "set", "REGION", "-eu-"]);
    pic.ok(&["vars", "set", "NOTE", "--from-file", "note"]);
    assert!(pic.run_with("hunter2\n", &["secrets", "set", "KEY"]).status.success());
    pic.ok(&["secrets", "set", "PEM", "--from-file", "note"]);
    assert_eq!(SERVER.text(&format!("/{shop}/read")).await.1, r#"["-eu-","two\nlines\n","hunter2","two\nlines\n"]"#);
    assert_eq!(pic.ok(&["vars", "get", "NOTE"]), "two\nlines\n");
    assert_eq!(pic.json(&["vars", "get", "REGION"])["value"], "-eu-");
    assert_eq!(pic.json(&["vars", "list"])[1]["name"], "REGION");
    let listed = pic.ok(&["secrets", "list"]);
    assert!(listed.contains("KEY") && listed.contains("PEM") && !listed.contains("hunter2"), "{listed}");
    pic.ok(&["vars", "delete", "NOTE"]);
    pic.ok(&["secrets", "delete", "PEM"]);
    assert_eq!(SERVER.text(&format!("/{shop}/read")).await.1, r#"["-eu-",null,"hunter2",null]"#);

    let (code, told) = pic.fails(&["vars", "get", "NOTE"]);
    assert!(code == 4 && told.contains("no variable NOTE"), "{told}");
    assert_eq!(pic.fails(&["secrets", "delete", "PEM"]).0, 4);
    assert_eq!(pic.fails(&["vars", "set", "REGION"]).0, 2);
    assert_eq!(pic.fails(&["secrets", "set", "KEY", "hunter2"]).0, 2);
    let (code, told) = pic.fails(&["secrets", "set", "KEY"]);
    assert!(code == 5 && told.contains("there is no value"), "{told}");
    let (code, told) = pic.fails(&["secrets", "set", "1KEY"]);
    assert!(code == 2 && told.contains("a secret's name is"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_from_put_to_delete() {
    let app = shared::app("shop");
    let pic = &app.pic;
    pic.write("local", "two\nlines\n");
    pic.ok(&["files", "put", "notes/a.txt", "local"]);
    assert!(pic.run_with("piped", &["files", "put", "notes/b.txt"]).status.success());
    assert!(!String::from_utf8_lossy(&pic.run_with("piped", &["files", "put", "c"]).stderr).contains("reading"));
    let listed = pic.ok(&["files", "list", "notes/"]);
    assert!(listed.contains("notes/a.txt") && listed.contains("10 B"), "{listed}");
    assert_eq!(pic.json(&["files", "list", "--after", "notes/a.txt"])["items"][0]["path"], "notes/b.txt");
    assert_eq!(pic.ok(&["files", "get", "notes/b.txt"]), "piped");
    pic.ok(&["files", "get", "notes/a.txt", "--to", "copy"]);
    assert_eq!(fs::read_to_string(pic.directory.path().join("copy")).unwrap(), "two\nlines\n");
    pic.ok(&["files", "delete", "notes/a.txt"]);
    assert_eq!(pic.fails(&["files", "get", "notes/a.txt"]).0, 4);
    assert_eq!(pic.fails(&["files", "put", "a", "nowhere"]).0, 5);
    let (code, told) = pic.fails(&["files", "put", "../a", "local"]);
    assert!(code == 2 && told.contains("a file's path is"), "{told}");
}

/// `script` gives a terminal to the program that it starts, on which it types what it is sent, and then Ctrl-D.
#[test]
fn whoever_sits_in_front_is_told_that_a_file_is_read_from_there() {
    let app = shared::app("typed");
    let pic = &app.pic;
    let asked = pic.command(&["files", "put", "typed"]);
    let line = format!("{} files put typed", asked.get_program().to_str().unwrap());
    let mut terminal = Command::new("/usr/bin/script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .env_clear()
        .envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("SHELL", "/bin/sh")
        .current_dir(pic.directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    terminal.stdin.take().unwrap().write_all(b"by hand\n").unwrap();
    let ended = terminal.wait_with_output().unwrap();
    let seen = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && seen.contains("reading standard input; Ctrl-D ends it"), "{seen}");
    assert_eq!(pic.ok(&["files", "get", "typed"]), "by hand\n");
}
