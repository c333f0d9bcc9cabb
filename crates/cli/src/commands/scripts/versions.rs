//! `pic scripts versions`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::names::ScriptName;

/// List a script's versions, the newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The script
    name: ScriptName,
}

pub(crate) async fn run(Args { name }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let versions = client.versions(&app, &name).await.doing(format!("list the versions of {name} of the app {app}"))?;
    context.output.result(&versions, |versions| {
        let rows = versions.iter().map(|version| {
            vec![
                version.number.to_string(),
                format::yes(version.active).to_owned(),
                format::time(version.created_at),
                version.sha256.clone(),
            ]
        });
        output::table(&["VERSION", "ACTIVE", "CREATED", "SHA256"], rows)
    })
}
