//! One of those that are compared, and its rounds.

use super::{APP, SCRIPT, peers::Peer, wrk};
use crate::bench::server::{Api, Server};
use anyhow::{Result, ensure};
use std::{
    thread,
    time::{Duration, Instant},
};

/// Ticks of the kernel's clock in a second (`USER_HZ`, the same on all architectures that PiCloud is for).
const TICKS: f64 = 100.0;
/// How long the last records may take to reach the database.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is stored.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Round>,
    running: Running,
    /// Requests in all, those before the first round included.
    answered: u64,
}

enum Running {
    Peer(Peer),
    PiCloud(Server, Api),
}

/// What one round showed.
pub(crate) struct Round {
    /// Requests a second that it kept up, with all that each of them left to be done.
    pub(crate) per_second: f64,
    pub(crate) p99_ms: f64,
    /// CPU time of each request. It compares even where other programs took part of the cores.
    pub(crate) cpu_us: f64,
    /// CPU time for each second of the load. Well below 100, the load or other programs bounded it; above, some work was
    /// left for after the last answer.
    pub(crate) busy_percent: f64,
}

impl Contestant {
    pub(crate) fn peer(name: &'static str, peer: Peer) -> Self {
        Self { name, rounds: Vec::new(), running: Running::Peer(peer), answered: 0 }
    }

    pub(crate) fn picloud(name: &'static str, server: Server, api: Api) -> Self {
        Self { name, rounds: Vec::new(), running: Running::PiCloud(server, api), answered: 0 }
    }

    pub(crate) fn is_picloud(&self) -> bool {
        matches!(self.running, Running::PiCloud(..))
    }

    /// One round, at the end of which nothing is left to do for it.
    pub(crate) fn round(&mut self, core: usize, seconds: u64) -> Result<()> {
        let (process, address) = match &self.running {
            Running::Peer(peer) => (&peer.process, format!("http://127.0.0.1:{}", peer.port)),
            Running::PiCloud(server, _) => (&server.process, server.ingress().to_owned()),
        };
        let before = process.cpu_ticks()?;
        let load = wrk::run(core, &address, seconds)?;
        self.answered += load.answered;
        if let Running::PiCloud(_, api) = &self.running {
            self.wait_for_records(api)?;
        }
        let busy = (process.cpu_ticks()? - before) as f64 / TICKS;
        self.rounds.push(Round {
            per_second: load.answered as f64 / load.seconds.max(busy),
            p99_ms: load.p99_us / 1e3,
            cpu_us: busy / load.answered as f64 * 1e6,
            busy_percent: busy / load.seconds * 100.0,
        });
        Ok(())
    }

    /// A script's totals are written together with the records that they count.
    fn wait_for_records(&self, api: &Api) -> Result<()> {
        let since = Instant::now();
        loop {
            let counted = api.totals(APP, SCRIPT)?.invocations;
            if counted == self.answered {
                return Ok(());
            }
            ensure!(
                counted < self.answered && since.elapsed() < PATIENCE,
                "{}: {} requests were answered, {counted} are counted",
                self.name,
                self.answered
            );
            thread::sleep(LOOK);
        }
    }

    /// Fails unless the database has a row for every request that was answered.
    pub(crate) fn check_records(&self) -> Result<()> {
        let Running::PiCloud(_, api) = &self.running else { return Ok(()) };
        let dropped = api.totals(APP, SCRIPT)?.dropped_records;
        let stored = api.count_invocations(APP)?;
        ensure!(
            stored == self.answered && dropped == 0,
            "{}: {} requests were answered, {stored} are in the database, {dropped} were dropped for want of room",
            self.name,
            self.answered
        );
        Ok(())
    }
}
