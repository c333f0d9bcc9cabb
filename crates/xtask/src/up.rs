//! `cargo xtask up`: builds what is missing and becomes PiCloud, on the embedded database in `./data`, with the
//! examples deployed.

use crate::{
    binaries::{self, Profile},
    dashboard,
    process::{command, workspace_root},
};
use anyhow::{Context, Result};
use std::{convert::Infallible, os::unix::process::CommandExt};

/// Ends only when something is wrong: otherwise this process is PiCloud from here on.
pub(crate) fn up(arguments: &[&str]) -> Result<Infallible> {
    let (profile, arguments) = match arguments {
        ["--release", rest @ ..] => (Profile::Release, rest),
        _ => (Profile::Dev, arguments),
    };
    dashboard::refresh()?;
    let program = binaries::build(profile)?.join("picloud");
    let mut picloud = command(&program.to_string_lossy());
    picloud.current_dir(workspace_root());
    if !arguments.iter().any(|argument| argument.split('=').next() == Some("--demo")) {
        picloud.args(["--demo", "examples"]);
    }
    Err(picloud.args(arguments).exec()).with_context(|| format!("starting {}", program.display()))
}
