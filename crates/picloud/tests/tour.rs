//! The README's tour, run literally in bash: what stands in ```sh blocks has to succeed, and each `$ ` line of a
//! ```console block has to print the lines below it, where `…` stands for anything and blank space does
//! not count. Only the addresses are the test server's.

use crate::support::{Backend, Process, Setup, end, wait_until_ready};
use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

const README: &str = include_str!("../../../README.md");
const HEADING: &str = "\n## Five minutes\n";

#[test]
fn the_tour_goes_as_the_readme_says() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let setup = Setup::new(Backend::Sqlite).with(&["--demo", examples]);
    let mut server = Process::spawn(&mut setup.command());
    let (manager, ingress) = wait_until_ready(&mut server);
    let here = |text: &str| {
        let port = ingress.rsplit(':').next().expect("a port");
        text.replace("localhost:8080", &format!("localhost:{port}")).replace("http://127.0.0.1:7070", &manager)
    };
    let data = setup.data();
    let mut shell = Shell::start(data.parent().expect("a directory of its own"));
    for step in steps() {
        match step {
            Step::Script(script) => shell.succeeds(&here(&script)),
            Step::Command { command, output } => shell.prints(&here(&command), &here(&output)),
        }
    }
    drop(shell);
    assert!(end(&mut server).success());
}

enum Step {
    Script(String),
    Command { command: String, output: String },
}

fn steps() -> Vec<Step> {
    let (_, tour) = README.split_once(HEADING).expect("the README has a tour");
    let (tour, _) = tour.split_once("\n## ").expect("the README goes on after the tour");
    let mut steps = Vec::new();
    // Every other part stands between fences.
    for block in tour.split("\n```").skip(1).step_by(2) {
        let (kind, text) = block.split_once('\n').expect("a fence ends its line");
        match kind {
            "sh" => steps.push(Step::Script(text.to_owned())),
            "console" => steps.extend(text.split("\n$ ").map(|step| {
                let (command, output) = step.split_once('\n').unwrap_or((step, ""));
                let command = command.strip_prefix("$ ").unwrap_or(command).to_owned();
                Step::Command { command, output: output.to_owned() }
            })),
            _ => panic!("a block of the tour is neither sh nor console: {kind}"),
        }
    }
    assert!(steps.len() > 10, "the tour is found whole");
    steps
}

/// One bash for the whole tour, as its reader has one terminal.
struct Shell {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Ends the output of each step.
const MARK: &str = "-- the step ended with ";

impl Shell {
    fn start(directory: &Path) -> Self {
        let picloud = Path::new(env!("CARGO_BIN_EXE_picloud"));
        let binaries = picloud.parent().expect("cargo's target directory");
        assert!(
            binaries.join("pic").exists(),
            "build pic first: cargo build -p picloud-cli, or test the whole workspace"
        );
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").expect("a PATH"));
        let mut process = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .env_clear()
            .env("PATH", path)
            .env("HOME", directory)
            .env("LANG", "C.UTF-8")
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let mut input = process.stdin.take().expect("stdin is piped");
        // As at a terminal; curl's progress is not for one.
        writeln!(input, "exec 2>&1\ncurl() {{ command curl --silent --show-error \"$@\"; }}").expect("bash reads");
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Self { process, input, output }
    }

    /// Status and output of a step.
    fn run(&mut self, step: &str) -> (String, String) {
        writeln!(self.input, "{{\n{step}\n}} < /dev/null\necho; echo \"{MARK}$?\"").expect("bash reads");
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).expect("the output is text");
            assert!(read > 0, "bash ended within {step}: {printed}");
            if let Some(status) = line.strip_prefix(MARK) {
                return (status.trim().to_owned(), printed);
            }
            printed.push_str(&line);
        }
    }

    fn succeeds(&mut self, script: &str) {
        // Fails with the first command that does.
        let (status, printed) = self.run(&format!("trap 'failed=1' ERR; failed=0\n{script}\n(exit $failed)"));
        assert_eq!(status, "0", "{script}\n{printed}");
    }

    fn prints(&mut self, command: &str, expected: &str) {
        // Invocations are recorded a few milliseconds after they are answered: what only looks may look again.
        let looks = command.starts_with("pic logs") || command.starts_with("pic invocations");
        let started = Instant::now();
        loop {
            let (_, printed) = self.run(command);
            if is_as_expected(&printed, expected) {
                return;
            }
            let give_up = !looks || started.elapsed() > Duration::from_secs(60);
            assert!(!give_up, "$ {command}\n{printed}\ninstead of\n{expected}");
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // Ended already where its input was.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_as_expected(printed: &str, expected: &str) -> bool {
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let (printed, expected) = (dense(printed), dense(expected));
    let mut parts: Vec<_> = expected.split('…').collect();
    let last = parts.pop().unwrap_or_default();
    let Some((first, between)) = parts.split_first() else { return printed == last };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn the_comparison_can_fail() {
    for (printed, expected) in [("a  b\nc", "a b c"), ("x 12 y 3", "x … y …"), ("id 7 ok", "… ok"), ("{}", "{ }")]
    {
        assert!(is_as_expected(printed, expected), "{printed:?} is {expected:?}");
    }
    for (printed, expected) in [("a", "b"), ("a b", "a"), ("x 1 z", "x … y …"), ("ok no", "… ok"), ("a", "a…a")]
    {
        assert!(!is_as_expected(printed, expected), "{printed:?} is not {expected:?}");
    }
}
