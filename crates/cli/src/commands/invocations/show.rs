//! `pic invocations show`.

use crate::{
    commands::logs,
    context::Context,
    error::{CommandResult, Doing as _},
    format, output,
};
use picloud_client::Client;
use picloud_shared::{
    api::InvocationDetail,
    ids::InvocationId,
    names::AppSlug,
    time::{TimestampMs, now_ms},
};
use std::time::Duration;

/// A server records what it has answered, some moments later.
const RECORDED_MS: TimestampMs = 2_000;
const REST: Duration = Duration::from_millis(100);

/// Show one invocation with its log and its calls to the platform
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The invocation, which is also the request id that its caller saw
    id: InvocationId,
}

pub(crate) async fn run(Args { id }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let detail = once_recorded(&client, &app, id).await;
    context.output.result(&detail.doing(format!("show the invocation {id} of the app {app}"))?, describe)
}

/// The invocation, waited for if it is so new that it may not be recorded yet.
pub(crate) async fn once_recorded(
    client: &Client,
    app: &AppSlug,
    id: InvocationId,
) -> picloud_client::Result<InvocationDetail> {
    let until = now_ms() + RECORDED_MS;
    let is_new = id >= InvocationId::least_at(now_ms() - RECORDED_MS);
    loop {
        match client.invocation(app, id).await {
            Err(error) if is_new && now_ms() < until && error.status().is_some_and(|status| status == 404) => {
                tokio::time::sleep(REST).await;
            }
            answer => return answer,
        }
    }
}

fn describe(InvocationDetail { summary, logs, logs_dropped, calls, .. }: &InvocationDetail) -> String {
    let mut fields = vec![
        ("id", summary.id.to_string()),
        ("script", format!("{} version {}", summary.script, summary.version)),
        ("trigger", summary.trigger.as_str().to_owned()),
    ];
    fields.extend(summary.parent.map(|parent| ("caller", parent.to_string())));
    fields.extend(summary.request.clone().map(|request| ("request", request)));
    fields.extend([
        ("outcome", summary.outcome.clone()),
        ("status", summary.status.to_string()),
        ("started", format::time(summary.started_at)),
        ("time", format::duration(summary.duration_us)),
        ("fuel", format::fuel(summary.fuel, summary.fuel_limit)),
        ("memory", format::bytes(summary.memory_bytes)),
        ("node", summary.node.clone()),
    ]);
    fields.extend(summary.error.as_ref().map(|e| ("error", format::diagnostic(summary.script.as_str(), e))));
    let mut text = output::fields(&fields);
    if !logs.is_empty() || *logs_dropped > 0 {
        text.push('\n');
        text.extend(logs.iter().map(|entry| logs::line(entry) + "\n"));
        text.extend(logs::dropped(*logs_dropped).map(|line| line + "\n"));
    }
    if !calls.is_empty() {
        let rows = calls
            .iter()
            .map(|call| vec![call.name.clone(), format::duration(call.start_us), format::duration(call.duration_us)]);
        text.push('\n');
        text.push_str(&output::table(&["CALL", "AT", "TIME"], rows));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_is_shown_whole_and_harmless() {
        let id = "0198c5a8-1f00-7000-8000-000000000000";
        let detail = serde_json::from_value(serde_json::json!({
            "id": id, "script": "greet", "version": 3, "trigger": "http", "parent": id, "request": "GET /\u{1b}[2J",
            "status": 500, "outcome": "error", "fuel": 1_250_000, "fuel_limit": 500_000_000,
            "memory_bytes": 3 << 20, "duration_us": 1_234, "started_at": 1_700_000_000_123_i64, "node": "one",
            "error": { "message": "no such variable", "line": 2, "column": 5 },
            "logs": [{ "invocation": id, "script": "greet", "at": 1_700_000_000_124_i64, "level": "info",
                "message": "first\nforged\u{1b}[2J", "fields": { "order": 7 } }],
            "logs_dropped": 1_000,
            "calls": [{ "name": "kv.get", "start_us": 100, "duration_us": 20 }],
        }));
        insta::assert_snapshot!(describe(&detail.unwrap()));
    }
}
