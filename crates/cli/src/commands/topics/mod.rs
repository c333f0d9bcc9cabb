//! `pic topics`.

mod dead;
mod deliveries;
mod forget;
mod list;
mod publish;
mod replay;

use crate::{context::Context, error::CommandResult, format};
use clap::Subcommand;
use picloud_shared::{names::TopicName, time::TimestampMs};

/// Topics: publish events, see who gets them, and what became of those that did not arrive
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Publish(publish::Args),
    List(list::Args),
    Deliveries(deliveries::Args),
    Dead(dead::Args),
    Replay(replay::Args),
    Forget(forget::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::Publish(args) => publish::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Deliveries(args) => deliveries::run(args, context).await,
        Command::Dead(args) => dead::run(args, context).await,
        Command::Replay(args) => replay::run(args, context).await,
        Command::Forget(args) => forget::run(args, context).await,
    }
}

/// What an event is about: its topic, or the slot of a schedule.
fn about(topic: Option<&TopicName>, slot: Option<TimestampMs>) -> String {
    match (topic, slot) {
        (Some(topic), _) => topic.to_string(),
        (None, Some(slot)) => format!("schedule, {}", format::time(slot)),
        (None, None) => "-".to_owned(),
    }
}
