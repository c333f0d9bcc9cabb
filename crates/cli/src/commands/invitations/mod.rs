//! `pic invitations`, and how an invitation is shown.

mod list;
mod revoke;

use crate::{context::Context, error::CommandResult};
use clap::Subcommand;
use picloud_shared::api::Invitation;

/// Invitations that nobody has accepted yet: see them, take them back
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Args),
    Revoke(revoke::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::List(args) => list::run(args, context).await,
        Command::Revoke(args) => revoke::run(args, context).await,
    }
}

/// What whoever accepts gets.
pub(super) fn to_what(invitation: &Invitation) -> String {
    match (&invitation.app, invitation.role) {
        (Some(app), Some(role)) => format!("{} of the app {app}", role.as_str()),
        _ if invitation.admin => "administrator of the server".to_owned(),
        _ if invitation.create_apps => "user of the server who makes apps".to_owned(),
        _ => "user of the server".to_owned(),
    }
}
