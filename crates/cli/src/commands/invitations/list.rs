//! `pic invitations list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::ids::InvitationId;

/// List the open invitations to the app, or to the server, the newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Those to the server, which administrators see
    #[arg(long)]
    server: bool,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<InvitationId>,
}

pub(crate) async fn run(Args { server, limit, before }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let before = before.map(|id| id.to_string());
    let page = if server {
        client.invitations(before.as_deref(), Some(limit)).await.doing("list the invitations to the server")?
    } else {
        let app = context.app()?;
        let page = client.app_invitations(&app, before.as_deref(), Some(limit)).await;
        page.doing(format!("list the invitations to the app {app}"))?
    };
    context.output.page(&page, "--before", |invitations| {
        let rows = invitations.iter().map(|invitation| {
            vec![
                invitation.id.to_string(),
                super::to_what(invitation),
                invitation.created_by.to_string(),
                format::time(invitation.created_at),
                format::time(invitation.expires_at),
            ]
        });
        output::table(&["ID", "TO", "BY", "MADE", "ENDS"], rows)
    })
}
