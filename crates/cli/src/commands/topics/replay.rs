//! `pic topics replay`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format,
};
use picloud_shared::{api::Replay, ids::DeliveryId, names::TopicName};

/// Deliver dead letters again, with their ids and all attempts anew
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub(crate) struct Args {
    /// One dead letter
    #[arg(group = "which")]
    id: Option<DeliveryId>,
    /// All of this topic
    #[arg(long, group = "which")]
    topic: Option<TopicName>,
    /// All of the app
    #[arg(long, group = "which")]
    all: bool,
}

pub(crate) async fn run(Args { id, topic, all: _ }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let replayed = match id {
        Some(id) => client.replay_dead_letter(&app, id).await,
        None => client.replay_dead_letters(&app, &Replay { topic }).await,
    };
    let replayed = replayed.doing(format!("replay dead letters of the app {app}"))?;
    context.output.result(&replayed, |replayed| {
        format!(
            "{} waiting to be delivered again\n",
            format::count(i64::try_from(replayed.replayed).unwrap_or(i64::MAX))
        )
    })
}
