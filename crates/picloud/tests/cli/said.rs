//! What commands that change something print, and some that only look, in the order in which somebody types them: on standard
//! output, on standard error behind a `!`, and their exit code where it is another than 0. Every command is here or in the tables of
//! `output`, both ways.

use super::{
    Pic,
    errors::leaves,
    output::{columns, redacted, shape},
    shared::{self, SERVER},
};
use crate::support::{Backend, PASSWORD, Process, Setup, compiled_engine, until, wait_until_ready};
use std::{fmt::Write as _, fs, path::Path};

/// What somebody types, and what they are told.
struct Session<'a> {
    pic: &'a Pic,
    /// Names that were made for the test, and the words that stand for them.
    names: Vec<(String, &'static str)>,
    all: String,
}

impl<'a> Session<'a> {
    fn of(pic: &'a Pic, names: &[(&str, &'static str)]) -> Self {
        let port = |url: &str| url.rsplit_once(':').unwrap().1.to_owned();
        let mut all: Vec<_> = names.iter().map(|(name, word)| ((*name).to_owned(), *word)).collect();
        all.extend([&SERVER.ingress, &SERVER.manager].map(|url| (port(url), "PORT")));
        Self { pic, names: all, all: String::new() }
    }

    /// Runs one command after the other, in which the words stand for the names.
    fn types(&mut self, commands: &[&str]) -> &mut Self {
        for command in commands {
            self.gets(command);
        }
        self
    }

    /// Runs one; what it printed on standard output.
    fn gets(&mut self, command: &str) -> String {
        let line = self.names.iter().fold(command.to_owned(), |line, (name, word)| line.replace(word, name));
        let words: Vec<&str> = line.split(' ').collect();
        let mut run = self.pic.command(&words);
        run.env("PIC_NEW_PASSWORD", PASSWORD);
        if words[0] == "test" {
            run.env("PICLOUD_CACHE_DIR", compiled_engine());
        }
        let output = run.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (printed, told) = (text(output.stdout), text(output.stderr));
        let names: Vec<(&str, &str)> = self.names.iter().map(|(name, word)| (name.as_str(), *word)).collect();
        let shown = match serde_json::from_str::<serde_json::Value>(&printed) {
            Ok(mut json) if command.ends_with("-o json") => {
                shape(&mut json);
                redacted(&serde_json::to_string_pretty(&json).unwrap(), &names)
            }
            _ => columns(&redacted(&printed, &names)),
        };
        writeln!(self.all, "$ pic {}", redacted(&line, &names).trim_end()).unwrap();
        self.all.push_str(&shown);
        for line in columns(&redacted(&told, &names)).lines() {
            writeln!(self.all, "! {line}").unwrap();
        }
        match output.status.code().unwrap() {
            0 => self.all.push('\n'),
            code => writeln!(self.all, "[{code}]\n").unwrap(),
        }
        printed
    }
}

/// A field of what a command prints as JSON, which is not shown.
fn id(pic: &Pic, command: &str, pointer: &str) -> String {
    let json = pic.json(&command.split(' ').collect::<Vec<_>>());
    json.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {json}")).as_str().unwrap().to_owned()
}

#[test]
fn of_apps_and_domains() {
    let app = shared::app("shop");
    let mut session = Session::of(&app.pic, &[(&app.slug, "APP")]);
    session.types(&[
        "apps create APP-2",
        "apps create APP-3 --debug -o json",
        "apps use APP-2",
        "apps use APP -o json",
        "apps outbound APP",
        "apps outbound APP api.example.com",
        "apps outbound APP --public -o json",
        "apps cors APP",
        "apps cors APP https://shop.example --max-age 60",
        "apps cors APP -o json",
        "apps cors APP --off -o json",
        "domains add APP.example",
        "domains add www.APP.example -o json",
        "domains remove APP.example",
        "domains remove www.APP.example -o json",
        "apps delete APP-2",
        "apps delete APP-2 --yes",
        "apps delete APP-3 -o json",
        "apps delete APP-3 --yes -o json",
    ]);
    // The administrator sees all apps there are.
    let vera = shared::member_user(&app, "viewer");
    let vera = shared::pic_as(&vera, &app);
    let mut hers = Session::of(&vera, &[(&app.slug, "APP")]);
    hers.types(&["apps list", "apps list -o json"]);
    insta::assert_snapshot!(session.all + &hers.all);
}

#[test]
fn of_scripts() {
    let app = shared::app("shop");
    let pic = &app.pic;
    pic.write("price.rhai", "#{price: 10}");
    pic.write("typo.rhai", "let a = 1;\nlet b = ;\n");
    pic.write("lib/tax.rhai", "fn of(net) { net / 5 }");
    let mut session = Session::of(pic, &[(&app.slug, "APP")]);
    session.types(&[
        "scripts check price.rhai",
        "scripts check price.rhai -o json",
        "scripts check typo.rhai",
        "scripts check typo.rhai -o json",
        "scripts put price.rhai lib/tax.rhai",
        "scripts put price.rhai",
        "scripts put typo.rhai",
    ]);
    pic.write("price.rhai", "#{price: 12}");
    session.types(&[
        "scripts put price.rhai -o json",
        "scripts rollback price",
        "scripts rollback price --to 2 -o json",
        "scripts delete price",
        "scripts delete price --yes",
        "scripts delete lib/tax -o json",
        "scripts delete lib/tax --yes -o json",
    ]);
    insta::assert_snapshot!(session.all);
}

#[test]
fn of_deploying_and_going_back() {
    let app = shared::app("shop");
    let pic = &app.pic;
    pic.write("shop/price.rhai", "#{price: 10}\n");
    pic.write("shop/old.rhai", "1\n");
    let mut session = Session::of(pic, &[(&app.slug, "APP")]);
    session.types(&[
        "deploy shop --dry-run --diff",
        "deploy shop --dry-run -o json",
        "deploy shop",
        "deploy shop",
        "deploy shop -o json",
    ]);
    pic.write("shop/price.rhai", "#{price: 12}\n");
    fs::remove_file(pic.directory.path().join("shop/old.rhai")).unwrap();
    session.types(&[
        "deploy shop",
        "deploy shop --yes --diff -o json",
        "rollback --dry-run",
        "rollback --dry-run -o json",
        "rollback",
        "rollback 2 --yes",
        "rollback 1 -o json",
        "rollback",
        "rollback --yes -o json",
    ]);
    pic.write("shop/price.rhai", "#{price: }\n");
    session.types(&["deploy shop --yes"]);
    insta::assert_snapshot!(session.all);
}

#[test]
fn of_tests() {
    let pic = Pic::at("http://127.0.0.1:1");
    pic.write("shop/price.rhai", "#{price: 10}");
    pic.write(
        "shop/price.test.rhai",
        "fn test_price() { test::equal(test::get(\"/price\").json, #{price: 10}); }\nfn test_cost() {\n    test::equal(1, 2);\n}\n",
    );
    pic.write("empty/price.rhai", "1");
    let mut session = Session::of(&pic, &[]);
    session.types(&[
        "test shop",
        "test shop price",
        "test shop nothing-like-it",
        "test shop -o json",
        "test empty",
        "test nowhere",
        "test",
    ]);
    insta::assert_snapshot!(session.all);
}

#[test]
fn of_what_is_kept() {
    let app = shared::app("shop");
    app.pic.write("note", "two\nlines\n");
    let mut session = Session::of(&app.pic, &[(&app.slug, "APP")]);
    for set in ["kv set visits 3", "vars set REGION eu", "secrets set KEY --from-file note", "files put a.txt note"] {
        session.types(&[set, &format!("{set} -o json")]);
        let words: Vec<&str> = set.split(' ').collect();
        session.types(&[&format!("{} delete {}", words[0], words[2])]);
        session.types(&[set, &format!("{} delete {} -o json", words[0], words[2])]);
    }
    session.types(&[
        "kv set visits 3 --ttl 60",
        "files put a.txt note",
        "files get a.txt",
        "files get a.txt -o json",
        "files get a.txt --to copy",
        "secrets set KEY",
    ]);
    insta::assert_snapshot!(session.all);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_events() {
    let app = shared::app("shop");
    let pic = &app.pic;
    pic.write("ship.rhai", "// topic: orders\nthrow \"no stock\"");
    pic.write("report.rhai", "// schedule: 0 9 1 jan *\n1");
    pic.ok(&["scripts", "put", "ship.rhai", "report.rhai"]);
    let schedule = id(pic, "schedules list", "/0/id");
    let dead = || {
        until("a dead letter", async || {
            let page = pic.json(&["topics", "dead"]);
            Some(page["items"].get(0)?["id"].as_str()?.to_owned())
        })
    };
    let mut session = Session::of(pic, &[(&app.slug, "APP")]);
    session.types(&["topics publish refunds", "topics publish orders 1"]);
    dead().await;
    session.types(&["topics replay --all"]);
    dead().await;
    session.types(&["topics replay --topic orders -o json"]);
    let letter = dead().await;
    session.types(&[&format!("topics forget {letter}"), "topics replay --all", "topics publish orders 1 -o json"]);
    let letter = dead().await;
    session.types(&[
        &format!("topics forget {letter} -o json"),
        &format!("schedules run {schedule}"),
        &format!("schedules run {schedule} -o json"),
        "topics publish orders 2 --key k --delay 3600",
        "topics deliveries --topic orders",
        "topics deliveries --topic orders -o json",
    ]);
    insta::assert_snapshot!(session.all);
}

#[test]
fn of_people() {
    let app = shared::app("shop");
    let (eve, mallory) = (shared::user("eve"), shared::user("zz-mallory"));
    let names = [(app.slug.as_str(), "APP"), (eve.name.as_str(), "EVE"), (mallory.name.as_str(), "MALLORY")];
    let mut session = Session::of(&app.pic, &names);
    let invitation = |page: &str| id(&app.pic, page, "/items/0/id");
    session.types(&["invite --role viewer"]);
    let first = invitation("invitations list");
    session.types(&[&format!("invitations revoke {first}"), "invite --role editor -o json"]);
    let second = invitation("invitations list");
    session.types(&[
        &format!("invitations revoke {second} -o json"),
        "roles grant EVE viewer",
        "roles grant EVE editor -o json",
        "roles revoke EVE",
        "roles grant EVE viewer -o json",
        "roles revoke EVE -o json",
        "users list --after zz --limit 1",
        "users list --after zz --limit 1 -o json",
        "users update MALLORY --create-apps",
        "users update MALLORY --no-create-apps -o json",
        "users update MALLORY --disable",
        "users update MALLORY --disable --yes",
        "users update MALLORY --disable --yes -o json",
        "users delete MALLORY",
        "users delete MALLORY --yes",
        "users delete EVE -o json",
        "users delete EVE --yes -o json",
    ]);
    insta::assert_snapshot!(session.all);
}

#[test]
fn of_signing_in_and_out() {
    let app = shared::app("shop");
    let invite = |role: &str| app.pic.ok(&["invite", "--role", role]).trim_end().to_owned();
    let (one, two, three) = (invite("viewer"), invite("editor"), invite("viewer"));
    let names = [shared::unique("ada"), shared::unique("bob")];
    let _guards = names.each_ref().map(|name| shared::User::named(name));
    let (ada, bob) = (shared::pic_no_env(), shared::pic_no_env());
    let words = [(app.slug.as_str(), "APP"), (names[0].as_str(), "ADA"), (names[1].as_str(), "BOB")];
    let mut session = Session::of(&ada, &words);
    session.types(&[
        &format!("join {one} --username ADA"),
        &format!("join {two} -o json"),
        "whoami",
        "logout",
        "logout",
        &format!("login {} --username ADA", SERVER.manager),
        "logout -o json",
        &format!("login {} --username ADA -o json", SERVER.manager),
        "password",
        "password -o json",
        "tokens create ci --days 7",
        "tokens create deploys --role editor --app APP -o json",
        "tokens list",
        "tokens list -o json",
    ]);
    let token = |name: &str| {
        let list = ada.json(&["tokens", "list"]);
        let of_name = list["items"].as_array().unwrap().iter().find(|token| token["name"] == name).unwrap().clone();
        of_name["id"].as_str().unwrap().to_owned()
    };
    session.types(&[&format!("tokens delete {}", token("ci")), &format!("tokens delete {} -o json", token("deploys"))]);
    let mut other = Session::of(&bob, &words);
    other.types(&[&format!("join {three} --username BOB -o json")]);
    insta::assert_snapshot!(session.all + &other.all);
}

/// With a server of its own: one that nobody has set up.
#[test]
fn of_setting_up() {
    let mut all = String::new();
    for format in ["table", "json"] {
        let setup = Setup::new(Backend::Sqlite);
        let mut process = Process::spawn(&mut setup.command());
        let (manager, _) = wait_until_ready(&mut process);
        let link = fs::read_to_string(setup.data().join("setup-link")).unwrap();
        let pic = Pic::at(&manager);
        let mut session = Session::of(&pic, &[(manager.as_str(), "URL")]);
        session.types(&[
            &format!("setup {} -o {format}", link.trim_end()),
            &format!("setup {}", link.trim_end()),
            "users update admin --no-admin",
        ]);
        all += &session.all.replace(" -o table", "");
    }
    insta::assert_snapshot!(all);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_looking_back() {
    let app = shared::app("shop");
    let mut session = Session::of(&app.pic, &[(&app.slug, "APP")]);
    // What runs is counted by the minute, and not for as long as a test takes.
    session.types(&["usage", "usage -o json"]);
    app.pic.write("price.rhai", "#{price: 10}");
    app.pic.ok(&["scripts", "put", "price.rhai"]);
    app.pic.ok(&["invoke", "price"]);
    until("it to be counted", async || (app.pic.json(&["stats"])["total"]["requests"] == 1).then_some(())).await;
    session.types(&["stats --script price", "stats", "audit", "audit -o json", "audit --limit 1"]);
    session.types(&["docs kv::get", "docs kv::get -o json", "docs kv::nothing"]);
    session.types(&["stats --range 1h -o json"]);
    insta::assert_snapshot!(session.all);
}

/// The snapshots of a module, by the names of their tests.
fn snapshots(module: &str) -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/snapshots");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of_module = files.filter_map(|path| {
        let test =
            path.file_name()?.to_str()?.strip_prefix(&format!("picloud__cli__{module}__"))?.strip_suffix(".snap")?;
        Some((test.to_owned(), fs::read_to_string(&path).unwrap()))
    });
    of_module.collect()
}

#[test]
fn every_command_is_shown_as_it_prints_both_ways() {
    let mut typed = Vec::new();
    for (module, source) in [("said", include_str!("said.rs")), ("output", include_str!("output.rs"))] {
        for (test, snapshot) in snapshots(module) {
            assert!(source.contains(&format!("fn {test}() {{")), "{test}.snap belongs to no test any more");
            typed.extend(snapshot.lines().filter_map(|line| line.strip_prefix("$ pic ")).map(str::to_owned));
        }
    }
    for leaf in leaves() {
        // What shells make of it is tested beside it; it is made of the same tree, which the page shows.
        if leaf == "completion" {
            continue;
        }
        let begins = |line: &&String| *line == leaf || line.starts_with(&format!("{leaf} "));
        let lines: Vec<&String> = typed.iter().filter(begins).collect();
        assert!(lines.iter().any(|line| !line.ends_with("-o json")), "no snapshot has `pic {leaf}`");
        assert!(lines.iter().any(|line| line.ends_with("-o json")), "no snapshot has `pic {leaf} -o json`");
    }
}
