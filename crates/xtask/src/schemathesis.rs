//! Schemathesis for the tests: found, or installed into an environment of its own below `target/`.

use crate::process::{command, output, run, workspace_root};
use anyhow::{Context, Result, ensure};
use picloud_testkit::schemathesis::{NEEDED, VERSION, environment, program};
use std::env;

/// Fails, saying what to install, when Python is not there.
pub(crate) fn ensure_installed() -> Result<()> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace_root().join("target"), Into::into);
    if let Some(program) = program(&target) {
        eprintln!("Schemathesis: {}", program.display());
        return Ok(());
    }
    if output(command("python3").args(["-c", "import ensurepip, venv"])).is_err() {
        install_venv().context(NEEDED)?;
    }
    let environment = environment(&target);
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&environment)).context(NEEDED)?;
    let pip = environment.join("bin/pip").display().to_string();
    let package = format!("schemathesis=={VERSION}");
    run(command(&pip).args(["install", "--quiet", "--disable-pip-version-check", &package])).context(NEEDED)?;
    ensure!(program(&target).is_some(), NEEDED);
    Ok(())
}

/// Where that can be done without asking.
fn install_venv() -> Result<()> {
    ensure!(output(command("id").arg("-u"))? == "0", NEEDED);
    let mut install = command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    run(install.args(["install", "--yes", "--no-install-recommends", "python3-venv"]))
}
