//! `pic` in a home of its own.

use assert_cmd::{Command, assert::Assert};
use std::{net::TcpListener, path::PathBuf};
use tempfile::TempDir;

/// A user's home, which holds the profiles, and where `pic` runs.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Signed in to a server where nobody listens, and working in the app `demo`.
    pub(crate) fn signed_in() -> Self {
        let home = Self::new();
        home.write(
            ".config/picloud/pic.toml",
            format!(
                "[profiles.default]\nurl = {:?}\nusername = \"admin\"\ntoken = \"pic_1\"\napp = \"demo\"\n",
                unused_url()
            ),
        );
        home
    }

    /// Makes a file in it.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.path().join(path)).unwrap()
    }

    /// `pic` with nothing of the test's own environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pic"));
        command.env_clear().env("HOME", self.0.path()).current_dir(self.0.path()).args(args);
        command
    }

    pub(crate) fn pic(&self, args: &[&str]) -> Assert {
        self.command(args).assert()
    }
}

/// An address of this machine where nobody listens.
pub(crate) fn unused_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// What it wrote to standard error.
pub(crate) fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}
