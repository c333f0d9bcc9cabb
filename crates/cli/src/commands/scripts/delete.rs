//! `pic scripts delete`.

use crate::{
    confirm::confirm,
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::ScriptName;

/// Delete a script with its versions and its invocations
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The script
    name: ScriptName,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(Args { name, yes }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    confirm(yes, &format!("Delete {name} of the app {app} with its versions and its invocations?"))?;
    client.delete_script(&app, &name).await.doing(format!("delete {name} of the app {app}"))?;
    output::note(&format!("deleted {name} of the app {app}"));
    Ok(Exit::Ok)
}
