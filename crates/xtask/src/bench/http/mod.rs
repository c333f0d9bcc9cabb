//! `cargo xtask bench http`: a small script whose answer depends on the request, over HTTP. Each contestant has one core to
//! itself while the load has the other, and they take turns, round after round. PiCloud runs as it is shipped, and every
//! request that it answered must be in its database afterwards.

mod contestant;
mod peers;
mod wrk;

use super::{
    cores,
    server::{Launch, Server},
    table::{self, Figure},
};
use crate::binaries::{self, Profile};
use anyhow::Result;
use contestant::{Contestant, Round};
use serde_json::json;
use std::{fs, path::Path};

/// Rounds of each contestant.
const ROUNDS: usize = 5;
/// Seconds of one, unless told otherwise.
pub(crate) const SECONDS: u64 = 5;
/// Seconds before the first.
const WARM_UP: u64 = 2;

pub(crate) const APP: &str = "bench";
pub(crate) const SCRIPT: &str = "hello";
const ROUTE: &str = "GET /hello/{n}";
/// Room for the records of all rounds, which are counted at the end: what an app has without asking holds 280,000.
const RECORD_BYTES: u64 = 1 << 30;
/// The native contestant runs the same file.
const SOURCE: &str = include_str!("../../../../picloud/benches/hello.rhai");

const NATIVE: &str = "native Rhai in axum";
const WORKERD: &str = "workerd";
const PICLOUD: &str = "PiCloud";
/// PiCloud with nothing kept between invocations.
const NEW_INSTANCES: &str = "new instances";

pub(crate) fn run(seconds: u64) -> Result<()> {
    let cores = cores::two()?;
    wrk::ensure_installed()?;
    let picloud = binaries::build(Profile::Release)?.join("picloud");
    let native = binaries::bench("native")?;
    let data = binaries::target_directory()?.join("bench-http");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let mut contestants = vec![
        Contestant::peer("bare axum", peers::native(cores.server, &native, "bare")?),
        Contestant::peer(NATIVE, peers::native(cores.server, &native, "rhai")?),
        deployed(PICLOUD, &picloud, &data.join("kept"), cores.server, &[])?,
        deployed(NEW_INSTANCES, &picloud, &data.join("new"), cores.server, &["--new-instances"])?,
    ];
    if let Some(modules) = peers::install()? {
        contestants.push(Contestant::peer(WORKERD, peers::workerd(cores.server, &modules)?));
        contestants.push(Contestant::peer("Node's http", peers::node(cores.server)?));
    }
    let measured = measure(&mut contestants, cores.load, seconds);
    drop(contestants);
    fs::remove_dir_all(&data)?;
    table::print(&measured?);
    Ok(())
}

fn deployed(name: &'static str, program: &Path, data: &Path, core: usize, flags: &[&str]) -> Result<Contestant> {
    let server = Server::start(&Launch { program, data, core: Some(core), flags })?;
    let api = server.sign_in()?;
    api.create_app(APP)?;
    api.update_app(APP, json!({"limits": {"record_bytes": RECORD_BYTES}}))?;
    api.put_script(APP, SCRIPT, SOURCE, &[ROUTE])?;
    Ok(Contestant::picloud(name, server, api))
}

fn measure(contestants: &mut [Contestant], core: usize, seconds: u64) -> Result<Vec<Figure>> {
    for contestant in contestants.iter_mut() {
        contestant.round(core, WARM_UP)?;
        contestant.rounds.clear();
    }
    for _ in 0..ROUNDS {
        for contestant in contestants.iter_mut() {
            contestant.round(core, seconds)?;
        }
    }
    for contestant in contestants.iter() {
        contestant.check_records()?;
    }
    Ok(figures(contestants))
}

fn figures(contestants: &[Contestant]) -> Vec<Figure> {
    let of = |of: &Contestant, what: &str, unit, value: fn(&Round) -> f64| {
        let name = format!("{}{what}", of.name);
        Figure { values: of.rounds.iter().map(value).collect(), ..Figure::new(name, unit, "") }
    };
    let mut figures = Vec::new();
    figures.extend(contestants.iter().map(|c| of(c, "", "req/s", |round| round.per_second)));
    figures.extend(contestants.iter().map(|c| of(c, ": CPU of each request", "µs", |round| round.cpu_us)));
    figures.extend(contestants.iter().map(|c| of(c, ": its core's use", "%", |round| round.busy_percent)));
    figures.extend(contestants.iter().map(|c| of(c, ": p99", "ms", |round| round.p99_ms)));
    for picloud in contestants.iter().filter(|contestant| contestant.is_picloud()) {
        for (name, goal) in [(NATIVE, ">= 0.40"), (WORKERD, ">= 2.5")] {
            let goal = if picloud.name == PICLOUD { goal } else { "" };
            let Some(other) = contestants.iter().find(|contestant| contestant.name == name) else { continue };
            let ratio = |what: &str, goal, ratio: fn(&Round, &Round) -> f64| {
                let values = picloud.rounds.iter().zip(&other.rounds).map(|(own, other)| ratio(own, other)).collect();
                Figure { values, ..Figure::new(format!("{} / {name}{what}", picloud.name), "", goal) }
            };
            figures.push(ratio(", req/s", goal, |own, other| own.per_second / other.per_second));
            figures.push(ratio(", requests per CPU time", goal, |own, other| other.cpu_us / own.cpu_us));
        }
    }
    figures
}

/// The file that wrk runs, and those that the peers do.
fn asset(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}
