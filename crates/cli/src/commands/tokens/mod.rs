//! `pic tokens`.

mod create;
mod delete;
mod list;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Your tokens: see what has access in your name, make tokens for programs, end them
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Create(create::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Create(args) => create::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}
