//! `pic secrets delete`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::SecretName;

/// Delete a secret
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The secret
    name: SecretName,
}

pub(crate) async fn run(Args { name }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.delete_secret(&app, &name).await.doing(format!("delete the secret {name} of the app {app}"))?;
    output::note(&format!("deleted the secret {name} of the app {app}"));
    Ok(Exit::Ok)
}
