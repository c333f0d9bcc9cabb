//! Building `picloud` and `pic` in the way that serves the other tasks too.

use crate::process::{cargo, run};
use anyhow::{Context, Result};
use std::{env, path::PathBuf};

/// How the binaries are compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As the tests use them.
    Dev,
    /// As they are shipped.
    Release,
}

/// Builds what is missing and returns the directory of the binaries.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    // `--workspace` and the name of a test, a tiny one, make cargo choose the features of all dependencies as it does
    // for `cargo test --workspace`. With others, the tests would compile wasmtime and sqlx a second time.
    let selection = ["build", "--workspace", "--bin", "picloud", "--bin", "pic", "--test", "postgres"];
    let mut cargo = cargo(&selection);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    run(&mut cargo)?;
    Ok(target_directory()?.join(if profile == Profile::Release { "release" } else { "debug" }))
}

/// Where cargo builds; this program came from there.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let own = env::current_exe()?;
    Ok(own.ancestors().nth(2).context("cargo xtask runs from cargo's target directory")?.to_owned())
}
