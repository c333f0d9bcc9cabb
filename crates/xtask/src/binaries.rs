//! Building `picloud` and `pic` in the way that serves the other tasks too.

use crate::process::{cargo, output, run};
use anyhow::{Context, Result};
use serde_json::Value;
use std::{env, path::PathBuf, process::Stdio};

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

/// Builds a benchmark in release and returns its program.
pub(crate) fn bench(name: &str) -> Result<PathBuf> {
    let selection = ["build", "--workspace", "--release", "--bench", name, "--message-format=json-render-diagnostics"];
    let messages = output(cargo(&selection).stderr(Stdio::inherit()))?;
    let mut messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = messages.rfind(|message| message["target"]["name"] == name);
    let program = built.as_ref().and_then(|message| message["executable"].as_str());
    Ok(program.with_context(|| format!("cargo built no benchmark {name}"))?.into())
}

/// Where cargo builds; this program came from there.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let own = env::current_exe()?;
    Ok(own.ancestors().nth(2).context("cargo xtask runs from cargo's target directory")?.to_owned())
}
