//! What every command says, how it ends and what it leaves when somebody presses Ctrl-C while it waits: for a server that takes
//! requests and never answers, or for them. It ends as any other program does, by the signal, which shells tell as 130.

use super::{
    Pic,
    errors::{ALONE, COMMANDS, asked_for, files},
    interrupt,
    shared::{self, SERVER, WRONG_TOKEN},
};
use crate::support::{compiled_engine, until};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// Takes requests and never answers.
struct Silent {
    url: String,
    /// The first bytes of each connection, and the connection itself, which is to be kept.
    asked: Receiver<(String, TcpStream)>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, asked) = mpsc::channel();
        thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let mut begin = [0; 256];
                let length = connection.read(&mut begin).unwrap();
                let begin = String::from_utf8_lossy(&begin[..length]).into_owned();
                if tell.send((begin, connection)).is_err() {
                    break;
                }
            }
        });
        Self { url, asked }
    }
}

/// Each file below, with what it holds.
fn held(pic: &Pic) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut directories = vec![pic.directory.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => directories.push(path),
                false => drop(all.insert(path.display().to_string(), fs::read(path).unwrap())),
            }
        }
    }
    all
}

#[test]
fn whoever_waits_for_a_server_can_go() {
    let server = Silent::start();
    for command in COMMANDS.iter().filter(|command| !ALONE.contains(command)) {
        let pic = Pic::with_token(&server.url, "admin", WRONG_TOKEN, "shop");
        files(&pic);
        let before = held(&pic);
        let arguments = asked_for(command, &server.url, "shop");
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let mut waiting = pic.interruptible(&arguments);
        let waiting = waiting.env("PIC_NEW_PASSWORD", "another one entirely").spawn().unwrap();
        let (request, connection) =
            server.asked.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{command} asks nobody"));
        assert!(request.contains(" /api/v1/"), "{command}: {request}");
        interrupt(&waiting);
        let ended = waiting.wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(2), "{command}: {ended:?}");
        assert_eq!(
            (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr)),
            ("".into(), "".into())
        );
        assert_eq!(held(&pic), before, "{command} left something, or took it");
        drop(connection);
    }
}

/// What asks no server has nothing to wait for, but for the tests: these are the other program's, which ends in order, whether it
/// makes ready or runs one.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_tests_can_go() {
    let pic = Pic::at("http://127.0.0.1:1");
    pic.write("shop/slow.rhai", "loop {}");
    pic.write("shop/picloud.toml", "[limits]\nfuel = 10_000_000_000\nwall_time_ms = 30_000\n");
    pic.write("shop/slow.test.rhai", "fn test_quick() {}\nfn test_slow() { test::get(\"/slow\"); }\n");
    pic.write("temporary/nothing", "");
    let temporary = pic.directory.path().join("temporary");
    let held = || -> Vec<_> { fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect() };
    for running in [false, true] {
        let mut command = pic.interruptible(&["test", "shop"]);
        // As a terminal does, all that runs in front is told.
        command.process_group(0).env("PICLOUD_CACHE_DIR", compiled_engine()).env("TMPDIR", &temporary);
        let mut waiting = command.spawn().unwrap();
        if running {
            let said = BufReader::new(waiting.stdout.as_mut().unwrap()).lines();
            assert!(said.map_while(Result::ok).any(|line| line.contains("test_quick")), "no test has run");
        } else {
            until("a place for a database", async || (held().len() > 1).then_some(())).await;
        }
        let group = format!("-{}", waiting.id());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        let ended = waiting.wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(2), "{ended:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "picloud: it was told to stop\n", "{ended:?}");
        assert_eq!(held(), ["nothing"]);
    }
}

/// `pic` at a terminal of its own, in the hands of somebody who reads and types.
struct AtTerminal {
    process: Child,
    shown: Receiver<u8>,
    all: String,
}

impl AtTerminal {
    /// Runs it in a shell that goes on when it ends, and then tells its exit code and whether the terminal shows what is typed.
    fn start(pic: &Pic, arguments: &[&str]) -> Self {
        let asked = pic.command(arguments);
        let words: Vec<_> = asked.get_args().map(|word| word.to_str().unwrap()).collect();
        let line = format!(
            "trap : INT; {} {}; echo \"ended with $?\"; stty -a",
            asked.get_program().display(),
            words.join(" ")
        );
        // A shell that runs the tests in the background would have them, and what they start, not hear of Ctrl-C.
        let mut command = Command::new("env");
        command.env_clear().envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env_remove("PIC_PASSWORD").env("PATH", std::env::var_os("PATH").unwrap()).env("SHELL", "/bin/bash");
        command.args(["--default-signal=INT", "script", "--quiet", "--flush", "--command", &line, "/dev/null"]);
        command.current_dir(pic.directory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (tell, shown) = mpsc::channel();
        thread::spawn(move || stdout.bytes().map_while(Result::ok).try_for_each(|byte| tell.send(byte)));
        Self { process, shown, all: String::new() }
    }

    fn reads(&mut self, what: &str) {
        while !self.all.contains(what) {
            let byte = self.shown.recv_timeout(Duration::from_secs(60));
            self.all.push(char::from(byte.unwrap_or_else(|_| panic!("no {what} in {}", self.all))));
        }
    }

    fn types(&mut self, keys: &str) {
        self.process.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// All that was shown until its end.
    fn ends(mut self) -> String {
        drop(self.process.stdin.take());
        self.reads("-extproc");
        self.process.wait().unwrap();
        std::mem::take(&mut self.all)
    }
}

#[test]
fn whoever_is_asked_can_go_and_nothing_has_happened() {
    let app = shared::app("asked");
    app.pic.write("gone/hello.rhai", "1");
    app.pic.write("empty/other.rhai", "1");
    app.pic.ok(&["deploy", "gone"]);
    let slug = app.slug.as_str();
    for (command, asks) in [
        (&["apps", "delete", slug][..], "Delete the app"),
        (&["scripts", "delete", "hello"], "Delete hello"),
        (&["deploy", "empty"], "delete hello"),
        (&["users", "delete", "nobody"], "Delete the user nobody"),
        (&["users", "update", "nobody", "--disable"], "Disable the user nobody"),
    ] {
        let mut terminal = AtTerminal::start(&app.pic, command);
        terminal.reads(asks);
        terminal.reads("[y/N] ");
        terminal.types("\u{3}");
        let shown = terminal.ends();
        assert!(shown.contains("ended with 130\r\n") && !shown.contains("error"), "{command:?}: {shown}");
    }
    // A word that is no yes is none.
    let mut terminal = AtTerminal::start(&app.pic, &["scripts", "delete", "hello"]);
    terminal.reads("[y/N] ");
    terminal.types("yess\n");
    let shown = terminal.ends();
    assert!(shown.contains("error: nothing was changed\r\n") && shown.contains("ended with 1\r\n"), "{shown}");
    assert!(app.pic.ok(&["scripts", "list"]).contains("hello"));
    let mut terminal = AtTerminal::start(&app.pic, &["scripts", "delete", "hello"]);
    terminal.reads("[y/N] ");
    terminal.types("y\n");
    assert!(terminal.ends().contains("ended with 0\r\n"));
    assert_eq!(app.pic.ok(&["scripts", "list"]), "(none)\n");
}

#[test]
fn whoever_types_what_nobody_is_to_see_can_go_and_sees_what_they_type_next() {
    let app = shared::app("hidden");
    let link = SERVER.admin("none").ok(&["invite", "--server"]);
    let setup = format!("{}/setup#token=none", SERVER.manager);
    for (command, asks) in [
        (&["login", &SERVER.manager, "--username", "admin"][..], "Password: "),
        (&["setup", &setup], "New password: "),
        (&["join", link.trim_end(), "--username", "nobody"], "New password: "),
        (&["password"], "Password until now: "),
        (&["secrets", "set", "KEY"], "Value of KEY: "),
    ] {
        let before = held(&app.pic);
        let mut terminal = AtTerminal::start(&app.pic, command);
        terminal.reads(asks);
        terminal.types("hunter2\u{3}");
        let shown = terminal.ends();
        assert!(shown.contains("ended with 130\r\n") && !shown.contains("error"), "{command:?}: {shown}");
        assert!(!shown.contains("hunter2") && shows_keys(&shown), "{command:?}: {shown}");
        assert_eq!(held(&app.pic), before, "{command:?}");
    }
    assert_eq!(app.pic.ok(&["secrets", "list"]), "(none)\n");
    // What is typed is what is kept, without what was taken back.
    let mut terminal = AtTerminal::start(&app.pic, &["secrets", "set", "KEY"]);
    terminal.reads("Value of KEY: ");
    terminal.types("huntre\u{7f}\u{7f}er2 ä\n");
    let shown = terminal.ends();
    assert!(shown.contains("ended with 0\r\n") && !shown.contains("hunt") && shows_keys(&shown), "{shown}");
    app.pic.write("read.rhai", "secrets::get(\"KEY\")");
    app.pic.ok(&["scripts", "put", "read.rhai"]);
    assert_eq!(app.pic.ok(&["invoke", "read"]), "hunter2 ä");
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        // Ended already where a test has waited for it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether `stty -a` says that keys are shown, in lines, and that Ctrl-C is one that interrupts.
fn shows_keys(shown: &str) -> bool {
    let modes: Vec<&str> = shown.split_whitespace().collect();
    ["echo", "icanon", "isig"].iter().all(|mode| modes.contains(mode))
}
