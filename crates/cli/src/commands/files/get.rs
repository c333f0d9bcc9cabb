//! `pic files get`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    output,
};
use picloud_shared::names::FilePath;
use std::path::PathBuf;

/// Print a file's content, or keep it in a file here
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file's path within the app
    path: FilePath,
    /// Write it to this file
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub(crate) async fn run(Args { path, to }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let data = client.read_file(&app, &path).await.doing(format!("read the file {path} of the app {app}"))?;
    match to {
        None => output::raw(&data)?,
        Some(file) => std::fs::write(&file, data)
            .map_err(|error| CommandError::new(Exit::Failed, format!("cannot write {}: {error}", file.display())))?,
    }
    Ok(Exit::Ok)
}
