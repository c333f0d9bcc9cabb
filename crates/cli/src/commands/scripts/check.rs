//! `pic scripts check`.

use super::{name_of, read_source};
use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    excerpt,
    exit::Exit,
    format, output, sanitize,
};
use picloud_shared::{
    api::{Check, Diagnostic},
    names::ScriptName,
};
use std::path::{Path, PathBuf};

/// Check a source without uploading it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A Rhai source
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The script's name; the file's name without its extension when absent
    #[arg(long)]
    name: Option<ScriptName>,
}

pub(crate) async fn run(Args { file, name }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let name = name.map_or_else(|| name_of(&file), Ok)?;
    let check = Check { source: read_source(&file)? };
    let checked = client.check(&app, &name, &check).await.doing(format!("check {name} for the app {app}"))?;
    context.output.result(&checked, |checked| {
        checked.diagnostics.iter().map(|found| render(&file, &check.source, found)).collect()
    })?;
    if checked.diagnostics.is_empty() {
        output::note(&format!("{}: it compiles; names are looked up only when it runs", file.display()));
        Ok(Exit::Ok)
    } else {
        Ok(Exit::Failed)
    }
}

fn render(file: &Path, source: &str, found: &Diagnostic) -> String {
    let headline = format::diagnostic(&file.display().to_string(), found);
    // Of another script there is no source here.
    let line = found.line.filter(|_| found.script.is_none());
    let excerpt = line.and_then(|line| excerpt::render(source, line, found.column));
    [sanitize::line(&headline).into_owned()].into_iter().chain(excerpt).map(|part| part + "\n").collect()
}
