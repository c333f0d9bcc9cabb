//! `pic kv set`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    format, output, text_file,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use picloud_shared::{api::SetKv, limits::KV_VALUE_BYTES};
use serde_json::Value;
use std::path::PathBuf;

/// Set a key, whatever it was before: the next call of a script sees it
#[derive(Debug, clap::Args)]
#[command(override_usage = "pic kv set [OPTIONS] <KEY> <JSON|--text <TEXT>|--file <FILE>>")]
#[command(group(clap::ArgGroup::new("from").required(true)))]
pub(crate) struct Args {
    /// The key
    #[arg(value_parser = super::key)]
    key: String,
    /// Its value
    #[arg(group = "from", value_name = "JSON", allow_hyphen_values = true)]
    value: Option<String>,
    /// This text as its value
    #[arg(long, group = "from", allow_hyphen_values = true)]
    text: Option<String>,
    /// A blob, of the bytes of this file; of standard input, where it is -
    #[arg(long, group = "from")]
    file: Option<PathBuf>,
    /// It ends after so long; without, never
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    ttl: Option<u32>,
}

pub(crate) async fn run(Args { key, value, text, file, ttl }: Args, context: &mut Context) -> CommandResult {
    let mut set = SetKv { ttl, ..SetKv::default() };
    match (value, text, file) {
        (Some(json), ..) => set.value = Some(parsed(&json)?),
        (_, Some(text), _) => set.value = Some(Value::String(text)),
        (.., Some(file)) => {
            set.value_base64 =
                Some(BASE64_STANDARD.encode(text_file::read_bytes_or_input(Some(&file), KV_VALUE_BYTES)?));
        }
        _ => return Err(CommandError::new(Exit::Usage, "there is no value")),
    }
    let (client, app) = (context.client()?, context.app()?);
    client.set_key(&app, &key, &set).await.doing(format!("set the key {key} of the app {app}"))?;
    let ends = ttl.map(|seconds| format!(", for {} s", format::count(seconds.into())));
    output::note(&format!("set the key {key} of the app {app}{}", ends.unwrap_or_default()));
    Ok(Exit::Ok)
}

fn parsed(json: &str) -> Result<Value, CommandError> {
    serde_json::from_str(json).map_err(|error| {
        CommandError::new(Exit::Usage, format!("the value is not valid JSON: {error}"))
            .hint("a text stands in quotes of its own, or comes with --text")
    })
}
