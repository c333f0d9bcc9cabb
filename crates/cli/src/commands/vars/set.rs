//! `pic vars set`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    output, text_file,
};
use picloud_shared::{api::SetVar, limits::SETTING_BYTES, names::VarName};
use std::path::PathBuf;

/// Set a variable, whatever it was before: the next invocation reads it
#[derive(Debug, clap::Args)]
#[command(override_usage = "pic vars set [OPTIONS] <NAME> <VALUE|--from-file <FILE>>")]
#[command(group(clap::ArgGroup::new("from").required(true)))]
pub(crate) struct Args {
    /// The variable
    name: VarName,
    /// Its value
    #[arg(group = "from", allow_hyphen_values = true)]
    value: Option<String>,
    /// Take the text of this file as it is
    #[arg(long, group = "from", value_name = "FILE")]
    from_file: Option<PathBuf>,
}

pub(crate) async fn run(Args { name, value, from_file }: Args, context: &mut Context) -> CommandResult {
    let value = match (value, from_file) {
        (Some(value), _) => value,
        (None, Some(file)) => text_file::read(&file, SETTING_BYTES)?,
        (None, None) => return Err(CommandError::new(Exit::Usage, "there is no value")),
    };
    let (client, app) = (context.client()?, context.app()?);
    client.set_var(&app, &name, &SetVar { value }).await.doing(format!("set the variable {name} of the app {app}"))?;
    output::note(&format!("set the variable {name} of the app {app}"));
    Ok(Exit::Ok)
}
