//! `cargo xtask dashboard`: builds the dashboard and keeps it in `dashboard/build/`, with a record of what it was made from.
//! A machine without Node uses the kept one, which the manager embeds; a check refuses a stale one.

use crate::{
    command, output, run,
    sources::{hash, sha256},
    workspace_root,
};
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::{fs, process::Command};

/// Everything that the dashboard's bytes depend on besides Node. Of the API's document they hold nothing: it is types, which
/// are checked and go.
const SOURCES: [&str; 8] = [
    "dashboard/package.json",
    "dashboard/package-lock.json",
    "dashboard/svelte.config.js",
    "dashboard/tsconfig.json",
    "dashboard/vite.config.ts",
    "dashboard/src",
    "dashboard/static",
    "guest/prebuilt/functions.json",
];
const DIRECTORY: &str = "dashboard";
const BUILT: &str = "dashboard/build";
const RECORD: &str = "dashboard/build.json";
/// The lock file that the installed packages are those of.
const INSTALLED: &str = "dashboard/node_modules/.picloud-lock";
/// The oldest Node that builds it, as `dashboard/package.json` says.
const OLDEST: (u32, u32) = (20, 19);

const NEEDED: &str = "no Node 20.19 or newer, with npm. Debian's, or one from https://nodejs.org, will do";

/// What the kept dashboard was made from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// SHA-256 over the paths and contents of all sources.
    sources: String,
    /// The same over the kept files.
    built: String,
}

/// Builds the dashboard and replaces the kept one.
pub(crate) fn build() -> Result<()> {
    ensure!(has_node(), NEEDED);
    install()?;
    run(npm().args(["run", "check"])).context("checking the dashboard")?;
    compile()?;
    let record = Record { sources: hash(&SOURCES)?, built: hash(&[BUILT])? };
    fs::write(workspace_root().join(RECORD), serde_json::to_string_pretty(&record)? + "\n")?;
    eprintln!("{BUILT}: made");
    Ok(())
}

/// Builds it if its sources are others than those that the kept one was made from, and Node is here.
pub(crate) fn refresh() -> Result<()> {
    match (is_fresh()?, has_node()) {
        (true, _) => Ok(()),
        (false, true) => build(),
        (false, false) => {
            eprintln!("dashboard: the kept one was made from other sources, and there is {NEEDED}");
            Ok(())
        }
    }
}

/// Fails when the kept dashboard was made from other sources than those that are here; where Node is installed, also when
/// building it again gives other bytes.
pub(crate) fn check() -> Result<()> {
    ensure!(
        record()?.built == hash(&[BUILT])?,
        "{BUILT} does not hold what {RECORD} describes: run `cargo xtask dashboard`"
    );
    ensure!(is_fresh()?, "{BUILT} was made from other sources: run `cargo xtask dashboard`");
    if !has_node() {
        eprintln!("dashboard: sources and record agree; there is {NEEDED}, to build it again");
        return Ok(());
    }
    install()?;
    run(npm().args(["run", "check"])).context("checking the dashboard")?;
    compile()?;
    let rebuilt = hash(&[BUILT])?;
    ensure!(record()?.built == rebuilt, "building the dashboard again has given other bytes: see `git diff {BUILT}`");
    eprintln!("dashboard: sources and record agree, and building it again gives the same bytes");
    Ok(())
}

/// Walks through the dashboard with a browser. Without Node there is nothing to walk with.
pub(crate) fn walk() -> Result<()> {
    if !has_node() {
        eprintln!("skipped: there is {NEEDED}");
        return Ok(());
    }
    install()?;
    ensure_browser()?;
    run(npm().args(["run", "test"]))
}

/// Takes pictures of its pages.
pub(crate) fn screenshots() -> Result<()> {
    ensure!(has_node(), NEEDED);
    install()?;
    ensure_browser()?;
    run(npm().args(["run", "screenshots"]))
}

fn record() -> Result<Record> {
    serde_json::from_slice(&fs::read(workspace_root().join(RECORD)).context(RECORD)?).context(RECORD)
}

fn is_fresh() -> Result<bool> {
    Ok(record()?.sources == hash(&SOURCES)?)
}

fn compile() -> Result<()> {
    run(npm().args(["run", "build"])).context("building the dashboard")
}

/// The packages that the lock file names, if they are not there yet.
fn install() -> Result<()> {
    let root = workspace_root();
    let lock = sha256(&fs::read(root.join("dashboard/package-lock.json"))?);
    if fs::read_to_string(root.join(INSTALLED)).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    run(npm().args(["ci", "--ignore-scripts"])).context("installing the dashboard's packages")?;
    fs::write(root.join(INSTALLED), lock)?;
    Ok(())
}

fn npm() -> Command {
    let mut npm = command("npm");
    npm.current_dir(workspace_root().join(DIRECTORY));
    npm
}

fn has_node() -> bool {
    let version = output(command("node").arg("--version")).unwrap_or_default();
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    found >= OLDEST && output(command("npm").arg("--version")).is_ok()
}

/// Debian's Chromium: found, or installed where that can be done without asking.
fn ensure_browser() -> Result<()> {
    const NEEDED: &str = "the dashboard's tests need Chromium: apt-get install chromium   (Debian)";
    if output(command("chromium").arg("--version")).is_ok() {
        return Ok(());
    }
    let root = output(command("id").arg("-u"))? == "0";
    if !root || output(command("apt-get").arg("--version")).is_err() {
        bail!(NEEDED);
    }
    run(command("apt-get").arg("update")).context(NEEDED)?;
    let mut install = command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    run(install.args(["install", "--yes", "--no-install-recommends", "chromium"])).context(NEEDED)
}
