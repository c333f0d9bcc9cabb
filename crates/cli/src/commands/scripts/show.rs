//! `pic scripts show`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::ScriptName;

/// Show a script and what it has cost
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The script
    name: ScriptName,
    /// Print its source and nothing else
    #[arg(long)]
    source: bool,
}

pub(crate) async fn run(Args { name, source }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let script = client.script(&app, &name).await.doing(format!("show {name} of the app {app}"))?;
    if source && !context.output.is_json() {
        output::raw(script.source.unwrap_or_default().as_bytes())?;
        return Ok(Exit::Ok);
    }
    context.output.result(&script, super::describe)
}
