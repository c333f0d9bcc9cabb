//! `pic secrets list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// List the app's secrets: which there are, not what they hold
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let secrets = client.secrets(&app).await.doing(format!("list the secrets of the app {app}"))?;
    context.output.result(&secrets, |secrets| {
        let rows = secrets.iter().map(|secret| vec![secret.name.to_string(), format::time(secret.updated_at)]);
        output::table(&["NAME", "SET"], rows)
    })
}
