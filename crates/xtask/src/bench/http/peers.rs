//! The servers that PiCloud is compared with. Those from npm are installed below cargo's target directory, at the versions
//! of the lock file.

#![expect(clippy::print_stderr, reason = "a benchmark says what it leaves out")]

use super::asset;
use crate::{
    bench::measured::{Measured, on_core},
    binaries,
    process::{command, output, run},
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// One that answers at `/bench/hello/{n}`.
pub(crate) struct Peer {
    pub(crate) process: Measured,
    pub(crate) port: u16,
}

#[derive(Deserialize)]
struct Ready {
    port: u16,
}

fn start(command: &mut Command) -> Result<Peer> {
    let (process, line) = Measured::start(command)?;
    let Ready { port } = serde_json::from_str(&line).with_context(|| format!("{command:?} said {line:?}"))?;
    Ok(Peer { process, port })
}

pub(crate) fn native(core: usize, program: &Path, kind: &str) -> Result<Peer> {
    start(on_core(Some(core), program).arg(kind))
}

pub(crate) fn node(core: usize) -> Result<Peer> {
    start(on_core(Some(core), Path::new("node")).arg(asset("node.mjs")))
}

pub(crate) fn workerd(core: usize, modules: &Path) -> Result<Peer> {
    // Past the package's launcher, which would be another process.
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
    let program = modules.join(format!("@cloudflare/workerd-linux-{architecture}/bin/workerd"));
    start(on_core(Some(core), &program).arg("serve").arg(asset("workerd.capnp")).arg("--control-fd=1"))
}

/// Where npm put its packages; none, and a line that says so, where there is no npm.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    if output(command("npm").arg("--version")).is_err() || output(command("node").arg("--version")).is_err() {
        eprintln!("workerd and Node are left out: there is no npm (apt-get install npm)");
        return Ok(None);
    }
    let place = binaries::target_directory()?.join("bench-peers");
    fs::create_dir_all(&place)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(asset(name), place.join(name))?;
    }
    // Not `npm ci`, which begins by deleting what is there already.
    run(command("npm").current_dir(&place).args([
        "install",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]))?;
    Ok(Some(place.join("node_modules")))
}
