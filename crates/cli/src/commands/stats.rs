//! `pic stats`.

use crate::{
    choices,
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_shared::{
    api::{Stats, StatsRange, StatsSums},
    names::ScriptName,
};

/// Show what the app's invocations come to: how many, how they ended, what they took
///
/// By time, where something happened: by the minute for 1h, by ten minutes for 24h, by the hour for 7d, by four hours for
/// 30d. Then all of it, and the ten scripts that burnt the most fuel. An app counts the invocations that no script called,
/// a script all of its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this script
    #[arg(long, value_name = "NAME")]
    script: Option<ScriptName>,
    /// How far back
    #[arg(long, default_value = "24h", value_parser = choices::stats_range())]
    range: StatsRange,
}

pub(crate) async fn run(Args { script, range }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let stats = client.stats(&app, script.as_ref(), range).await.doing(format!("show the stats of the app {app}"))?;
    context.output.result(&stats, text)
}

fn text(stats: &Stats) -> String {
    let busy = stats.buckets.iter().filter(|bucket| bucket.sums.requests > 0);
    let mut rows: Vec<_> = busy.map(|bucket| row(format::time(bucket.start), &bucket.sums)).collect();
    rows.push(row("all".to_owned(), &stats.total));
    let by_time = output::table(&["FROM", "REQUESTS", "FAILED", "P50", "P95", "P99", "MEMORY", "FUEL"], rows);
    if stats.scripts.is_empty() {
        return by_time;
    }
    let rows = stats.scripts.iter().map(|of| {
        vec![of.script.to_string(), format::count(of.requests), format::count(of.errors), format::count(of.fuel)]
    });
    format!("{by_time}\n{}", output::table(&["SCRIPT", "REQUESTS", "FAILED", "FUEL"], rows))
}

fn row(from: String, sums: &StatsSums) -> Vec<String> {
    let time = |micros: Option<i64>| micros.map_or_else(|| "-".to_owned(), format::duration);
    vec![
        from,
        format::count(sums.requests),
        format::count(sums.errors),
        time(sums.p50_us),
        time(sums.p95_us),
        time(sums.p99_us),
        format::bytes(sums.memory_bytes),
        format::count(sums.fuel),
    ]
}
