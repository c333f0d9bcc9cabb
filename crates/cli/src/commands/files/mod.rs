//! `pic files`.

mod delete;
mod get;
mod list;
mod put;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Files: what the app's scripts read and write under a path
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Get(get::Args),
    Put(put::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Get(args) => get::run(args, context).await,
        Command::Put(args) => put::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}
