//! `pic audit`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_client::AuditFilter;
use picloud_shared::{api::AuditEntry, ids::AuditId, names::Username};

/// Show who changed what and from where, the newest first
///
/// In the app, for its owners; with --server on the whole server, for administrators.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// On the whole server, also in apps and by users that are gone
    #[arg(long)]
    server: bool,
    /// Only what this user did
    #[arg(long, value_name = "USER")]
    actor: Option<Username>,
    /// Only what is called so, such as put_script
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<AuditId>,
}

pub(crate) async fn run(Args { server, actor, action, limit, before }: Args, context: &mut Context) -> CommandResult {
    let client = context.client()?;
    let filter = AuditFilter { actor, action, before: before.map(|id| id.to_string()), limit: Some(limit) };
    let page = if server {
        client.audit(&filter).await.doing("show the audit log")?
    } else {
        let app = context.app()?;
        client.app_audit(&app, &filter).await.doing(format!("show the audit log of the app {app}"))?
    };
    context.output.page(&page, "--before", |entries| {
        output::table(&["AT", "WHO", "FROM", "ACTION", "APP", "TO", "DETAIL"], entries.iter().map(row))
    })
}

fn row(entry: &AuditEntry) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let detail = entry.detail.as_object().is_none_or(|detail| !detail.is_empty()).then(|| entry.detail.to_string());
    vec![
        format::time(entry.at),
        or_dash(entry.actor.as_ref().map(ToString::to_string)),
        entry.address.map_or_else(|| "the server".to_owned(), |address| address.to_string()),
        entry.action.clone(),
        or_dash(entry.app.as_ref().map(ToString::to_string)),
        or_dash(entry.target.clone()),
        or_dash(detail),
    ]
}
