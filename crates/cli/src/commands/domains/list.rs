//! `pic domains list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// List the app's domains
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let domains = client.domains(&app).await.doing(format!("list the domains of the app {app}"))?;
    context.output.result(&domains, |domains| {
        let rows = domains.iter().map(|domain| vec![domain.domain.to_string(), format::time(domain.created_at)]);
        output::table(&["DOMAIN", "ADDED"], rows)
    })
}
