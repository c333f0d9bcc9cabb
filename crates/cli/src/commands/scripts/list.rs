//! `pic scripts list`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};

/// List the app's scripts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let scripts = client.scripts(&app).await.doing(format!("list the scripts of the app {app}"))?;
    context.output.result(&scripts, |scripts| {
        let rows = scripts.iter().map(|script| {
            vec![
                script.name.to_string(),
                script.version.number.to_string(),
                format::list(&script.routes),
                format::count(script.totals.invocations),
                format::count(script.totals.failures),
                format::time(script.version.created_at),
            ]
        });
        output::table(&["NAME", "VERSION", "ROUTES", "INVOCATIONS", "FAILURES", "CREATED"], rows)
    })
}
