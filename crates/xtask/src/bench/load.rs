//! The program that asks for what servers answer, and what it counted.

use super::measured::on_core;
use crate::process::output;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

/// Of one stream of requests.
#[derive(Deserialize)]
pub(crate) struct Counted {
    pub(crate) sent: f64,
    pub(crate) good: f64,
    pub(crate) good_per_second: f64,
    pub(crate) too_many: f64,
    pub(crate) overloaded: f64,
    pub(crate) broken: f64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
}

/// Runs it, on one core alone if asked, and has what it counted of each of so many streams.
pub(crate) fn ask<const STREAMS: usize>(
    load: &Path,
    core: Option<usize>,
    arguments: &[&str],
) -> Result<[Counted; STREAMS]> {
    let text = output(on_core(core, load).args(arguments))?;
    let counted = text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("the load said {line}")));
    let counted: Vec<Counted> = counted.collect::<Result<_>>()?;
    counted.try_into().ok().context("the load counted other streams than it was given")
}
