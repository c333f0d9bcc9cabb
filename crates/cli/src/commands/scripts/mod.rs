//! `pic scripts`: the commands, and what they share about a script and its file.

mod check;
mod delete;
mod list;
mod put;
mod rollback;
mod show;
mod versions;

use crate::{
    context::Context,
    error::{CommandError, CommandResult},
    exit::Exit,
    format, output, text_file,
};
use clap::Subcommand;
use picloud_shared::{api::Script, limits::SOURCE_BYTES, names::ScriptName, route::Route, schedule::Schedule};
use std::path::Path;

/// Scripts: upload, check, look at, roll back, delete
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Put(put::Args),
    Check(check::Args),
    List(list::Args),
    Show(show::Args),
    Versions(versions::Args),
    Rollback(rollback::Args),
    Delete(delete::Args),
}

pub(crate) async fn run(command: Command, context: &mut Context) -> CommandResult {
    match command {
        Command::Put(args) => put::run(args, context).await,
        Command::Check(args) => check::run(args, context).await,
        Command::List(args) => list::run(args, context).await,
        Command::Show(args) => show::run(args, context).await,
        Command::Versions(args) => versions::run(args, context).await,
        Command::Rollback(args) => rollback::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
    }
}

fn read_source(file: &Path) -> Result<String, CommandError> {
    text_file::read(file, SOURCE_BYTES)
}

/// The name of the script in a file: the file's, without its extension, and below `lib/` where its directory is named so.
fn name_of(file: &Path) -> Result<ScriptName, CommandError> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let library = file.parent().and_then(Path::file_name).is_some_and(|directory| directory == "lib");
    let name = if library { format!("lib/{stem}") } else { stem.to_owned() };
    name.parse().map_err(|error| {
        CommandError::new(Exit::Usage, format!("{} cannot be named after its file: {error}", file.display()))
            .hint("give --name")
    })
}

/// Which version answers now, and where.
fn answering(Script { name, version, routes, topics, schedules, url, .. }: &Script) -> String {
    let number = version.number;
    let place = |route: &Route| {
        let members = if route.needs_token() { " (to members, with a token)" } else { "" };
        format!("{} {url}{}{members}", route.method().unwrap_or("ANY"), route.path())
    };
    let places: Vec<_> = routes.iter().map(place).collect();
    let answers = match &places[..] {
        [] => "answers no requests".to_owned(),
        places => format!("answers {}", places.join(", ")),
    };
    let subscribed = if topics.is_empty() { String::new() } else { format!(", gets {}", format::list(topics)) };
    let timed: String = schedules.iter().map(|schedule| format!(", runs at {schedule}")).collect();
    format!("{name}: version {number} {answers}{subscribed}{timed}")
}

/// Not separated by commas, of which they have some themselves; a dash when there is none.
fn timetable(schedules: &[Schedule]) -> String {
    let joined = schedules.iter().map(ToString::to_string).reduce(|all, next| format!("{all}; {next}"));
    joined.unwrap_or_else(|| "-".to_owned())
}

fn describe(script: &Script) -> String {
    output::fields(&[
        ("name", script.name.to_string()),
        ("version", script.version.number.to_string()),
        ("routes", format::list(&script.routes)),
        ("topics", format::list(&script.topics)),
        ("schedules", timetable(&script.schedules)),
        ("imports", format::list(&script.imports)),
        ("created", format::time(script.version.created_at)),
        ("sha256", script.version.sha256.clone()),
        ("invocations", format::count(script.totals.invocations)),
        ("failures", format::count(script.totals.failures)),
        ("fuel", format::count(script.totals.fuel)),
        ("time", format::duration(script.totals.duration_us)),
        ("id", script.id.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_after_its_file() {
        for (file, name) in
            [("greet.rhai", "greet"), ("dir/util.rhai", "util"), ("v1.2.rhai", "v1.2"), ("plain", "plain")]
                .into_iter()
                .chain([("lib/util.rhai", "lib/util"), ("/app/lib/util.rhai", "lib/util"), ("lib/a/b.rhai", "b")])
        {
            assert_eq!(name_of(Path::new(file)).unwrap().as_str(), name);
        }
        for file in ["", "..", ".rhai", "my script.rhai", "ü.rhai"] {
            assert_eq!(name_of(Path::new(file)).unwrap_err().exit(), Exit::Usage, "{file}");
        }
    }
}
