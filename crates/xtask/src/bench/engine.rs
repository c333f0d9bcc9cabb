//! `cargo xtask bench engine`: the benchmark of the host, which needs the host's own crates.

use crate::process::{cargo, run};
use anyhow::Result;

pub(crate) fn run_benchmark() -> Result<()> {
    run(&mut cargo(&["bench", "--quiet", "--workspace", "--bench", "engine"]))
}
