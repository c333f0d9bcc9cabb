//! `pic invitations revoke`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::ids::InvitationId;

/// Take an invitation back: its link is worth nothing any more
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The invitation, as listed
    id: InvitationId,
    /// One to the server, not to the app
    #[arg(long)]
    server: bool,
}

pub(crate) async fn run(Args { id, server }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let revoked = if server {
        client.revoke_invitation(id).await
    } else {
        client.revoke_app_invitation(&context.app()?, id).await
    };
    revoked.doing(format!("revoke the invitation {id}"))?;
    output::note(&format!("revoked the invitation {id}"));
    Ok(Exit::Ok)
}
