//! The project's own tasks. `cargo xtask` alone lists them.

#![expect(clippy::print_stderr, reason = "a task talks to the person who runs it")]

mod bench;
mod binaries;
mod guest;
mod postgres;
mod process;
mod test;
mod up;

use anyhow::{Context, Result, bail};
use process::{command, output, run, workspace_root};
use std::env;

const USAGE: &str = "usage: cargo xtask TASK

  up [--release] [ARGUMENTS…]      build what is missing and run PiCloud with the examples; the arguments are its own
  test                             everything that CI runs
  guest                            build the wasm guest into guest/prebuilt/
  guest --check                    fail if the kept guest is not what its sources make
  bench start [--idle-seconds N]   print what a start, an upload and idling cost
  bench engine                     print what an invocation costs beside native Rhai";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["up", ref rest @ ..] => match up::up(rest)? {},
        ["test"] => test::test(),
        ["guest"] => guest::build(),
        ["guest", "--check"] => guest::check(),
        ["bench", "engine"] => bench::engine::run_benchmark(),
        ["bench", "start"] => bench::start::run(bench::start::IDLE_SECONDS),
        ["bench", "start", "--idle-seconds", seconds] => {
            bench::start::run(seconds.parse().context("--idle-seconds takes a number")?)
        }
        _ => bail!("{USAGE}"),
    }
}
