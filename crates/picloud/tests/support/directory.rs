//! The commands that work on a directory of scripts: `picloud check`, `dev` and `test`.

use super::compiled_engine;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// A directory of scripts, with a place for what is temporary beside it.
pub(crate) struct Directory {
    root: TempDir,
}

impl Directory {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let directory = Self { root: tempfile::tempdir().unwrap() };
        for name in ["scripts", "temporary"] {
            fs::create_dir(directory.root.path().join(name)).unwrap();
        }
        for (file, text) in files {
            directory.write(file, text);
        }
        directory
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.root.path().join("scripts")
    }

    /// In place, as some editors write.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// By a new file that takes the name, as other editors write.
    pub(crate) fn replace(&self, file: &str, text: &str) {
        let (path, new) = (self.path().join(file), self.path().join(format!("{file}.new~")));
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// What commands left behind.
    pub(crate) fn left_in_temporary(&self) -> Vec<String> {
        let entries = fs::read_dir(self.temporary()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn temporary(&self) -> std::path::PathBuf {
        self.root.path().join("temporary")
    }

    /// The binary, in this directory.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("TMPDIR", self.temporary())
            .env("PICLOUD_CACHE_DIR", compiled_engine())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }
}

/// Exit code, standard output and standard error.
pub(crate) fn run(directory: &Directory, arguments: &[&str]) -> (i32, String, String) {
    let output = directory.command(Path::new(env!("CARGO_BIN_EXE_picloud"))).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
