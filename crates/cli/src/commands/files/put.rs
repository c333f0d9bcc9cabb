//! `pic files put`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    format, output, text_file,
};
use picloud_shared::{limits::FILE_BYTES, names::FilePath};
use std::path::PathBuf;

/// Write a file of the app, whatever it was before
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file's path within the app
    path: FilePath,
    /// Where its content is; standard input when absent, or -
    #[arg(value_name = "FILE")]
    from: Option<PathBuf>,
}

pub(crate) async fn run(Args { path, from }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let data = text_file::read_bytes_or_input(from.as_deref(), FILE_BYTES)?;
    let file = client.write_file(&app, &path, data).await.doing(format!("write the file {path} of the app {app}"))?;
    output::note(&format!("wrote {path} of the app {app}, {}", format::bytes(file.size)));
    Ok(Exit::Ok)
}
