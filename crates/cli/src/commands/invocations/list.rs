//! `pic invocations list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_client::InvocationFilter;
use picloud_shared::{api::StatusFilter, ids::InvocationId, names::ScriptName};

/// List invocations, the newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this script
    #[arg(long, value_name = "NAME")]
    script: Option<ScriptName>,
    /// Only those that failed
    #[arg(long)]
    failed: bool,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<InvocationId>,
}

pub(crate) async fn run(Args { script, failed, limit, before }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let filter = InvocationFilter {
        script,
        status: failed.then_some(StatusFilter::Failed),
        before: before.map(|id| id.to_string()),
        limit: Some(limit),
        ..InvocationFilter::default()
    };
    let what = || format!("list the invocations of the app {app}");
    let page = client.invocations(&app, &filter).await.doing(what())?;
    if let Some(script) = filter.script.as_ref().filter(|_| page.items.is_empty()) {
        client.script(&app, script).await.doing(what())?;
    }
    context.output.page(&page, "--before", |invocations| {
        let rows = invocations.iter().map(|invocation| {
            vec![
                invocation.id.to_string(),
                format::time(invocation.started_at),
                format!("{} v{}", invocation.script, invocation.version),
                invocation.request.clone().unwrap_or_else(|| invocation.trigger.as_str().to_owned()),
                format!("{} {}", invocation.status, invocation.outcome),
                format::duration(invocation.duration_us),
                format::count(invocation.fuel),
            ]
        });
        output::table(&["ID", "STARTED", "SCRIPT", "REQUEST", "OUTCOME", "TIME", "FUEL"], rows)
    })
}
