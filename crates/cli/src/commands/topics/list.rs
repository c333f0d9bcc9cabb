//! `pic topics list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// List the app's topics, who is subscribed, and what waits
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let topics = client.topics(&app).await.doing(format!("list the topics of the app {app}"))?;
    context.output.result(&topics, |topics| {
        let rows = topics.iter().map(|topic| {
            vec![
                topic.name.to_string(),
                format::list(&topic.subscribers),
                format::count(topic.waiting),
                format::count(topic.dead),
            ]
        });
        output::table(&["TOPIC", "SUBSCRIBERS", "WAITING", "DEAD"], rows)
    })
}
