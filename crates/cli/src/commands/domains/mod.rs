//! `pic domains`.

mod add;
mod list;
mod remove;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Domains: hosts of its own at which the app answers
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Add(add::Args),
    Remove(remove::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Add(args) => add::run(args, context).await,
        Command::Remove(args) => remove::run(args, context).await,
    }
}
