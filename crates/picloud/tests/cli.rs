//! `pic` against a real server: what people type, what they read, and the exit codes that scripts rely on.

use crate::support::{Backend, PASSWORD, Setup, TestApp, until};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Beside the server's binary; built by the same command.
fn pic_binary() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_picloud")).with_file_name("pic");
    assert!(binary.exists(), "build it first: cargo build --workspace --bins");
    binary
}

pub(crate) struct Pic {
    directory: TempDir,
    manager: String,
}

impl Pic {
    pub(crate) fn new(picloud: &TestApp) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), manager: picloud.manager.clone() }
    }

    /// What is run, with nothing on standard input.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(pic_binary());
        command
            .env_clear()
            .env("PIC_CONFIG", self.directory.path().join("pic.toml"))
            .env("PIC_PASSWORD", PASSWORD)
            .current_dir(self.directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with("", arguments)
    }

    /// With something on standard input.
    pub(crate) fn run_with(&self, input: &str, arguments: &[&str]) -> Output {
        let mut process = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // Who does not read it has closed it.
        let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
        process.wait_with_output().unwrap()
    }

    /// Standard output of a command that succeeds.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "pic {arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.ok(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}"))
    }

    /// Exit code and standard error of a command that fails.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "pic {arguments:?} succeeds");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.directory.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn sign_in(&self) {
        self.ok(&["login", &self.manager, "--username", "admin"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_from_upload_to_rollback() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    assert_eq!(pic.json(&["whoami"])["username"], "admin");
    pic.ok(&["apps", "create", "shop"]);
    pic.ok(&["apps", "limits", "shop", "kv_calls=5"]);
    let limits = pic.ok(&["apps", "limits", "shop"]);
    let row =
        |name: &str| limits.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!((row("kv_calls"), row("fuel")), (vec!["kv_calls", "5", "set"], vec!["fuel", "500,000,000", "default"]));
    assert_eq!(pic.json(&["apps", "limits", "shop", "kv_calls=default"])["limits"], serde_json::json!({}));
    let (code, told) = pic.fails(&["apps", "limits", "shop", "fuel=1"]);
    assert!(code == 5 && told.contains("the limit fuel is 1000000 to 10000000000, not 1"), "{code} {told}");
    assert_eq!(pic.fails(&["apps", "limits", "shop", "fule=1"]).0, 2);
    assert_eq!(pic.ok(&["apps", "outbound", "shop"]), "every public address\n");
    pic.ok(&["apps", "outbound", "shop", "*.Example.com", "10.0.0.7:9000"]);
    assert_eq!(pic.ok(&["apps", "outbound", "shop"]), "*.example.com\n10.0.0.7:9000\n");
    assert_eq!(pic.json(&["apps", "outbound", "shop", "--public"])["outbound"], serde_json::json!([]));
    assert_eq!(pic.fails(&["apps", "outbound", "shop", "http://example.com"]).0, 2);
    assert_eq!(pic.ok(&["apps", "cors", "shop"]), "what the scripts' own headers say\n");
    pic.ok(&["apps", "cors", "shop", "https://Shop.example", "--header", "x-a", "--header", "x-b", "--credentials"]);
    let cors = pic.ok(&["apps", "cors", "shop"]);
    for line in ["origins      https://shop.example", "headers      x-a, x-b", "credentials  yes", "max age      600 s"]
    {
        assert!(cors.contains(line), "{cors}");
    }
    for bad in [&["https://shop.example/"][..], &["*", "--credentials"], &["--max-age", "5"], &["*", "--off"]] {
        assert_eq!(pic.fails(&[&["apps", "cors", "shop"], bad].concat()).0, 2, "{bad:?}");
    }
    assert!(pic.ok(&["apps", "cors", "shop"]).contains("https://shop.example"), "a refused change left something");
    assert_eq!(pic.json(&["apps", "cors", "shop", "--off"])["cors"], serde_json::Value::Null);
    pic.write("price.rhai", "log::info(\"asked\");\n#{price: 10}");
    let put = pic.ok(&["scripts", "put", "price.rhai"]);
    let port = picloud.ingress.rsplit_once(':').unwrap().1;
    assert_eq!(put, format!("price: version 1 answers ANY http://localhost:{port}/shop/price\n"));
    assert_eq!(picloud.text("/shop/price").await, (200, "{\"price\":10}".into()));
    assert_eq!(pic.ok(&["scripts", "put", "price.rhai"]), format!("{} (unchanged)\n", put.trim_end()));
    let (code, told) = pic.fails(&["scripts", "rollback", "price"]);
    assert_eq!(code, 4);
    assert!(told.contains("there is no version to go back to"), "{told}");

    pic.write("price.rhai", "#{price: 12}");
    assert_eq!(pic.json(&["scripts", "put", "price.rhai"])["version"]["number"], 2);
    assert_eq!(picloud.text("/shop/price").await, (200, "{\"price\":12}".into()));
    let versions = pic.json(&["scripts", "versions", "price"]);
    assert_eq!(versions.as_array().unwrap().len(), 2);
    assert_eq!((&versions[0]["number"], &versions[0]["active"]), (&2.into(), &true.into()));
    assert_eq!(pic.ok(&["scripts", "rollback", "price"]), put);
    assert_eq!(picloud.text("/shop/price").await, (200, "{\"price\":10}".into()));

    assert_eq!(pic.json(&["scripts", "list"])[0]["name"], "price");
    assert!(pic.ok(&["scripts", "list"]).contains("price"));
    assert_eq!(pic.ok(&["scripts", "show", "price", "--source"]).trim_end(), "log::info(\"asked\");\n#{price: 10}");

    let output = pic.run(&["invoke", "price"]);
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "{\"price\":10}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("200") && told.contains("fuel") && told.contains("asked"), "{told}");
    let run = pic.json(&["invoke", "price"]);
    let id = run["id"].as_str().unwrap();
    assert_eq!(pic.json(&["invocations", "show", id])["fuel"], run["fuel"]);
    assert!(pic.ok(&["logs", "--script", "price"]).contains("asked"));
    assert_eq!(pic.json(&["logs"])["items"][0]["message"], "asked");
    pic.write("order.rhai", "log::info(\"placed\", #{item: \"a cup\", count: 2});\nscripts::invoke(\"price\")");
    pic.ok(&["scripts", "put", "order.rhai"]);
    let order = pic.json(&["invoke", "order"]);
    assert!(pic.ok(&["logs", "--script", "order"]).ends_with("order: placed count=2 item=\"a cup\"\n"));
    assert_eq!(pic.json(&["logs", "--script", "order"])["items"][0]["fields"]["count"], 2);
    let called = pic.json(&["invocations", "list"])["items"][0].clone();
    assert_eq!((&called["trigger"], &called["parent"]), (&"invoke".into(), &order["id"]));
    let shown = pic.ok(&["invocations", "show", called["id"].as_str().unwrap()]);
    assert!(shown.contains(&format!("caller   {}\n", order["id"].as_str().unwrap())), "{shown}");

    pic.ok(&["scripts", "delete", "price", "--yes"]);
    assert_eq!(picloud.text("/shop/price").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_go_before_the_scripts_that_import_them() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
    fs::create_dir(pic.directory.path().join("lib")).unwrap();
    pic.write("price.rhai", "import \"lib/tax\" as tax;\ntax::gross(100)");
    pic.write("lib/tax.rhai", "import \"lib/rates\" as rates;\nfn gross(net) { net + rates::of(net) }");
    pic.write("lib/rates.rhai", "fn of(net) { net / 5 }");
    let files = ["scripts", "put", "price.rhai", "lib/tax.rhai", "lib/rates.rhai"];
    let put = pic.ok(&files);
    let order: Vec<_> = put.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(order, ["lib/rates", "lib/tax", "price"]);
    assert_eq!(pic.ok(&["invoke", "price"]).trim_end(), "120");
    assert!(pic.ok(&["scripts", "show", "price"]).contains("lib/tax"));

    // An error is shown where it is, in whichever file that is.
    pic.write("lib/rates.rhai", "fn of(net) { net / 0 }\nkv::get(\"a\");");
    let (code, told) = pic.fails(&files);
    assert_eq!(code, 5);
    assert!(told.contains("lib/rates.rhai:2:5: ") && told.contains("2 | kv::get"), "{told}");
    pic.write("lib/rates.rhai", "fn of(net) {\n    net / 0\n}");
    pic.ok(&files);
    let (code, told) = pic.fails(&["invoke", "price"]);
    assert_eq!(code, 1);
    assert!(told.contains("lib/rates:2:9: "), "{told}");
    let (code, told) = pic.fails(&["scripts", "delete", "lib/rates", "--yes"]);
    assert!(code == 5 && told.contains("it is imported by lib/tax"), "{code} {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_from_publishing_to_replay() {
    let picloud = Setup::new(Backend::Sqlite).with(&["--delivery-attempts", "1"]).start().await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_from_its_line_to_its_run() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn failures_say_what_and_where_and_have_their_codes() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    let (code, told) = pic.fails(&["apps", "list"]);
    assert_eq!(code, 3, "{told}");
    pic.sign_in();
    pic.ok(&["apps", "create", "bad"]);
    assert_eq!(pic.fails(&["apps", "create", "bad"]).0, 5);
    let nobody = "01980000-0000-7000-8000-000000000000";
    for (arguments, said, hint) in [
        (&["scripts", "show", "nothing"][..], "of the app bad: no such script", "`pic scripts list`"),
        (&["invocations", "show", nobody], "of the app bad: no such invocation", "`pic invocations list`"),
        (&["--app", "nobody", "invoke", "nothing"], "of the app nobody: no such app", "`pic apps list`"),
        (&["--app", "nobody", "scripts", "list"], "of the app nobody: no such app", "`pic apps use"),
    ] {
        let (code, told) = pic.fails(arguments);
        assert_eq!(code, 4, "{told}");
        assert!(told.contains(said) && told.contains(hint), "{told}");
    }

    pic.write("typo.rhai", "let a = 1;\nlet b = ;\n");
    let (code, told) = pic.fails(&["scripts", "put", "typo.rhai"]);
    assert_eq!(code, 5);
    assert!(told.contains("typo.rhai:2:9") && told.contains("let b = ;"), "{told}");
    let (_, told) = pic.fails(&["scripts", "put", "typo.rhai", "typo.rhai"]);
    assert!(told.starts_with("uploaded: none; failed: typo.rhai; not tried: typo.rhai\n"), "{told}");
    assert_eq!(pic.fails(&["scripts", "check", "typo.rhai"]).0, 1);
    assert_eq!(pic.json(&["scripts", "list"]), serde_json::json!([]));

    pic.write("oops.rhai", "let a = [];\na[3]");
    pic.ok(&["scripts", "put", "oops.rhai"]);
    let (code, told) = pic.fails(&["invoke", "oops"]);
    assert_eq!(code, 1);
    assert!(told.contains(":2:"), "{told}");
    assert_eq!(pic.run(&["invoke", "oops", "--payload", "null"]).status.code(), Some(1));

    pic.ok(&["logout"]);
    assert_eq!(pic.fails(&["apps", "list"]).0, 3);
    let (status, _) = tokio::task::spawn_blocking(move || picloud.stop()).await.unwrap();
    assert!(status.success());
    assert_eq!(pic.fails(&["login", &pic.manager, "--username", "admin"]).0, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_to_work_in_is_told_and_forgotten_when_it_is_gone() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    let told = |arguments: &[&str]| String::from_utf8(pic.run(arguments).stderr).unwrap();
    assert!(told(&["apps", "create", "one"]).contains("commands now work in the app one"));
    assert!(told(&["apps", "create", "two"]).contains("commands still work in the app one; `pic apps use two`"));
    pic.sign_in();
    assert_eq!(pic.json(&["scripts", "list"]), serde_json::json!([]));

    let elsewhere = Pic::new(&picloud);
    elsewhere.sign_in();
    elsewhere.ok(&["apps", "delete", "one", "--yes"]);
    assert!(pic.fails(&["logs"]).1.contains("of the app one: no such app"));
    pic.sign_in();
    assert_eq!(pic.fails(&["logs"]).0, 2);
    assert_eq!(pic.ok(&["--app", "two", "logs"]), "(none)\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_secrets_from_set_to_delete() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
    pic.write("read.rhai", r#"[vars::get("REGION"), vars::get("NOTE"), secrets::get("KEY"), secrets::get("PEM")]"#);
    pic.write("note", "two\nlines\n");
    pic.ok(&["scripts", "put", "read.rhai"]);
    pic.ok(&["vars", "set", "REGION", "-eu-"]);
    pic.ok(&["vars", "set", "NOTE", "--from-file", "note"]);
    assert!(pic.run_with("hunter2\n", &["secrets", "set", "KEY"]).status.success());
    pic.ok(&["secrets", "set", "PEM", "--from-file", "note"]);
    assert_eq!(picloud.text("/shop/read").await.1, r#"["-eu-","two\nlines\n","hunter2","two\nlines\n"]"#);
    assert_eq!(pic.ok(&["vars", "get", "NOTE"]), "two\nlines\n");
    assert_eq!(pic.json(&["vars", "get", "REGION"])["value"], "-eu-");
    assert_eq!(pic.json(&["vars", "list"])[1]["name"], "REGION");
    let listed = pic.ok(&["secrets", "list"]);
    assert!(listed.contains("KEY") && listed.contains("PEM") && !listed.contains("hunter2"), "{listed}");
    pic.ok(&["vars", "delete", "NOTE"]);
    pic.ok(&["secrets", "delete", "PEM"]);
    assert_eq!(picloud.text("/shop/read").await.1, r#"["-eu-",null,"hunter2",null]"#);

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
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
    pic.write("local", "two\nlines\n");
    pic.ok(&["files", "put", "notes/a.txt", "local"]);
    assert!(pic.run_with("piped", &["files", "put", "notes/b.txt"]).status.success());
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

#[tokio::test(flavor = "multi_thread")]
async fn domains_are_added_and_removed() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let pic = Pic::new(&picloud);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
    pic.ok(&["apps", "create", "blog"]);
    assert_eq!(pic.ok(&["domains", "list"]), "(none)\n");
    let added = pic.ok(&["domains", "add", "Bücher.Example."]);
    assert_eq!(added, "the app shop answers at xn--bcher-kva.example\n");
    assert_eq!(pic.ok(&["domains", "add", "bücher.example"]), added);
    assert_eq!(pic.json(&["domains", "list"])[0]["domain"], "xn--bcher-kva.example");
    let (code, told) = pic.fails(&["domains", "add", "bücher.example", "--app", "blog"]);
    assert!(
        code == 5 && told.contains("the domain xn--bcher-kva.example is taken") && !told.contains("shop"),
        "{told}"
    );
    let (code, told) = pic.fails(&["domains", "add", "*.example.com"]);
    assert!(code == 2 && told.contains("a domain has no wildcard"), "{told}");
    pic.ok(&["domains", "remove", "bücher.example"]);
    let (code, told) = pic.fails(&["domains", "remove", "bücher.example"]);
    assert!(code == 4 && told.contains("no such domain") && told.contains("pic domains list"), "{told}");
}
