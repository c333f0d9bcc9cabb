//! `cargo xtask bench overload`: ten times the requests that PiCloud can answer, which come whether it answers or not, and
//! beside them a little traffic of another app.

use super::{
    cores::{self, Cores},
    load::{Counted, ask},
    server::{Launch, Server},
    table::{self, Figure},
};
use crate::binaries::{self, Profile};
use anyhow::Result;
use std::{fs, path::Path};

/// Each is a peak, then the overload.
const ROUNDS: usize = 3;
/// Seconds of either, unless told otherwise.
pub(crate) const SECONDS: u64 = 10;
/// Connections that find the peak: enough to keep the core busy, fewer than an app may have in flight.
const CONNECTIONS: &str = "16";
/// How many times the peak is offered.
const TIMES: f64 = 10.0;
/// Requests a second of the other app.
const LIGHT: &str = "20";

const CROWD: &str = "crowd";
const NEIGHBOUR: &str = "neighbour";
const SCRIPT: &str = "work";
/// Some two milliseconds, so that refusing is cheap beside it.
const WORK: &str = "let sum = 0; for n in 0..18_000 { sum += n; } sum";

pub(crate) fn run(seconds: u64) -> Result<()> {
    let cores = cores::two()?;
    let program = binaries::build(Profile::Release)?.join("picloud");
    let load = binaries::bench("load")?;
    let data = binaries::target_directory()?.join("bench-overload");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let launch = Launch { program: &program, data: &data, core: Some(cores.server), flags: &[] };
    let figures = measure(&launch, &load, cores, &seconds.to_string());
    fs::remove_dir_all(&data)?;
    table::print(&figures?);
    Ok(())
}

fn measure(launch: &Launch, load: &Path, cores: Cores, seconds: &str) -> Result<Vec<Figure>> {
    let server = Server::start(launch)?;
    let api = server.sign_in()?;
    for app in [CROWD, NEIGHBOUR] {
        api.create_app(app)?;
        api.put_script(app, SCRIPT, WORK, &[])?;
    }
    let url = |app: &str| format!("{}/{app}/{SCRIPT}", server.ingress());
    let (crowd, neighbour) = (url(CROWD), url(NEIGHBOUR));
    let core = Some(cores.load);
    let [_] = ask(load, core, &["closed", "2", CONNECTIONS, &crowd])?;

    let mut table = Table::default();
    for _ in 0..ROUNDS {
        let [peak] = ask(load, core, &["closed", seconds, CONNECTIONS, &crowd])?;
        let offered = (peak.good_per_second * TIMES).to_string();
        let [crowded, light] = ask(load, core, &["open", seconds, &offered, &crowd, LIGHT, &neighbour])?;
        table.add(&peak, &crowded, &light);
    }
    server.stop()?;
    Ok(table.figures())
}

/// The rows, as they fill round by round.
#[derive(Default)]
struct Table(Vec<Figure>);

impl Table {
    fn add(&mut self, peak: &Counted, crowd: &Counted, light: &Counted) {
        let share = |count: f64, of: &Counted| Some(count / of.sent * 100.0);
        // Both, since the neighbour's answers take their part of the core.
        let goodput = crowd.good_per_second + light.good_per_second;
        for (name, unit, goal, value) in [
            ("peak", "req/s", "", Some(peak.good_per_second)),
            ("peak: p99", "ms", "", peak.p99_ms),
            ("ten times the peak: goodput", "req/s", "", Some(goodput)),
            ("ten times the peak: goodput / peak", "", ">= 0.9", Some(goodput / peak.good_per_second)),
            ("ten times the peak: p50 of the admitted", "ms", "", crowd.p50_ms),
            ("ten times the peak: p99 of the admitted", "ms", "", crowd.p99_ms),
            ("ten times the peak: answered", "%", "", share(crowd.good, crowd)),
            ("ten times the peak: 429", "%", "", share(crowd.too_many, crowd)),
            ("ten times the peak: 503", "%", "", share(crowd.overloaded, crowd)),
            ("ten times the peak: no answer", "%", "0", share(crowd.broken, crowd)),
            ("another app meanwhile: answered", "%", "100", share(light.good, light)),
            ("another app meanwhile: p50", "ms", "", light.p50_ms),
            ("another app meanwhile: p99", "ms", "", light.p99_ms),
        ] {
            let row = match self.0.iter().position(|figure| figure.name == name) {
                Some(row) => row,
                None => {
                    self.0.push(Figure::new(name, unit, goal));
                    self.0.len() - 1
                }
            };
            self.0[row].values.extend(value);
        }
    }

    fn figures(self) -> Vec<Figure> {
        self.0
    }
}
