//! `cargo xtask bench density`: what it costs to have a thousand scripts deployed, and ten thousand invocations waiting.

use super::{
    idle,
    server::{Launch, Server},
    table::{self, Figure},
};
use crate::binaries::{self, Profile};
use anyhow::Result;
use std::fs;

const SCRIPTS: usize = 1_000;
/// Apps that they are spread over.
const APPS: usize = 20;

pub(crate) fn run(idle_seconds: u64) -> Result<()> {
    let program = binaries::build(Profile::Release)?.join("picloud");
    let data = binaries::target_directory()?.join("bench-density");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let figures = deployed(&Launch { program: &program, data: &data, core: None, flags: &[] }, idle_seconds);
    fs::remove_dir_all(&data)?;
    table::print(&figures?);
    Ok(())
}

/// A thousand scripts, each of which has run once.
fn deployed(launch: &Launch, idle_seconds: u64) -> Result<Vec<Figure>> {
    let server = Server::start(launch)?;
    let api = server.sign_in()?;
    let mut memory = Figure::new(format!("RSS, {SCRIPTS} scripts idle"), "MB", "< 100");
    for app in 0..APPS {
        api.create_app(&format!("app{app}"))?;
    }
    for number in 0..SCRIPTS {
        let (app, script) = (format!("app{}", number % APPS), format!("script{number}"));
        api.put_script(&app, &script, &format!("\"script {number} says hello to \" + req.path"), &[])?;
        server.get(&format!("/{app}/{script}"))?;
    }
    let idle = idle::measure(&server, idle_seconds)?;
    memory.values.push(server.process.resident_mb()?);
    server.stop()?;
    Ok([vec![memory], idle].concat())
}
