//! `pic files delete`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::FilePath;

/// Delete a file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file's path within the app
    path: FilePath,
}

pub(crate) async fn run(Args { path }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    client.delete_file(&app, &path).await.doing(format!("delete the file {path} of the app {app}"))?;
    output::note(&format!("deleted {path} of the app {app}"));
    Ok(Exit::Ok)
}
