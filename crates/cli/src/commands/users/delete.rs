//! `pic users delete`.

use crate::{
    confirm::confirm,
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::Username;

/// Delete a user with all sessions and tokens; what they made stays
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The user
    user: Username,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(Args { user, yes }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    confirm(yes, &format!("Delete the user {user} with all their sessions, tokens and roles?"))?;
    client.delete_user(&user).await.doing(format!("delete the user {user}"))?;
    output::note(&format!("deleted the user {user}"));
    Ok(Exit::Ok)
}
