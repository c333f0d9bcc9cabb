//! `pic secrets`.

mod delete;
mod list;
mod set;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Secrets: what the app's scripts read and nobody else can
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Set(set::Args),
    List(list::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::Set(args) => set::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}
