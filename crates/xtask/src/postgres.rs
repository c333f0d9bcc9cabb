//! PostgreSQL for the tests: found, or installed where that can be done without asking.

use crate::process::{command, output, run};
use anyhow::{Context, Result, bail, ensure};
use picloud_testkit::postgres::{NEEDED, programs};

/// Fails, saying what to install, when there is none and this is not root on a Debian machine.
pub(crate) fn ensure_installed() -> Result<()> {
    if let Some(programs) = programs() {
        eprintln!("PostgreSQL: {}", programs.display());
        return Ok(());
    }
    let root = output(command("id").arg("-u"))? == "0";
    if !root || output(command("apt-get").arg("--version")).is_err() {
        bail!(NEEDED);
    }
    run(command("apt-get").arg("update")).context(NEEDED)?;
    let mut install = command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args([
        "install",
        "--yes",
        "--no-install-recommends",
        "postgresql",
    ]);
    run(&mut install).context(NEEDED)?;
    ensure!(programs().is_some(), NEEDED);
    Ok(())
}
