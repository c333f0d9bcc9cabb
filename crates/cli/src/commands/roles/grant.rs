//! `pic roles grant`.

use crate::{
    choices,
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::{api::Role, names::Username};

/// Give a user a role in the app, in place of the one before
///
/// A viewer looks, an editor changes scripts and data and runs them, an owner changes the app itself and who its members
/// are. Somebody who is no user of the server yet is invited: `pic invite`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who gets it
    user: Username,
    /// What they may do
    #[arg(value_parser = choices::role())]
    role: Role,
}

pub(crate) async fn run(Args { user, role }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let member = client.set_member(&app, &user, role).await.doing(format!("give {user} a role in the app {app}"))?;
    context.output.result(&member, |member| {
        format!("{} has the role {} in the app {app}\n", member.username, member.role.as_str())
    })
}
