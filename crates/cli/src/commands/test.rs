//! `pic test`: hands over to `picloud test`. What runs scripts belongs to the server's program, and `pic` stays without it.

use crate::{
    context::Context,
    error::{CommandError, CommandResult},
    exit::Exit,
    options::Format,
};
use std::{
    env,
    io::ErrorKind,
    path::PathBuf,
    process::{Command, ExitStatus},
};

/// Run the tests of a directory of scripts, in the engine that servers have
///
/// This is `picloud test`, which has the engine, and has to be beside `pic` or in the PATH. It needs no server and no sign-in.
/// `picloud test --help` says more. It fails with exit code 1 when a test does, and with 3 when they cannot be run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Holds the scripts and their tests, such as greet.test.rhai
    directory: PathBuf,
    /// Only tests whose file or name has this in it
    filter: Option<String>,
}

pub(crate) fn run(Args { directory, filter }: Args, context: &Context) -> CommandResult {
    let format = match context.output.0 {
        Format::Json => "json",
        Format::Table => "text",
    };
    let beside = env::current_exe().ok().map(|pic| pic.with_file_name("picloud")).filter(|picloud| picloud.exists());
    let mut picloud = Command::new(beside.unwrap_or_else(|| "picloud".into()));
    picloud.args(["test", "-o", format]).arg(directory).args(filter);
    picloud.status().map(ended).map_err(|error| {
        let failed =
            CommandError::new(Exit::NotAllowed, format!("cannot run the tests: picloud cannot be started: {error}"));
        match error.kind() {
            ErrorKind::NotFound => {
                failed.hint("install picloud beside pic, or put it in the PATH: it has the engine that runs scripts")
            }
            _ => failed,
        }
    })
}

/// It has said why.
fn ended(status: ExitStatus) -> Exit {
    match status.code() {
        Some(0) => Exit::Ok,
        Some(2) => Exit::Usage,
        Some(3) => Exit::NotAllowed,
        _ => Exit::Failed,
    }
}
