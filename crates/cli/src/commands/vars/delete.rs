//! `pic vars delete`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::VarName;

/// Delete a variable
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The variable
    name: VarName,
}

pub(crate) async fn run(Args { name }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.delete_var(&app, &name).await.doing(format!("delete the variable {name} of the app {app}"))?;
    output::note(&format!("deleted the variable {name} of the app {app}"));
    Ok(Exit::Ok)
}
