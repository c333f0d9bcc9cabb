//! `pic usage`.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::api::{Usage, Used};

/// Show what the app uses now, and how much it may
///
/// `pic apps limits` shows the limits of each invocation, and sets all of them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(Args {}: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let usage = client.usage(&app).await.doing(format!("show what the app {app} uses"))?;
    context.output.result(&usage, text)
}

fn text(usage: &Usage) -> String {
    let Usage {
        requests_this_minute,
        fuel_this_minute,
        concurrency,
        scripts,
        file_bytes,
        files,
        record_bytes,
        kv_bytes,
        kv_entries,
        deliveries,
    } = usage;
    let rows = [
        ("requests this minute", requests_this_minute, format::count as fn(i64) -> String),
        ("fuel this minute", fuel_this_minute, format::count),
        ("requests in flight", concurrency, format::count),
        ("scripts", scripts, format::count),
        ("files", files, format::count),
        ("files, together", file_bytes, format::bytes),
        ("records and logs", record_bytes, format::bytes),
        ("keys", kv_entries, format::count),
        ("keys and values, together", kv_bytes, format::bytes),
        ("deliveries", deliveries, format::count),
    ];
    let rows = rows.into_iter().map(|(name, Used { used, limit }, shown)| {
        vec![name.to_owned(), shown(*used), limit.map_or_else(|| "no limit".to_owned(), shown)]
    });
    output::table(&["", "USED", "LIMIT"], rows)
}
