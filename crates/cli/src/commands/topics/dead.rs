//! `pic topics dead`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_client::DeadLetterFilter;
use picloud_shared::ids::DeliveryId;

/// List dead letters, the latest event first: what was given up, why, and its payload
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only those before this one
    #[arg(long, value_name = "ID")]
    before: Option<DeliveryId>,
}

pub(crate) async fn run(Args { limit, before }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let filter = DeadLetterFilter { before: before.map(|id| id.to_string()), limit: Some(limit) };
    let page = client.dead_letters(&app, &filter).await.doing(format!("list the dead letters of the app {app}"))?;
    context.output.page(&page, "--before", |letters| {
        let rows = letters.iter().map(|letter| {
            vec![
                letter.id.to_string(),
                format::time(letter.dead_at),
                super::about(letter.topic.as_ref(), letter.scheduled_at),
                letter.script.to_string(),
                letter.attempts.to_string(),
                letter.error.clone(),
                letter.payload.to_string(),
            ]
        });
        output::table(&["ID", "GIVEN UP", "EVENT", "SCRIPT", "ATTEMPTS", "ERROR", "PAYLOAD"], rows)
    })
}
