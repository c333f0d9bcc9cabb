//! `pic topics deliveries`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_client::DeliveryFilter;
use picloud_shared::{
    api::DeliveryState,
    ids::DeliveryId,
    names::{ScriptName, TopicName},
};

/// List deliveries that have not ended, the latest event first: what waits, what runs, and what is tried again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this topic
    #[arg(long)]
    topic: Option<TopicName>,
    /// Only those to this script
    #[arg(long, value_name = "NAME")]
    script: Option<ScriptName>,
    /// Only those that are so far: waiting, behind (another event of its key), running or retrying
    #[arg(long)]
    state: Option<DeliveryState>,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<DeliveryId>,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let Args { topic, script, state, limit, before } = args;
    let (client, app) = (context.client()?, context.app()?);
    let filter = DeliveryFilter { topic, script, state, before: before.map(|id| id.to_string()), limit: Some(limit) };
    let page = client.deliveries(&app, &filter).await.doing(format!("list the deliveries of the app {app}"))?;
    context.output.page(&page, "--before", |deliveries| {
        let rows = deliveries.iter().map(|delivery| {
            vec![
                delivery.id.to_string(),
                super::about(delivery.topic.as_ref(), delivery.scheduled_at),
                delivery.script.to_string(),
                delivery.state.as_str().to_owned(),
                delivery.attempts.to_string(),
                delivery.due_at.map_or_else(|| "-".to_owned(), format::time),
                delivery.error.clone().unwrap_or_else(|| "-".to_owned()),
            ]
        });
        output::table(&["ID", "EVENT", "SCRIPT", "STATE", "ATTEMPTS", "DUE", "LAST ERROR"], rows)
    })
}
