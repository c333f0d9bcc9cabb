//! `pic logs`, and how a line of a log is shown.

mod follow;

use crate::{
    choices,
    commands::invocations::once_recorded,
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    format,
    moment::moment,
    output, sanitize,
};
use picloud_client::{Client, FollowFilter, LogFilter};
use picloud_shared::{
    api::{LogEntry, LogLevel, StatusFilter},
    ids::InvocationId,
    names::{AppSlug, ScriptName},
    time::TimestampMs,
};
use serde_json::Value;

/// Show what scripts logged, the newest invocation last
///
/// With --follow, what they log from now on, as it is recorded, until Ctrl-C; when the connection breaks, it goes on where
/// it broke off. With -o json each line is then a document of its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the lines of this script
    #[arg(long, value_name = "NAME")]
    script: Option<ScriptName>,
    /// Only the lines of this invocation
    #[arg(long, value_name = "ID")]
    invocation: Option<InvocationId>,
    /// Only the lines of invocations that ended so: ok, failed, 2xx to 5xx, or a status such as 500
    #[arg(long)]
    status: Option<StatusFilter>,
    /// Only lines that are at least so important
    #[arg(long, value_parser = choices::log_level())]
    level: Option<LogLevel>,
    /// Only lines that have this in their text
    #[arg(long)]
    text: Option<String>,
    /// Go on with the lines to come
    #[arg(short, long, conflicts_with_all = ["since", "limit", "before"])]
    follow: bool,
    /// Only lines since then: 10m, 2h or 3d ago, or a time such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<TimestampMs>,
    /// The lines of at most so many invocations
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only the lines of invocations before this one
    #[arg(long, value_name = "ID")]
    before: Option<InvocationId>,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let Args { script, invocation, status, level, text, follow, since, limit, before } = args;
    if follow {
        return follow::run(FollowFilter { script, invocation, status, level, text, after: None }, context).await;
    }
    let (client, app) = (context.client()?, context.app()?);
    let before = before.map(|id| id.to_string());
    let filter = LogFilter { script, invocation, status, level, text, since, before, limit: Some(limit) };
    let what = || format!("show the logs of the app {app}");
    let page = client.logs(&app, &filter).await.doing(what())?;
    if page.items.is_empty() {
        there_is(&client, &app, &filter).await.doing(what())?;
    }
    context.output.result(&page, |page| {
        if page.items.is_empty() {
            return output::NONE.to_owned();
        }
        let oldest_first = page.items.chunk_by(|a, b| a.invocation == b.invocation).rev().flatten();
        oldest_first.map(|entry| of_script(entry) + "\n").collect()
    })?;
    if let Some(next) = page.next {
        output::note(&format!("there are older ones: --before {next}"));
    }
    Ok(Exit::Ok)
}

/// Fails where what was looked for has no lines because it is not there.
async fn there_is(client: &Client, app: &AppSlug, filter: &LogFilter) -> picloud_client::Result<()> {
    if let Some(script) = &filter.script {
        client.script(app, script).await?;
    }
    if let Some(id) = filter.invocation {
        once_recorded(client, app, id).await?;
    }
    Ok(())
}

/// One line, whatever the script wrote.
pub(crate) fn line(entry: &LogEntry) -> String {
    written(entry, "")
}

/// The same, where lines of several scripts stand together.
fn of_script(entry: &LogEntry) -> String {
    written(entry, &format!("{}: ", entry.script))
}

fn written(entry: &LogEntry, origin: &str) -> String {
    let (level, message) = (sanitize::line(&entry.level), sanitize::line(&entry.message));
    let fields: String =
        entry.fields.iter().map(|(name, value)| format!(" {}={}", shown(name), field(value))).collect();
    format!("{} {level:<5} {origin}{message}{}", format::time(entry.at), sanitize::line(&fields))
}

fn field(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        other => other.to_string(),
    }
}

/// A text as it is, or in quotes where it would not be told from what stands around it.
fn shown(text: &str) -> String {
    let plain = |character: char| !character.is_whitespace() && !matches!(character, '=' | '"' | '\\');
    let is_plain = !text.is_empty() && text.chars().all(plain) && serde_json::from_str::<Value>(text).is_err();
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

/// What to say of lines that were not kept.
pub(crate) fn dropped(lines: i64) -> Option<String> {
    (lines > 0).then(|| format!("({} more lines were not kept)", format::count(lines)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_stand_behind_the_text_in_one_line() {
        let entry = json!({
            "invocation": "0198c5a8-1f00-7000-8000-000000000000", "script": "pay", "at": 1_700_000_000_000_i64,
            "level": "info", "message": "paid",
            "fields": {
                "a": 7, "b": "plain", "c": "two words", "d": "", "e": "7", "f": null, "g": [1, "x y"],
                "h i": "a=b", "j": "\"\\", "k": "\u{1b}[2J\nforged",
            },
        });
        let entry: LogEntry = serde_json::from_value(entry).unwrap();
        let fields = r#"a=7 b=plain c="two words" d="" e="7" f=null g=[1,"x y"] "h i"="a=b" j="\"\\""#;
        let written = line(&entry);
        assert!(written.contains(&format!(" info  paid {fields} k=")), "{written}");
        assert!(!written.contains(['\n', '\u{1b}']), "{written}");
        assert_eq!(line(&LogEntry { fields: [].into(), ..entry }), "2023-11-14T22:13:20.000Z info  paid");
    }
}
