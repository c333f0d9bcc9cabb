//! Not signed in, nobody there, misuse: each has its exit code, and says what to do next.

use crate::pic::{Home, stderr, unused_url};

#[test]
fn without_a_profile_nobody_is_signed_in() {
    for args in [&["whoami"][..], &["apps", "list"], &["logs"], &["logout"], &["scripts", "list", "--app", "demo"]] {
        let said = stderr(&Home::new().pic(args).code(3).stdout(""));
        assert_eq!(
            said,
            "error: you are not signed in to http://127.0.0.1:7070\n\
             hint: sign in with `pic login http://127.0.0.1:7070`, or set PIC_TOKEN\n",
            "{args:?}"
        );
    }
}

#[test]
fn a_token_is_not_sent_to_another_server() {
    let said = stderr(&Home::signed_in().pic(&["whoami", "--url", &unused_url()]).code(3));
    assert!(said.contains("not signed in"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let home = Home::signed_in();
    for args in [&["whoami"][..], &["apps", "list"], &["invoke", "greet"], &["apps", "delete", "demo", "--yes"]] {
        let said = stderr(&home.pic(args).code(6).stdout(""));
        assert!(said.contains("cannot connect to http://127.0.0.1:") && said.contains("refused"), "{args:?}: {said}");
        assert!(said.contains("\nhint: is the server running?"), "{args:?}: {said}");
    }
}

#[test]
fn a_server_is_reached_with_a_token_alone() {
    let home = Home::new();
    let mut command = home.command(&["whoami", "--url", &unused_url()]);
    command.env("PIC_TOKEN", "pic_1").assert().code(6);
    command.env("PIC_TOKEN", "no\ntoken").assert().code(3);
}

#[test]
fn logging_out_forgets_the_token_even_when_nobody_can_be_told() {
    let home = Home::signed_in();
    let said = stderr(&home.pic(&["logout"]).code(6));
    assert!(said.contains("cannot revoke the token, which is forgotten here only"), "{said}");
    assert!(!home.read(".config/picloud/pic.toml").contains("pic_1"));
}

#[test]
fn misuse_exits_with_2() {
    let home = Home::signed_in();
    home.write("a.rhai", "1");
    for args in [
        &[][..],
        &["nonsense"],
        &["scripts", "put"],
        &["scripts", "put", "a.rhai", "--route", "/x"],
        &["scripts", "put", "a.rhai", "--route", "GET /x", "--no-routes"],
        &["scripts", "put", "a.rhai", "a.rhai", "--name", "b"],
        &["scripts", "put", "a.rhai", "--name", "../a"],
        &["scripts", "show", "a", "--app", "NOT A SLUG"],
        &["apps", "delete", "demo"],
        &["scripts", "delete", "a"],
        &["invoke", "a", "--header", "no colon"],
        &["invocations", "list", "--limit", "0"],
        &["invocations", "show", "not-an-id"],
        &["whoami", "--url", "localhost:7070"],
        &["-o", "yaml", "whoami"],
        &["setup", "http://127.0.0.1:7070/"],
        &["join", "http://127.0.0.1:7070/setup#token=a"],
        &["join", "http://127.0.0.1:7070/invite#token=a"],
        &["invite"],
        &["invite", "--role", "editor", "--admin"],
        &["users", "update", "eve"],
        &["users", "update", "eve", "--admin", "--no-admin"],
        &["users", "update", "eve", "--disable"],
        &["users", "delete", "eve"],
        &["tokens", "create", "ci", "--days", "0"],
        &["tokens", "create", "ci", "--app", "NOT A SLUG"],
        &["tokens", "delete", "not-an-id"],
        &["password"],
        &["kv", "set", "a"],
        &["kv", "set", "a", "{"],
        &["kv", "set", "a", "1", "--ttl", "0"],
        &["kv", "set", "a", "1", "--text", "b"],
        &["kv", "get", ".."],
        &["login"],
    ] {
        let said = stderr(&home.pic(args).code(2).stdout(""));
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn an_app_has_to_be_named() {
    let home = Home::new();
    let mut command = home.command(&["scripts", "list", "--url", &unused_url()]);
    let said = stderr(&command.env("PIC_TOKEN", "pic_1").assert().code(2));
    assert!(said.contains("no app is named\nhint: give --app SLUG"), "{said}");
}

#[test]
fn a_password_comes_from_the_environment_or_standard_input() {
    let home = Home::new();
    let link = format!("{}/setup#token=abc", unused_url());
    let setup = ["setup", &link];
    let said = stderr(&home.pic(&setup).code(2));
    assert!(said.contains("hint: set PIC_PASSWORD, or give --password-stdin"), "{said}");
    home.command(&setup).env("PIC_PASSWORD", "a long password").assert().code(6);
    home.command(&[&setup[..], &["--password-stdin"]].concat()).write_stdin("a long password\n").assert().code(6);
    home.command(&[&setup[..], &["--password-stdin"]].concat()).write_stdin("\n").assert().code(5);
}

#[test]
fn plain_http_to_elsewhere_is_warned_of() {
    let home = Home::new();
    let mut command = home.command(&["whoami", "--url", "http://nowhere.invalid"]);
    let said = stderr(&command.env("PIC_TOKEN", "pic_1").assert().code(6).stdout(""));
    assert!(said.starts_with("warning: http://nowhere.invalid/ is plain HTTP"), "{said}");
}
