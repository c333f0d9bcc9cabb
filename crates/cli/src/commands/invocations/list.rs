//! `pic invocations list`.

use crate::{
    choices,
    context::Context,
    error::{CommandResult, Doing as _},
    format,
    moment::moment,
    output,
};
use picloud_client::InvocationFilter;
use picloud_shared::{
    api::{StatusFilter, Trigger},
    ids::InvocationId,
    names::ScriptName,
    time::TimestampMs,
};

/// List invocations, the newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this script
    #[arg(long, value_name = "NAME")]
    script: Option<ScriptName>,
    /// Only those that failed: --status failed
    #[arg(long, conflicts_with = "status")]
    failed: bool,
    /// Only those that ended so: ok, failed, 2xx to 5xx, or a status such as 404
    #[arg(long)]
    status: Option<StatusFilter>,
    /// Only those with this outcome
    #[arg(long, value_parser = choices::outcome())]
    outcome: Option<String>,
    /// Only those that were started so
    #[arg(long, value_parser = choices::trigger())]
    trigger: Option<Trigger>,
    /// Only those that this invocation called
    #[arg(long, value_name = "ID")]
    parent: Option<InvocationId>,
    /// Only those that have this in their request's line or in their error's message
    #[arg(long)]
    text: Option<String>,
    /// Only those that began since then: 10m, 2h or 3d ago, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<TimestampMs>,
    /// Only those that began until then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<TimestampMs>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<InvocationId>,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let Args { script, failed, status, outcome, trigger, parent, text, since, until, limit, before } = args;
    let (client, app) = (context.client()?, context.app()?);
    let filter = InvocationFilter {
        script,
        status: status.or(failed.then_some(StatusFilter::Failed)),
        outcome,
        trigger,
        parent,
        since,
        until,
        text,
        before: before.map(|id| id.to_string()),
        limit: Some(limit),
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
