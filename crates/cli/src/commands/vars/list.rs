//! `pic vars list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// List the app's variables and their values
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let vars = client.vars(&app).await.doing(format!("list the variables of the app {app}"))?;
    context.output.result(&vars, |vars| {
        let rows = vars.iter().map(|var| vec![var.name.to_string(), format::time(var.updated_at), var.value.clone()]);
        output::table(&["NAME", "SET", "VALUE"], rows)
    })
}
