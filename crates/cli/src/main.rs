//! `pic`: PiCloud from the command line. Reads its arguments, runs one command, and turns its outcome into an exit
//! code; each command has a file of its own under `commands`.

mod choices;
mod cli;
mod commands;
mod confirm;
mod context;
mod error;
mod exit;
mod http_warning;
mod link;
mod moment;
mod options;
mod output;
mod page;
mod password;
mod profile;
mod text_file;

use clap::Parser as _;
use error::CommandError;
use exit::Exit;
use picloud_terminal::{excerpt, format, hidden, sanitize};
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = run(cli::Cli::parse()).unwrap_or_else(|error| {
        output::error(&error);
        error.exit()
    });
    exit.into()
}

fn run(cli: cli::Cli) -> Result<Exit, CommandError> {
    let mut context = context::Context::new(cli.options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot start: {error}")))?;
    runtime.block_on(commands::run(cli.command, &mut context)).map_err(|error| context.explain(error))
}
