//! `cargo xtask soak`: the test that kills PiCloud again and again while events are published and delivered, for longer
//! than a test may take.

use crate::{
    postgres,
    process::{cargo, run},
};
use anyhow::Result;

/// Crashes on each database, unless told otherwise.
pub(crate) const CRASHES: u64 = 1_000;

pub(crate) fn soak(crashes: u64) -> Result<()> {
    postgres::ensure_installed()?;
    let mut test = cargo(&["test", "--workspace", "--test", "picloud", "--", "no_crash_loses_an_acknowledged_event"]);
    run(test.env("PICLOUD_TEST_CRASHES", crashes.to_string()))?;
    eprintln!("{crashes} crashes on each database lost nothing");
    Ok(())
}
