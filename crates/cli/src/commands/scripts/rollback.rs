//! `pic scripts rollback`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
};
use picloud_shared::{api::Rollback, names::ScriptName};

/// Make an earlier version the one that answers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The script
    name: ScriptName,
    /// The version; the one before the active one when absent
    #[arg(long, value_name = "VERSION")]
    to: Option<i64>,
}

pub(crate) async fn run(Args { name, to }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let rollback = Rollback { version: to };
    let script = client.rollback(&app, &name, &rollback).await.doing(format!("roll {name} of the app {app} back"))?;
    context.output.result(&script, |script| super::answering(script) + "\n")
}
