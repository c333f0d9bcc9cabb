//! `pic topics`.

mod dead;
mod forget;
mod list;
mod publish;
mod replay;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Topics: publish events, see who gets them, and what became of those that did not arrive
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Publish(publish::Args),
    List(list::Args),
    Dead(dead::Args),
    Replay(replay::Args),
    Forget(forget::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::Publish(args) => publish::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Dead(args) => dead::run(args, context).await,
        Command::Replay(args) => replay::run(args, context).await,
        Command::Forget(args) => forget::run(args, context).await,
    }
}
