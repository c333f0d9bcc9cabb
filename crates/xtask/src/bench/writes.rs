//! `cargo xtask bench writes`: how many requests a second are answered whose script counts in the key-value store, each of which
//! is stored before its answer, with one client and with many. On both databases.

use super::{
    load::ask,
    server::{Launch, Server},
    table::{self, Figure},
};
use crate::{
    binaries::{self, Profile},
    postgres,
};
use anyhow::{Result, ensure};
use picloud_testkit::postgres::fresh_database;
use std::{fs, path::Path};

const ROUNDS: usize = 3;
/// Seconds of each figure, unless told otherwise.
pub(crate) const SECONDS: u64 = 4;
const CLIENTS: [&str; 4] = ["1", "4", "16", "64"];

const APP: &str = "bench";
const SCRIPT: &str = "count";
/// Every client counts the same, which is the worst of cases.
const COUNT: &str = "kv::incr(\"visits\")";

pub(crate) fn run(seconds: u64) -> Result<()> {
    postgres::ensure_installed()?;
    let program = binaries::build(Profile::Release)?.join("picloud");
    let load = binaries::bench("load")?;
    let mut figures = Vec::new();
    for (name, database) in [("SQLite", None), ("PostgreSQL", Some(fresh_database()))] {
        let data = binaries::target_directory()?.join("bench-writes");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let flag = database.map(|url| format!("--database-url={url}"));
        let flags: Vec<&str> = flag.as_deref().into_iter().collect();
        let launch = Launch { program: &program, data: &data, core: None, flags: &flags };
        let measured = measure(&launch, &load, name, &seconds.to_string());
        fs::remove_dir_all(&data)?;
        figures.extend(measured?);
    }
    table::print(&figures);
    Ok(())
}

fn measure(launch: &Launch, load: &Path, database: &str, seconds: &str) -> Result<Vec<Figure>> {
    let server = Server::start(launch)?;
    let api = server.sign_in()?;
    api.create_app(APP)?;
    api.put_script(APP, SCRIPT, COUNT, &[])?;
    let url = format!("{}/{APP}/{SCRIPT}", server.ingress());
    let mut figures = Vec::new();
    for clients in CLIENTS {
        let of = |what: &str, unit| Figure::new(format!("{database}, {clients} at once: {what}"), unit, "");
        let [mut rate, mut p50, mut p99] = [of("counted", "/s"), of("p50", "ms"), of("p99", "ms")];
        for _ in 0..ROUNDS {
            let [counted] = ask(load, None, &["closed", seconds, clients, &url])?;
            ensure!(counted.good == counted.sent, "{} of {} were answered", counted.good, counted.sent);
            rate.values.push(counted.good_per_second);
            p50.values.extend(counted.p50_ms);
            p99.values.extend(counted.p99_ms);
        }
        figures.extend([rate, p50, p99]);
    }
    server.stop()?;
    Ok(figures)
}
