//! `pic roles`.

mod grant;
mod list;
mod revoke;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;

/// Roles: who may do what in the app
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Grant(grant::Args),
    Revoke(revoke::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Grant(args) => grant::run(args, context).await,
        Command::Revoke(args) => revoke::run(args, context).await,
    }
}
