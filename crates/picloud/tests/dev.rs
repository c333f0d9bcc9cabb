//! `picloud dev`: what is saved is live, whatever is saved and however.

use crate::support::{Process, directory::Directory, end, until};
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// A `picloud dev` that serves a directory.
struct Dev {
    process: Process,
    url: String,
    http: reqwest::Client,
    said: Arc<Mutex<String>>,
}

impl Dev {
    fn start(directory: &Directory, arguments: &[&str]) -> Self {
        Self::spawn(directory.command(Path::new(env!("CARGO_BIN_EXE_picloud"))), arguments)
    }

    fn spawn(command: Command, arguments: &[&str]) -> Self {
        Self::of(".", command, arguments)
    }

    fn of(directory: &str, mut command: Command, arguments: &[&str]) -> Self {
        command
            .args(["dev", directory, "--addr", "127.0.0.1:0", "--json-ready"])
            .args(arguments)
            .stderr(Stdio::inherit());
        let mut process = Process::spawn(&mut command);
        let mut lines = BufReader::new(process.stdout());
        let mut ready = String::new();
        lines.read_line(&mut ready).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap_or_else(|_| panic!("not ready: {ready:?}"));
        let said = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                writeln!(heard.lock().unwrap(), "{line}").unwrap();
            }
        });
        // `localhost` may be another address here than the one that it listens to.
        let url = ready["url"].as_str().unwrap().replace("localhost", "127.0.0.1");
        Self { process, url, http: reqwest::Client::new(), said }
    }

    async fn text(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn becomes(&self, path: &str, status: u16, body: &str) {
        until(&format!("{status} {body} at {path}; it said {}", self.said()), async || {
            (self.text(path).await == (status, body.to_owned())).then_some(())
        })
        .await;
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    async fn says(&self, what: &str) -> String {
        until(what, async || Some(self.said()).filter(|said| said.contains(what))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_but_this_machines_is_answered() {
    let directory = Directory::of(&[("hi.rhai", "\"hi\"")]);
    let dev = Dev::start(&directory, &[]);
    let http = reqwest::Client::new();
    let hosts = ["localhost", "LOCALHOST:8080", "127.0.0.1", "[::1]:8080"].map(|host| (host, 200));
    let others = ["evil.example:8080", "localhost.evil.example", "10.0.0.1", "a b"].map(|host| (host, 421));
    for (host, status) in hosts.into_iter().chain(others) {
        let answer = http.get(format!("{}/hi", dev.url)).header("host", host).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_is_live_and_what_is_wrong_stays_as_it_was() {
    let directory = Directory::of(&[
        ("picloud.toml", "app = \"shop\"\n[limits]\nfuel = 1_500_000\n"),
        ("greet.rhai", "import \"lib/words\" as words;\nlog::info(\"asked\");\nwords::hello()"),
        ("lib/words.rhai", "fn hello() { \"hello\" }"),
        ("other.rhai", "1"),
    ]);
    let mut dev = Dev::start(&directory, &["--var", "REGION=eu", "--secret", "KEY=hush"]);
    assert!(dev.url.ends_with("/shop"), "{}", dev.url);
    assert_eq!(dev.text("/greet").await, (200, "hello".into()));
    let said = dev.says("asked").await;
    assert!(said.contains("GET /greet 200 ok greet") && said.contains("% of 1,500,000"), "{said}");

    // In place, and by a file that takes the name.
    directory.write("other.rhai", "2");
    dev.becomes("/other", 200, "2").await;
    directory.replace("lib/words.rhai", "fn hello() { \"good day\" }");
    dev.becomes("/greet", 200, "good day").await;
    dev.says("1 changed (lib/words)").await;

    // A mistake leaves what was, shows the line, and holds up no other file.
    directory.replace("greet.rhai", "let a = ;\n1");
    let said = dev.says("greet.rhai:1:9: ").await;
    dev.says("1 | let a = ;").await;
    assert!(said.contains("not as in the directory, but as before: greet"), "{said}");
    directory.write("other.rhai", "3");
    dev.becomes("/other", 200, "3").await;
    assert_eq!(dev.text("/greet").await, (200, "good day".into()));
    directory.replace("greet.rhai", "vars::get(\"REGION\") + secrets::get(\"KEY\").len()");
    dev.becomes("/greet", 200, "eu4").await;
    dev.says("nothing is wrong any more").await;

    // A file that is there for the first time, renamed, and gone.
    directory.write("new.rhai", "\"new\"");
    dev.becomes("/new", 200, "\"new\"".trim_matches('"')).await;
    fs::rename(directory.path().join("new.rhai"), directory.path().join("newer.rhai")).unwrap();
    dev.becomes("/newer", 200, "new").await;
    assert_eq!(dev.text("/new").await.0, 404);
    fs::remove_file(directory.path().join("newer.rhai")).unwrap();
    until("a deleted script is gone", async || (dev.text("/newer").await.0 == 404).then_some(())).await;
    dev.says("GET /shop/newer 404 no script ran").await;

    // A file that is wrong from the first has nothing from before, be it new or under a new name.
    directory.write("half.rhai", "let a = ;");
    dev.says("not there, as there is nothing from before: half").await;
    fs::rename(directory.path().join("half.rhai"), directory.path().join("whole.rhai")).unwrap();
    dev.says("not there, as there is nothing from before: whole").await;
    directory.write("whole.rhai", "\"whole\"");
    dev.becomes("/whole", 200, "whole").await;

    // What another needs stays until that one is mended.
    directory.write("greet.rhai", "import \"lib/words\" as words;\nwords::hello()");
    dev.becomes("/greet", 200, "good day").await;
    fs::remove_file(directory.path().join("lib/words.rhai")).unwrap();
    dev.says("there is no script lib/words to import").await;
    assert_eq!(dev.text("/greet").await, (200, "good day".into()));
    directory.write("greet.rhai", "\"alone\"");
    dev.becomes("/greet", 200, "alone").await;

    // An error at run time is shown with its line.
    directory.write("greet.rhai", "let list = [1];\nlist[7]");
    until("the error", async || (dev.text("/greet").await.0 == 500).then_some(())).await;
    dev.says("2 | list[7]").await;

    // Limits of picloud.toml hold, and a manifest that is wrong changes nothing.
    directory.write("greet.rhai", "loop { }");
    until("fuel is out", async || (dev.text("/greet").await.1.contains("out_of_fuel")).then_some(())).await;
    dev.says("GET /greet 500 out_of_fuel greet").await;
    directory.write("picloud.toml", "[limits]\nfule = 1\n");
    dev.says("picloud.toml:2: there is no limit").await;
    assert_eq!(dev.text("/other").await, (200, "3".into()));

    assert!(end(&mut dev.process).success());
    assert_eq!(directory.left_in_temporary(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_called_as_its_directory_and_each_new_route_is_told() {
    let directory = Directory::of(&[("hi.rhai", "\"hi\""), ("tick.rhai", "// schedule: * * * * * *\n1")]);
    let dev = Dev::start(&directory, &[]);
    assert!(dev.url.ends_with("/scripts"), "{}", dev.url);
    let port = dev.url.split(':').nth(2).unwrap().split('/').next().unwrap();
    let url = format!("http://localhost:{port}/scripts");
    dev.says(&format!("  ANY    {url}/hi  hi\n")).await;
    dev.says("schedule, attempt 1 200 ok tick").await;

    // What is new, and nothing else.
    directory.write("new.rhai", "// route: GET /new/{id}\n\"new\"");
    let said = dev.says(&format!("  GET    {url}/new/{{id}}  new\n")).await;
    assert_eq!(said.matches(&format!("{url}/hi ")).count(), 1, "{said}");
    directory.write("hi.rhai", "// route: POST /there\n\"hi\"");
    dev.says(&format!("  POST   {url}/there  hi\n")).await;

    // No other app is there.
    let root = dev.url.strip_suffix("/scripts").unwrap();
    for (path, host) in [("/", "localhost"), ("/app/hi", "localhost"), ("/hi", "app.localhost")] {
        let answer = dev.http.get(format!("{root}{path}")).header("host", host).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{path}");
        assert_eq!(answer.text().await.unwrap(), format!("there is one app here, scripts: {url}/\n"), "{path}");
    }
    let (status, told) = dev.text("/nowhere").await;
    assert!(status == 404 && told.contains("no_such_route"), "{told}");

    // Another name is said, once, and waits for the next start.
    let note = "the app is called shop now, and answers as before until picloud dev is started again";
    directory.write("picloud.toml", "app = \"shop\"\n");
    dev.says(note).await;
    directory.write("new.rhai", "// route: GET /newer\n\"newer\"");
    dev.becomes("/newer", 200, "newer").await;
    assert_eq!(dev.said().matches(note).count(), 1, "{}", dev.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_files_one_is_reloaded() {
    let files: Vec<(String, String)> = (0..1_000).map(|n| (format!("s{n}.rhai"), n.to_string())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let directory = Directory::of(&files);
    let dev = Dev::start(&directory, &[]);
    dev.becomes("/s999", 200, "999").await;
    let saved = Instant::now();
    directory.replace("s500.rhai", "\"other\"");
    dev.becomes("/s500", 200, "other").await;
    let said = dev.says("1 changed (s500), 999 unchanged").await;
    assert!(saved.elapsed() < Duration::from_secs(60), "{said}");
    // All at once, as by a change of branch.
    for n in 0..1_000 {
        directory.write(&format!("s{n}.rhai"), &format!("\"{n} again\""));
    }
    dev.becomes("/s0", 200, "0 again").await;
    dev.becomes("/s999", 200, "999 again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_goes_and_comes_back_is_served_again() {
    let directory = Directory::of(&[("a.rhai", "\"one\"")]);
    let (here, away) = (directory.path(), directory.path().with_extension("away"));
    let mut command = directory.command(Path::new(env!("CARGO_BIN_EXE_picloud")));
    command.current_dir(here.parent().unwrap());
    let dev = Dev::of(here.to_str().unwrap(), command, &[]);
    dev.becomes("/a", 200, "one").await;
    fs::rename(&here, &away).unwrap();
    directory.write("a.rhai", "\"two\"");
    dev.becomes("/a", 200, "two").await;
    directory.write("a.rhai", "\"three\"");
    dev.becomes("/a", 200, "three").await;
    fs::remove_dir_all(&here).unwrap();
    dev.says("cannot be read").await;
    assert_eq!(dev.text("/a").await, (200, "three".into()));
    directory.write("a.rhai", "\"four\"");
    dev.becomes("/a", 200, "four").await;
}

/// A disk that takes no more is one that takes no longer files than those that there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_nothing_that_is_live() {
    let directory = Directory::of(&[("a.rhai", "\"one\"")]);
    let mut command = directory.command(Path::new("sh"));
    // A write past the limit is an error then, and no signal that ends the process.
    command.env("PATH", "/usr/bin:/bin").args([
        "-c",
        "trap '' XFSZ; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_picloud"),
    ]);
    let dev = Dev::spawn(command, &[]);
    dev.becomes("/a", 200, "one").await;
    let limit = |bytes: &str| {
        let pid = dev.process.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status();
        assert!(set.unwrap().success());
    };
    limit("4096");
    directory.write("a.rhai", &format!("\"two\" // {}", "x".repeat(100_000)));
    dev.says("nothing could be reloaded").await;
    assert_eq!(dev.text("/a").await, (200, "one".into()));
    limit("unlimited");
    // Without being saved again.
    dev.becomes("/a", 200, "two").await;
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let directory = Directory::of(&[("a.rhai", "1")]);
    let fails = |arguments: &[&str], expected: &str| {
        let (exit, _, told) = crate::support::directory::run(&directory, arguments);
        assert!(exit == 3 && told.contains(expected), "{arguments:?}: {exit}: {told}");
    };
    fails(&["dev", "nowhere"], "there is no directory nowhere");
    fails(&["dev", ".", "--addr", "0.0.0.0:0"], "it answers this machine alone");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fails(&["dev", ".", "--addr", &taken.local_addr().unwrap().to_string()], "choose another with --addr");
    let (exit, _, told) = crate::support::directory::run(&directory, &["dev", ".", "--var", "A"]);
    assert!(exit == 2 && told.contains("NAME=VALUE"), "{exit}: {told}");
}
