//! `pic roles revoke`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::Username;

/// Take a user's role in the app: from then on there is no such app for them
///
/// Anybody may leave an app so. Its last owner stays, unless an administrator takes them out.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Who loses it
    user: Username,
}

pub(crate) async fn run(Args { user }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.remove_member(&app, &user).await.doing(format!("take the role of {user} in the app {app}"))?;
    output::note(&format!("{user} has no role in the app {app} any more"));
    Ok(Exit::Ok)
}
