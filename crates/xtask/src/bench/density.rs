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
use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Deserialize;
use serde_json::json;
use std::{fs, path::Path, process::Command};

/// Starts of PiCloud, each with a crowd.
const ROUNDS: usize = 3;
/// Wanted at once.
const INVOCATIONS: u64 = 10_000;
/// Of a process's descriptors PiCloud keeps an eighth for its API, and each request here needs two: its caller's connection and
/// its script's.
const DESCRIPTORS: u64 = INVOCATIONS * 2 * 8 / 7 + SPARE;
/// Descriptors for everything else.
const SPARE: u64 = 200;
const SCRIPTS: usize = 1_000;
/// Apps that they are spread over.
const APPS: usize = 20;

/// Before the request a small script does something, after it too.
const WAITS: &str = r#"let order = #{ item: "a-1", path: req.path };
let answer = http::request(#{ url: `http://127.0.0.1:${req.query.port}/`, timeout_ms: 60000 });
#{ order: order, answer: answer.text() }"#;
/// Where there are too few descriptors, some of the requests are two invocations, of which the one waits for the other.
const CALLS: &str = r#"let order = #{ item: "a-1", path: req.path };
#{ order: order, answer: scripts::invoke("called", #{ port: req.query.port }) }"#;
const CALLED: &str = r#"let order = #{ item: "a-1", port: event.payload.port };
let answer = http::request(#{ url: `http://127.0.0.1:${order.port}/`, timeout_ms: 60000 });
#{ order: order, answer: answer.text() }"#;

pub(crate) fn run(idle_seconds: u64) -> Result<()> {
    let program = binaries::build(Profile::Release)?.join("picloud");
    let crowd = binaries::bench("waiting")?;
    let data = binaries::target_directory()?.join("bench-density");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let launch = Launch { program: &program, data: &data, core: None, flags: &[] };
    let measured = waiting(&launch, &crowd).and_then(|waiting| {
        fs::remove_dir_all(&data)?;
        Ok([waiting, deployed(&launch, idle_seconds)?].concat())
    });
    table::print(&measured?);
    Ok(fs::remove_dir_all(&data)?)
}

/// What the crowd saw.
#[derive(Deserialize)]
struct Seen {
    answered: u64,
    resident_mb: f64,
    own_mb: f64,
}

/// Requests at once, by the descriptors that a process may have.
fn requests_at_once() -> u64 {
    let maximum = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let wanted = maximum.max(DESCRIPTORS);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: Some(wanted) });
    let descriptors = if raised.is_ok() { wanted } else { maximum };
    (descriptors.saturating_sub(SPARE) * 7 / 8 / 2).min(INVOCATIONS)
}

/// So many invocations at once, each waiting for a server that does not answer yet.
fn waiting(launch: &Launch, crowd: &Path) -> Result<Vec<Figure>> {
    let requests = requests_at_once();
    let invocations = INVOCATIONS.min(requests * 2);
    // Each of those that call another is two.
    let calling = invocations - requests;
    let (slots, concurrency) = (format!("--slots={invocations}"), format!("--max-limit=concurrency={invocations}"));
    let flags = [slots.as_str(), concurrency.as_str(), "--max-limit=wall_time_ms=120000"];
    let launch = Launch { flags: &flags, ..*launch };

    // Compiling the guest, as the first start does, takes memory that is not given back.
    let server = Server::start(&launch)?;
    let api = server.sign_in()?;
    api.create_app("crowd")?;
    for (name, source) in [("waits", WAITS), ("called", CALLED), ("calls", CALLS)] {
        api.put_script("crowd", name, source, &[])?;
    }
    let limits = json!({"concurrency": invocations, "wall_time_ms": 120_000});
    api.update_app("crowd", json!({"outbound": ["127.0.0.1"], "limits": limits}))?;
    server.stop()?;

    let mut figures = [
        ("RSS before them", "MB", ""),
        ("RSS, all waiting", "MB", "< 2000 of 10,000"),
        ("of that, each", "KB", "< 200"),
        ("each, shared pages counted once", "KB", ""),
        ("RSS after them", "MB", ""),
    ]
    .map(|(when, unit, goal)| Figure::new(format!("{invocations} invocations: {when}"), unit, goal));
    for _ in 0..ROUNDS {
        let server = Server::start(&launch)?;
        let before = server.process.resident_mb()?;
        let address = server.ingress().trim_start_matches("http://");
        let mut asking = Command::new(crowd);
        asking.args([address, server.process.id().to_string().as_str()]);
        asking.args([(requests - calling).to_string().as_str(), "/crowd/waits"]);
        asking.args([calling.to_string().as_str(), "/crowd/calls"]);
        let line = output(&mut asking)?;
        let seen: Seen = serde_json::from_str(&line).with_context(|| format!("the crowd said {line}"))?;
        ensure!(seen.answered == requests, "{} of {requests} were answered", seen.answered);
        let each = |megabytes: f64| (megabytes - before) * 1e3 / invocations as f64;
        let after = server.process.resident_mb()?;
        let values = [before, seen.resident_mb, each(seen.resident_mb), each(seen.own_mb), after];
        for (figure, value) in figures.iter_mut().zip(values) {
            figure.values.push(value);
        }
        server.stop()?;
    }
    Ok(figures.into())
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
