//! `pic invite`.

use crate::{
    choices,
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::api::{InviteToServer, Role};

/// Invite somebody, by a link that is good once and for a week
///
/// With --role to the app, which its owners can; otherwise to the server, which administrators can. Whoever has the link
/// can use it: in a browser, or with `pic join`. It is printed, and not shown again.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("to").required(true).multiple(true)))]
pub(crate) struct Args {
    /// To the app, with this role
    #[arg(long, group = "to", value_parser = choices::role(), conflicts_with_all = ["server", "admin", "create_apps"])]
    role: Option<Role>,
    /// To the server, without a role in any app
    #[arg(long, group = "to")]
    server: bool,
    /// To the server, as an administrator, who may do everything
    #[arg(long, group = "to")]
    admin: bool,
    /// To the server, with the right to make apps
    #[arg(long, group = "to")]
    create_apps: bool,
}

pub(crate) async fn run(Args { role, server: _, admin, create_apps }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let link = match role {
        Some(role) => {
            let app = context.app()?;
            client.invite_to_app(&app, role).await.doing(format!("invite to the app {app}"))?
        }
        None => client.invite(&InviteToServer { admin, create_apps }).await.doing("invite to the server")?,
    };
    let invitation = &link.invitation;
    output::note(&format!(
        "{}: good once, until {}, for whoever has the link; `pic invitations revoke {}{}` takes it back",
        super::invitations::to_what(invitation),
        format::time(invitation.expires_at),
        invitation.id,
        if invitation.app.is_none() { " --server" } else { "" },
    ));
    context.output.result(&link, |link| format!("{}\n", link.url))
}
