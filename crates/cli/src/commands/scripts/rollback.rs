//! `pic scripts rollback`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::{api::Rollback, names::ScriptName};

/// Make another version the one that answers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The script
    name: ScriptName,
    /// The version; when absent the one that answered before the active one did
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
}

pub(crate) async fn run(Args { name, to }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let rollback = Rollback { version: to };
    let script = client.rollback(&app, &name, &rollback).await.doing(format!("roll {name} of the app {app} back"))?;
    context.output.result(&script, |script| super::answering(script) + "\n")
}
