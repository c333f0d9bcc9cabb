//! `pic kv delete`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};

/// Delete a key
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key
    #[arg(value_parser = super::key)]
    key: String,
}

pub(crate) async fn run(Args { key }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.delete_key(&app, &key).await.doing(format!("delete the key {key} of the app {app}"))?;
    output::note(&format!("deleted the key {key} of the app {app}"));
    Ok(Exit::Ok)
}
