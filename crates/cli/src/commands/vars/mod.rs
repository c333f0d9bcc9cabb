//! `pic vars`.

mod delete;
mod get;
mod list;
mod set;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Variables: settings of the app that its scripts read
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Set(set::Args),
    Get(get::Args),
    List(list::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::Set(args) => set::run(args, context).await,
        Command::Get(args) => get::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}
