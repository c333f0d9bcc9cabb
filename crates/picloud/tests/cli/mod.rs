//! `pic` against a real server, one for all of these tests: what people type, what they read, and the exit codes that scripts rely on.
//! A module for each surface.

mod apps;
mod auth;
mod deploy;
mod errors;
mod events;
mod following;
mod interrupted;
mod invoke;
mod keeping;
mod kv;
mod logs;
mod numbers;
mod output;
mod people;
mod roles;
mod said;
mod scripts;
mod shared;
mod tour;

use crate::support::PASSWORD;
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;

/// Beside the server's binary; built by the same command.
fn pic_binary() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_picloud")).with_file_name("pic");
    assert!(binary.exists(), "build it first: cargo build --workspace --bins");
    binary
}

/// Presses Ctrl-C for a process.
pub(crate) fn interrupt(process: &Child) {
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
}

pub(crate) struct Pic {
    directory: TempDir,
    manager: String,
}

impl Pic {
    /// For a server of this address; nobody has signed in.
    fn at(manager: &str) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), manager: manager.to_owned() }
    }

    /// Signed in with a token that was made before, and working in an app.
    fn with_token(manager: &str, username: &str, token: &str, app: &str) -> Self {
        let pic = Self::at(manager);
        let profile = format!(
            "[profiles.default]\nurl = \"{manager}/\"\nusername = \"{username}\"\ntoken = \"{token}\"\napp = \"{app}\"\n"
        );
        pic.write("pic.toml", &profile);
        pic
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

    /// The same, which can be interrupted: a shell that runs the tests in the background would have them, and what they start,
    /// not hear of Ctrl-C.
    pub(crate) fn interruptible(&self, arguments: &[&str]) -> Command {
        let asked = self.command(arguments);
        let mut command = Command::new("/usr/bin/env");
        command
            .env_clear()
            .envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(self.directory.path())
            .arg("--default-signal=INT")
            .arg(asked.get_program())
            .args(asked.get_args())
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

    /// The token of the profile.
    fn token(&self) -> String {
        let profile = fs::read_to_string(self.directory.path().join("pic.toml")).unwrap();
        let token = profile.lines().find_map(|line| line.strip_prefix("token = \"")?.strip_suffix('"'));
        token.expect("somebody has signed in").to_owned()
    }

    pub(crate) fn sign_in(&self) {
        self.ok(&["login", &self.manager, "--username", "admin"]);
    }
}
