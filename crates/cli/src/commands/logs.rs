//! `pic logs`, and how a line of a log is shown.

use crate::{
    context::Context,
    error::{CommandResult, Doing as _},
    exit::Exit,
    format, output, sanitize,
};
use picloud_client::LogFilter;
use picloud_shared::{api::LogEntry, ids::InvocationId, names::ScriptName};

/// Show what scripts logged, the newest invocation last
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only the lines of this script
    #[arg(long, value_name = "NAME")]
    script: Option<ScriptName>,
    /// The lines of at most so many invocations
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    /// Only the lines of invocations before this one
    #[arg(long, value_name = "ID")]
    before: Option<InvocationId>,
}

pub(crate) async fn run(Args { script, limit, before }: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let filter = LogFilter { script, before: before.map(|id| id.to_string()), limit: Some(limit) };
    let page = client.logs(&app, &filter).await.doing(format!("show the logs of the app {app}"))?;
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
    format!("{} {level:<5} {origin}{message}", format::time(entry.at))
}

/// What to say of lines that were not kept.
pub(crate) fn dropped(lines: i64) -> Option<String> {
    (lines > 0).then(|| format!("({} more lines were not kept)", format::count(lines)))
}
