//! `pic topics publish`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
};
use picloud_shared::{api::Publish, names::TopicName};

/// Publish an event: each script that is subscribed to the topic gets it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The topic
    topic: TopicName,
    /// What the scripts see as event.payload
    #[arg(value_name = "JSON", default_value = "null")]
    payload: String,
    /// Keep the order of the events with this key
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    /// Hold the event back for so long
    #[arg(long, value_name = "SECONDS")]
    delay: Option<u32>,
}

pub(crate) async fn run(Args { topic, payload, key, delay }: Args, context: &mut Context) -> CommandResult {
    let payload = serde_json::from_str(&payload).map_err(|error| {
        CommandError::new(Exit::Usage, format!("the payload is not valid JSON: {error}"))
            .hint("a text needs quotes of its own: '\"text\"'")
    })?;
    let (client, app) = (context.client()?, context.app()?);
    let event = Publish { payload, key, delay };
    let published = client.publish(&app, &topic, &event).await.doing(format!("publish to {topic} of the app {app}"))?;
    context.output.result(&published, |published| match published.deliveries.len() {
        0 => format!("stored for nobody: no script is subscribed to {topic}\n"),
        1 => "stored for 1 script\n".to_owned(),
        scripts => format!("stored for {scripts} scripts\n"),
    })
}
