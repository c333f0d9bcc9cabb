//! `pic files put`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    format, output,
};
use picloud_shared::{limits::FILE_BYTES, names::FilePath};
use std::{
    fs::File,
    io::{self, Read, stdin},
    path::{Path, PathBuf},
};

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
    let (name, read) = match from.as_deref().filter(|file| *file != Path::new("-")) {
        Some(file) => (file.display().to_string(), File::open(file).and_then(whole)),
        None => ("standard input".to_owned(), whole(stdin().lock())),
    };
    let data = read.map_err(|error| CommandError::new(Exit::Refused, format!("cannot read {name}: {error}")))?;
    if data.len() > FILE_BYTES {
        let most = format::bytes(FILE_BYTES as i64);
        return Err(CommandError::new(Exit::Refused, format!("{name} is longer than the {most} that are allowed")));
    }
    let file = client.write_file(&app, &path, data).await.doing(format!("write the file {path} of the app {app}"))?;
    output::note(&format!("wrote {path} of the app {app}, {}", format::bytes(file.size)));
    Ok(Exit::Ok)
}

/// All there is, as far as it is allowed, and one byte that tells that there is more.
fn whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    reader.take(FILE_BYTES as u64 + 1).read_to_end(&mut data)?;
    Ok(data)
}
