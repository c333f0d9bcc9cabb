//! What every command says, and how it exits, when it cannot do what it is asked: nobody listens, the token is dead, the role
//! is too small, or there is no such app.

use super::{
    Pic,
    output::redacted,
    shared::{self, SERVER, WRONG_TOKEN},
};
use crate::support::compiled_engine;
use std::{collections::BTreeSet, fmt::Write as _, net::TcpListener};

/// An id of nothing.
const NOTHING: &str = "01980000-0000-7000-8000-000000000000";

/// Each command, asked for something that could be so; `APP` stands for the app. A command that is missing here fails a test.
pub(super) const COMMANDS: &[&str] = &[
    "setup URL/setup#token=TOKEN",
    "login URL --username admin",
    "logout",
    "whoami",
    "apps list",
    "apps create APP-2",
    "apps show APP",
    "apps use APP",
    "apps limits APP",
    "apps outbound APP --public",
    "apps cors APP --off",
    "apps delete APP --yes",
    "scripts put hello.rhai",
    "scripts check hello.rhai",
    "scripts list",
    "scripts show hello",
    "scripts versions hello",
    "scripts rollback hello",
    "scripts delete hello --yes",
    "test shop",
    "deploy shop --yes",
    "releases",
    "rollback --yes",
    "invoke hello",
    "invocations list",
    "invocations show ID",
    "logs",
    "stats",
    "usage",
    "docs kv",
    "completion bash",
    "roles list",
    "roles grant admin owner",
    "roles revoke admin",
    "invite --role viewer",
    "invitations list",
    "invitations revoke ID",
    "join URL/invite#token=TOKEN --username nobody",
    "users list",
    "users update nobody --disable --yes",
    "users delete nobody --yes",
    "tokens list",
    "tokens create ci",
    "tokens delete ID",
    "password",
    "audit",
    "domains list",
    "domains add cli.example",
    "domains remove cli.example",
    "topics publish orders 1",
    "topics list",
    "topics deliveries",
    "topics dead",
    "topics replay --all",
    "topics forget ID",
    "files list",
    "files get a",
    "files put a hello.rhai",
    "files delete a",
    "kv list",
    "kv get a",
    "kv set a 1",
    "kv delete a",
    "vars list",
    "vars get A",
    "vars set A 1",
    "vars delete A",
    "secrets list",
    "secrets set A --from-file hello.rhai",
    "secrets delete A",
    "schedules list",
    "schedules run ID",
];

/// Of these, those that ask no server.
pub(super) const ALONE: [&str; 3] = ["docs kv", "completion bash", "test shop"];

/// Each command that does something, as the page of the help has it.
pub(super) fn leaves() -> BTreeSet<&'static str> {
    let sections = include_str!("../../../../docs/cli.md").split("\n## `pic ").skip(1);
    let leaves = sections.filter(|section| !section.contains(" <COMMAND>\n"));
    leaves.filter_map(|section| section.split('`').next()).collect()
}

#[test]
fn every_command_is_in_the_table() {
    let leaves = leaves();
    let begins = |command: &str, leaf: &str| command == leaf || command.starts_with(&format!("{leaf} "));
    for leaf in &leaves {
        assert_eq!(COMMANDS.iter().filter(|command| begins(command, leaf)).count(), 1, "{leaf}");
    }
    for command in COMMANDS {
        assert!(leaves.iter().any(|leaf| begins(command, leaf)), "there is no {command}");
    }
}

/// What is typed for a line of the table.
pub(super) fn asked_for(command: &str, url: &str, app: &str) -> String {
    command.replace("APP", app).replace("ID", NOTHING).replace("URL", url).replace("TOKEN", &"0".repeat(64))
}

pub(super) fn files(pic: &Pic) {
    pic.write("hello.rhai", "\"hello\"");
    pic.write("shop/hello.rhai", "\"hello\"");
}

/// Exit codes and what was said, of all commands, one after the other.
fn asked(
    pic: impl Fn() -> Pic,
    url: &str,
    app: &str,
    env: &[(&str, &str)],
    left_out: &[&str],
) -> Vec<(String, i32, String)> {
    let commands = COMMANDS.iter().filter(|command| !left_out.iter().any(|name| command.starts_with(name)));
    let ask = |command: &&str| {
        let pic = pic();
        files(&pic);
        let arguments = asked_for(command, url, app);
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let output = pic
            .command(&arguments)
            .envs(env.iter().copied())
            .env("PIC_NEW_PASSWORD", "another one entirely")
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        (command.to_string(), output.status.code().expect("it exits"), told)
    };
    commands.map(ask).collect()
}

/// For a snapshot: what failed, without what differs each time.
fn failures(asked: &[(String, i32, String)], names: &[(&str, &str)]) -> String {
    let mut all = String::new();
    for (command, code, told) in asked.iter().filter(|(_, code, _)| *code != 0) {
        writeln!(all, "$ pic {command}\n{}[{code}]\n", redacted(told, names)).unwrap();
    }
    all
}

#[test]
fn where_nobody_listens() {
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let pic = || Pic::with_token(&url, "admin", WRONG_TOKEN, "shop");
    let asked = asked(pic, &url, "shop", &[], &ALONE);
    for (command, code, told) in &asked {
        assert!(told.starts_with("error: cannot "), "{command}: {told}");
        assert_eq!(*code, 6, "{command}: {told}");
    }
    let failed = failures(&asked, &[(&url, "URL")]);
    insta::assert_snapshot!(failed);
}

#[test]
fn with_a_token_that_is_dead() {
    let app = shared::app("dead");
    let pic = || Pic::with_token(&SERVER.manager, "admin", WRONG_TOKEN, &app.slug);
    // These have no need of one.
    let left_out = [&ALONE[..], &["setup", "login", "logout", "join"]].concat();
    let asked = asked(pic, &SERVER.manager, &app.slug, &[], &left_out);
    for (command, code, told) in &asked {
        assert_eq!(*code, 3, "{command}: {told}");
        assert!(told.contains("hint: ") && !told.contains(WRONG_TOKEN), "{command}: {told}");
    }
    let failed = failures(&asked, &[(&SERVER.manager, "URL"), (&app.slug, "APP")]);
    insta::assert_snapshot!(failed);
}

#[test]
fn with_a_role_that_is_too_small() {
    let app = shared::app("small");
    files(&app.pic);
    app.pic.ok(&["scripts", "put", "hello.rhai"]);
    app.pic.ok(&["deploy", "shop", "--yes"]);
    let vera = shared::member_user(&app, "viewer");
    let pic = || shared::pic_as(&vera, &app);
    // They are about oneself, and would end what the others need.
    let left_out = [&ALONE[..], &["setup", "login", "logout", "join", "password"]].concat();
    let asked = asked(pic, &SERVER.manager, &app.slug, &[], &left_out);
    for (command, code, told) in &asked {
        // A viewer looks, and finds nothing of what is not there.
        assert!([0, 3, 4].contains(code), "{command}: {code} {told}");
    }
    let forbidden = asked.iter().filter(|(_, code, _)| *code == 3).count();
    assert!(forbidden >= 33, "only {forbidden} are forbidden");
    let failed = failures(&asked, &[(&SERVER.manager, "URL"), (&app.slug, "APP"), (&vera.name, "vera")]);
    insta::assert_snapshot!(failed);
}

/// Of these, those that are of no app.
const EVERYWHERE: [&str; 10] =
    ["setup", "login", "logout", "join", "whoami", "apps list", "apps create", "users", "tokens", "password"];

#[test]
fn in_an_app_that_is_not_there() {
    let pic = || SERVER.admin("nowhere-at-all");
    let left_out = [&ALONE[..], &EVERYWHERE].concat();
    let asked = asked(pic, &SERVER.manager, "nowhere-at-all", &[], &left_out);
    for (command, code, told) in &asked {
        assert_eq!(*code, 4, "{command}: {told}");
        assert!(told.contains("no such app") && told.contains("pic apps list"), "{command}: {told}");
    }
    let failed = failures(&asked, &[(&SERVER.manager, "URL")]);
    insta::assert_snapshot!(failed);
}

/// Commands that name something that is not there.
const MISSING: &[&str] = &[
    "scripts show nothing",
    "scripts show nothing --source",
    "scripts versions nothing",
    "scripts rollback nothing",
    "scripts rollback hello",
    "scripts rollback hello --to 9",
    "scripts delete nothing --yes",
    "rollback --yes",
    "rollback 77 --yes",
    "invoke nothing",
    "invocations list --script nothing",
    "invocations show ID",
    "logs --script nothing",
    "logs --follow --script nothing",
    "logs --invocation ID",
    "stats --script nothing",
    "docs nothing",
    "roles grant nobody viewer",
    "roles revoke nobody",
    "invitations revoke ID",
    "invitations revoke ID --server",
    "join URL/invite#token=TOKEN --username somebody",
    "users update nobody --admin",
    "users delete nobody --yes",
    "tokens create ci --app nowhere",
    "tokens delete ID",
    "domains remove nowhere.example",
    "topics replay ID",
    "topics forget ID",
    "files get nothing",
    "files delete nothing",
    "kv get nothing",
    "kv delete nothing",
    "vars get NOTHING",
    "vars delete NOTHING",
    "secrets delete NOTHING",
    "schedules run ID",
];

/// What names nothing that is there already, and is of no app.
const NAMES_NOTHING: [&str; 10] = [
    "setup",
    "login",
    "logout",
    "whoami",
    "apps list",
    "apps create",
    "completion",
    "users list",
    "tokens list",
    "password",
];

#[test]
fn of_something_that_is_not_there() {
    let app = shared::app("missing");
    files(&app.pic);
    app.pic.ok(&["scripts", "put", "hello.rhai"]);
    let mut all = String::new();
    for command in MISSING {
        let line = asked_for(command, &SERVER.manager, &app.slug);
        let (code, told) = app.pic.fails(&line.split(' ').collect::<Vec<_>>());
        assert!(code == 4 && told.starts_with("error: "), "{command}: {code} {told}");
        let told = redacted(&told, &[(&SERVER.manager, "URL"), (&app.slug, "APP")]);
        writeln!(all, "$ pic {command}\n{told}[{code}]\n").unwrap();
    }
    insta::assert_snapshot!(all);
    let begins = |command: &str, leaf: &str| command == leaf || command.starts_with(&format!("{leaf} "));
    for leaf in leaves() {
        let of_an_app = ![&ALONE[..], &EVERYWHERE].concat().iter().any(|name| leaf.starts_with(name));
        let there = of_an_app || NAMES_NOTHING.contains(&leaf) || MISSING.iter().any(|command| begins(command, leaf));
        assert!(
            there || BAD_FILES.iter().any(|command| begins(command, leaf)),
            "{leaf} is asked for nothing that is missing"
        );
    }
}

/// Commands that name files that are not there, or hold other things than they should.
const BAD_FILES: &[&str] = &[
    "scripts put nowhere.rhai",
    "scripts put bytes.rhai",
    "scripts put text.txt",
    "scripts put long.rhai",
    "scripts check nowhere.rhai",
    "scripts check bytes.rhai",
    "deploy nowhere",
    "deploy empty",
    "deploy broken",
    "test nowhere",
    "test empty",
    "files put a nowhere",
    "files put a long",
    "files get a --to nowhere/a",
    "kv set a --file nowhere",
    "kv set a --file long",
    "vars set A --from-file bytes.rhai",
    "vars set A --from-file nowhere",
    "secrets set A --from-file nowhere",
    "secrets set A --from-file bytes.rhai",
    "invoke text --payload {",
    "invoke text --payload @nowhere",
    "invoke text --body @bytes.rhai",
    "whoami --profile nobody",
];

#[test]
fn files_that_are_none_are_told_before_anybody_is_asked() {
    let app = shared::app("files");
    let pic = &app.pic;
    pic.write("text.rhai", "1");
    pic.write("empty/nothing", "");
    pic.write("broken/picloud.toml", "[limits\n");
    pic.write("here", "there");
    pic.ok(&["files", "put", "a", "here"]);
    let directory = pic.directory.path();
    std::fs::write(directory.join("bytes.rhai"), b"\xff\xfe").unwrap();
    std::fs::write(directory.join("long.rhai"), vec![b' '; (256 << 10) + 1]).unwrap();
    std::fs::File::create(directory.join("long")).unwrap().set_len(1 << 30).unwrap();
    let mut all = String::new();
    for command in BAD_FILES {
        let output = pic
            .command(&command.split(' ').collect::<Vec<_>>())
            .env("PICLOUD_CACHE_DIR", compiled_engine())
            .output()
            .unwrap();
        let (code, told) = (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(
            (1..=5).contains(&code) && (output.stdout.is_empty() || command.starts_with("test ")),
            "{command}: {code} {told}"
        );
        let names =
            [(directory.to_str().unwrap(), "HERE"), (app.slug.as_str(), "APP"), (SERVER.manager.as_str(), "URL")];
        writeln!(all, "$ pic {command}\n{}[{code}]\n", redacted(&told, &names)).unwrap();
    }
    insta::assert_snapshot!(all);
    let page = include_str!("../../../../docs/cli.md");
    for section in page
        .split("\n## `pic ")
        .skip(1)
        .filter(|section| ["FILE>", "<DIR", "[DIR"].iter().any(|word| section.contains(word)))
    {
        let leaf = section.split('`').next().unwrap();
        assert!(
            BAD_FILES.iter().any(|command| command.starts_with(&format!("{leaf} "))),
            "{leaf} is given no bad file"
        );
    }
}
