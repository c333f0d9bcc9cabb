//! `pic kv get`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    output,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use picloud_shared::api::KvItem;
use serde_json::Value;

/// Print a key's value: a text and a blob exactly as they are, anything else as JSON
///
/// With -o json the entry, from which a text is told from other JSON, a blob is in base64, and the time of its end shows.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key
    #[arg(value_parser = super::key)]
    key: String,
}

pub(crate) async fn run(Args { key }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let item = client.key(&app, &key).await.doing(format!("read the key {key} of the app {app}"))?;
    if context.output.is_json() {
        output::json(&item)?;
    } else {
        output::raw(&raw(item)?)?;
    }
    Ok(Exit::Ok)
}

fn raw(KvItem { value, value_base64, .. }: KvItem) -> Result<Vec<u8>, CommandError> {
    match (value, value_base64) {
        (Some(Value::String(text)), _) => Ok(text.into_bytes()),
        (Some(value), _) => Ok(format!("{value}\n").into_bytes()),
        (None, base64) => BASE64_STANDARD.decode(base64.unwrap_or_default()).map_err(|error| {
            CommandError::new(Exit::Unavailable, format!("the server's answer holds no base64: {error}"))
        }),
    }
}
