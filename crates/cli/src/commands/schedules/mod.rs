//! `pic schedules`.

mod list;
mod run;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Schedules: see when scripts run by the clock, and run one now
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Run(run::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Run(args) => run::run(args, context).await,
    }
}
