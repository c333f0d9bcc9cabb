//! Keeps the load's core awake. A core that sleeps has to be woken for each answer, which on a virtual machine costs the
//! server's core several µs, and the more of them the slower the server is: a cost of the load being on the same machine, which no
//! client has that asks over a network.

use crate::bench::measured::on_core;
use anyhow::{Context, Result};
use std::{path::Path, process::Child};

/// Until it is dropped.
pub(crate) struct Awake(Child);

/// Runs only while nothing else wants the core (`sched(7)`, `SCHED_IDLE`), and ends with this process in any case.
const SPIN: [&str; 5] = ["--idle", "0", "sh", "-c", "while kill -0 $PPID; do :; done"];

impl Awake {
    pub(crate) fn keep(core: usize) -> Result<Self> {
        let spinning = on_core(Some(core), Path::new("chrt")).args(SPIN).spawn();
        Ok(Self(spinning.context("starting chrt, of util-linux")?))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
