//! Schemathesis, which makes up requests from an OpenAPI document: where it is installed, below cargo's target directory.

use std::path::{Path, PathBuf};

/// The version that the tests are made with.
pub const VERSION: &str = "4.32.5";

/// What to tell whoever does not have it.
pub const NEEDED: &str = "schemathesis is needed: `cargo xtask test` installs it below target/, for which Python 3 with venv \
    and pip have to be there; on Debian: apt-get install python3-venv";

/// The virtual environment that it is installed into.
pub fn environment(target: &Path) -> PathBuf {
    target.join(format!("schemathesis-{VERSION}"))
}

/// The program, if it is installed.
pub fn program(target: &Path) -> Option<PathBuf> {
    Some(environment(target).join("bin/schemathesis")).filter(|program| program.is_file())
}
