//! The load: wrk, on a core of its own, with a script that varies each request and looks at each answer.

use super::{APP, SCRIPT, asset};
use crate::{
    bench::measured::on_core,
    process::{command, output},
};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::Path;

const CONNECTIONS: &str = "--connections=32";
/// Seconds that the last requests of a window have to be answered.
const REST: u64 = 1;

/// What wrk counted.
#[derive(Deserialize)]
pub(crate) struct Load {
    sent: u64,
    pub(crate) answered: u64,
    /// Answers that were no answer to their request.
    wrong: u64,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
    pub(crate) p99_us: f64,
}

pub(crate) fn ensure_installed() -> Result<()> {
    // It answers with its version and fails.
    command("wrk")
        .arg("--version")
        .output()
        .context("wrk makes the load, and is not installed: apt-get install wrk")?;
    Ok(())
}

/// Asks for `seconds`, then waits until all that was sent is answered.
pub(crate) fn run(core: usize, address: &str, seconds: u64) -> Result<Load> {
    let mut wrk = on_core(Some(core), Path::new("wrk"));
    wrk.args(["--threads=1", CONNECTIONS, &format!("--duration={}s", seconds + REST), "--script"])
        .arg(asset("load.lua"))
        .args([address, "--", &seconds.to_string(), &format!("/{APP}/{SCRIPT}/")]);
    let text = output(&mut wrk)?;
    let counted = text.lines().find(|line| line.starts_with('{')).context("wrk counted nothing")?;
    let load: Load = serde_json::from_str(counted)?;
    ensure!(
        load.wrong == 0 && load.answered == load.sent && load.sent > 0,
        "{address}: {} requests, {} right answers, {} wrong ones\n{text}",
        load.sent,
        load.answered,
        load.wrong
    );
    Ok(load)
}
