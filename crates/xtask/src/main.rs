//! The project's own tasks. `cargo xtask` alone lists them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who runs it")]

mod bench;
mod binaries;
mod dashboard;
mod docs;
mod guest;
mod openapi;
mod postgres;
mod process;
mod schemathesis;
mod soak;
mod sources;
mod test;
mod up;

use anyhow::{Context, Result, bail};
use process::{command, output, run, workspace_root};
use std::{env, process::ExitCode};

const USAGE: &str = "usage: cargo xtask TASK

  up [--release] [ARGUMENTS…]      build what is missing and run PiCloud with the examples; the arguments are its own
  test                             everything that CI runs
  guest                            build the wasm guest into guest/prebuilt/
  guest --check                    fail if the kept guest is not what its sources make
  dashboard                        build the dashboard into dashboard/build/
  dashboard --check                fail if the kept dashboard is not what its sources make
  dashboard --screenshots          take pictures of its pages into dashboard/screenshots/
  docs                             make docs/functions.md and guest/prebuilt/functions.json of the guest's comments, and
                                   docs/cli.md of pic's help
  openapi                          make docs/openapi.json of the API as it is
  bench start [--idle-seconds N]   print what a start, an upload and idling cost
  bench engine                     print what an invocation costs beside native Rhai
  bench http [--seconds N]         print what a request costs beside native Rhai, workerd and Node
  bench density [--idle-seconds N] print what a thousand scripts and ten thousand invocations that wait cost
  bench overload [--seconds N]     print what is answered when ten times too much is asked
  bench events [--idle-seconds N]  print how soon and how fast events and schedules reach their scripts
  bench writes [--seconds N]       print how many requests a second store what they count, with one client and with many
  bench records [--invocations N]  print how long lists and sums take with a million invocations, and how they are removed
  soak [--crashes N]               kill PiCloud again and again while events are published and delivered";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match task(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task(arguments: &[String]) -> Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["up", ref rest @ ..] => match up::up(rest)? {},
        ["test"] => test::test(),
        ["guest"] => guest::build(),
        ["guest", "--check"] => guest::check(),
        ["dashboard"] => dashboard::build(),
        ["dashboard", "--check"] => dashboard::check(),
        ["dashboard", "--screenshots"] => dashboard::screenshots(),
        ["docs"] => docs::write(),
        ["openapi"] => openapi::write(),
        ["bench", "engine"] => bench::engine::run_benchmark(),
        ["soak", ref flags @ ..] => counted(soak::soak, flags, "--crashes", soak::CRASHES),
        ["bench", name, ref flags @ ..] => timed_benchmark(name, flags),
        _ => bail!("{USAGE}"),
    }
}

/// One whose length may be chosen.
fn timed_benchmark(name: &str, flags: &[&str]) -> Result<()> {
    let (run, flag, usual): (fn(u64) -> Result<()>, _, _) = match name {
        "start" => (bench::start::run, "--idle-seconds", bench::idle::SECONDS),
        "http" => (bench::http::run, "--seconds", bench::http::SECONDS),
        "density" => (bench::density::run, "--idle-seconds", bench::idle::SECONDS),
        "events" => (bench::events::run, "--idle-seconds", bench::idle::SECONDS),
        "records" => (bench::records::run, "--invocations", bench::records::INVOCATIONS),
        "writes" => (bench::writes::run, "--seconds", bench::writes::SECONDS),
        "overload" => (bench::overload::run, "--seconds", bench::overload::SECONDS),
        _ => bail!("{USAGE}"),
    };
    counted(run, flags, flag, usual)
}

/// A task with one number that may be chosen.
fn counted(run: fn(u64) -> Result<()>, flags: &[&str], flag: &str, usual: u64) -> Result<()> {
    match flags {
        [] => run(usual),
        [given, number] if *given == flag => {
            run(number.parse().with_context(|| format!("{flag} takes a whole number"))?)
        }
        _ => bail!("{USAGE}"),
    }
}
