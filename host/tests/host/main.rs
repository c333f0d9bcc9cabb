//! The host with the real guest, and a platform of the tests' own that keeps everything in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bytecode;
mod contract;
mod differential;
mod helpers;
mod imports;
mod invoke;
mod isolation;
mod kept;
mod limits;
mod metering;
mod reproducible;
mod results;
mod support;
