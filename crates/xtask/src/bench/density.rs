//! `cargo xtask bench density`: what it costs to have a thousand scripts deployed, and ten thousand invocations waiting.

use super::{
    idle,
    server::{Launch, Server},
    table::{self, Figure},
};
use crate::{
    binaries::{self, Profile},
    process::output,
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{fs, path::Path, process::Command};

/// Runs of the host's benchmark, each a process of its own.
const ROUNDS: usize = 3;
const SCRIPTS: usize = 1_000;
/// Apps that they are spread over.
const APPS: usize = 20;

pub(crate) fn run(idle_seconds: u64) -> Result<()> {
    let program = binaries::build(Profile::Release)?.join("picloud");
    let host = binaries::bench("density")?;
    let data = binaries::target_directory()?.join("bench-density");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let waiting = waiting(&host, &data.join("compiled"));
    let deployed = deployed(&Launch { program: &program, data: &data, core: None, flags: &[] }, idle_seconds);
    fs::remove_dir_all(&data)?;
    table::print(&[waiting?, deployed?].concat());
    Ok(())
}

/// What the host's own benchmark found, in MB.
#[derive(Deserialize)]
struct Waiting {
    invocations: u32,
    before_mb: f64,
    waiting_mb: f64,
    /// What the waiting ones take with shared pages counted once, where the others count them once for each instance.
    own_mb: f64,
    after_mb: f64,
}

/// Of the host alone, as no call of a script waits for anything slow yet but in a benchmark.
fn waiting(benchmark: &Path, cache: &Path) -> Result<Vec<Figure>> {
    let mut own = Figure::new("the same, shared pages counted once", "MB", "");
    let mut each = Figure::new("of that, each invocation that waits", "KB", "");
    let [mut before, mut waiting, mut after] =
        [("before them", ""), ("all waiting", "< 2000"), ("after them", "< 100")]
            .map(|(when, goal)| Figure::new(format!("RSS of the host, {when}"), "MB", goal));
    for round in 0..=ROUNDS {
        let line = output(Command::new(benchmark).arg(cache))?;
        // The first one compiles the guest.
        if round == 0 {
            continue;
        }
        let found: Waiting = serde_json::from_str(&line).with_context(|| format!("the benchmark said {line}"))?;
        own.values.push(found.own_mb);
        each.values.push(found.own_mb * 1e3 / f64::from(found.invocations));
        before.values.push(found.before_mb);
        waiting.values.push(found.waiting_mb);
        after.values.push(found.after_mb);
    }
    Ok(vec![before, waiting, own, each, after])
}

/// A thousand scripts, each of which has run once since the start. Another process deployed them: compiling the guest, as the
/// first one does, takes memory that is not given back.
fn deployed(launch: &Launch, idle_seconds: u64) -> Result<Vec<Figure>> {
    let server = Server::start(launch)?;
    let api = server.sign_in()?;
    for app in 0..APPS {
        api.create_app(&format!("app{app}"))?;
    }
    for number in 0..SCRIPTS {
        let (app, script) = place(number);
        api.put_script(&app, &script, &format!("\"script {number} says hello to \" + req.path"), &[])?;
    }
    server.stop()?;

    let server = Server::start(launch)?;
    for number in 0..SCRIPTS {
        let (app, script) = place(number);
        server.get(&format!("/{app}/{script}"))?;
    }
    let idle = idle::measure(&server, idle_seconds)?;
    let mut memory = Figure::new(format!("RSS, {SCRIPTS} scripts idle"), "MB", "< 100");
    memory.values.push(server.process.resident_mb()?);
    server.stop()?;
    Ok([vec![memory], idle].concat())
}

/// App and name of a script.
fn place(number: usize) -> (String, String) {
    (format!("app{}", number % APPS), format!("script{number}"))
}
