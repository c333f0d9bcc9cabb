//! `pic invocations`.

mod list;
mod show;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;
pub(crate) use show::once_recorded;

/// Invocations: what ran, how it ended, what it cost
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Show(show::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
    }
}
