//! `pic scripts put`.

use super::{name_of, read_source};
use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    excerpt,
    exit::Exit,
    format, output,
};
use picloud_client::Error as ClientError;
use picloud_shared::{
    api::{Diagnostic, ErrorDetail, PutScript},
    imports::ImportGraph,
    names::{ScriptName, TopicName},
    route::Route,
    schedule::Schedule,
};
use std::path::{Path, PathBuf};

/// Upload scripts; each becomes live at once as a new version, unless nothing changed
///
/// Without --route and --no-routes, a script answers where its source declares it, in lines such as
/// '// route: GET /users/{id}'. Where it declares none, a new version answers where the one before did, and a new
/// script at ANY /NAME. Topics and schedules are given in the same way: by --topic and --schedule, or by lines such as
/// '// topic: orders' and '// schedule: 0 9 * * MON-FRI Europe/Berlin'; a new script that has any gets no route unless it
/// is given one. Of several files those that others import go first.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rhai sources
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The script's name, such as lib/util; the file's name without its extension when absent, below lib/ where its
    /// directory is named so
    #[arg(long)]
    name: Option<ScriptName>,
    /// A route to answer, such as 'GET /users/{id}', or 'GET /users/{id} auth: token' to answer only members of the app,
    /// with a token; may be given several times
    #[arg(long = "route", value_name = "ROUTE")]
    routes: Vec<Route>,
    /// Answer no requests
    #[arg(long, conflicts_with = "routes")]
    no_routes: bool,
    /// A topic to be subscribed to, such as orders; may be given several times
    #[arg(long = "topic", value_name = "TOPIC")]
    topics: Vec<TopicName>,
    /// Be subscribed to no topics
    #[arg(long, conflicts_with = "topics")]
    no_topics: bool,
    /// When to run by the clock, such as '0 9 * * MON-FRI Europe/Berlin'; may be given several times
    #[arg(long = "schedule", value_name = "SCHEDULE")]
    schedules: Vec<Schedule>,
    /// Never run by the clock
    #[arg(long, conflicts_with = "schedules")]
    no_schedules: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let triggers = !args.routes.is_empty() || !args.topics.is_empty() || !args.schedules.is_empty();
    if args.files.len() > 1 && (args.name.is_some() || triggers) {
        let message = "--name, --route, --topic and --schedule are for one file, and several are given";
        return Err(CommandError::new(Exit::Usage, message));
    }
    let (client, app) = (context.client()?, context.app()?);
    let routes = (args.no_routes || !args.routes.is_empty()).then_some(args.routes);
    let topics = (args.no_topics || !args.topics.is_empty()).then_some(args.topics);
    let schedules = (args.no_schedules || !args.schedules.is_empty()).then_some(args.schedules);
    let puts = args.files.iter().map(|file| {
        let name = args.name.clone().map_or_else(|| name_of(file), Ok)?;
        let source = read_source(file)?;
        let routes = given_or(&routes, file, || Route::declared_in(&source))?;
        let topics = given_or(&topics, file, || TopicName::declared_in(&source))?;
        let schedules = given_or(&schedules, file, || Schedule::declared_in(&source))?;
        Ok((file, name, PutScript { source, routes, topics, schedules }))
    });
    // All are read before the first is uploaded, so that a misspelt name leaves nothing half done.
    let puts = in_order(puts.collect::<Result<Vec<_>, CommandError>>()?);
    let before = client.scripts(&app).await.doing(format!("upload to the app {app}"))?;
    for (at, (file, name, put)) in puts.iter().enumerate() {
        let script = client.put_script(&app, name, put).await.map_err(|error| {
            if puts.len() > 1 {
                output::note(&progress(&puts.iter().map(|(file, ..)| file.as_path()).collect::<Vec<_>>(), at));
            }
            let is_new = !before.iter().any(|old| old.name == *name);
            explain(error, file, name, &puts, is_new)
        })?;
        let unchanged = before.iter().any(|old| old.id == script.id && old.version.id == script.version.id);
        context.output.result(&script, |script| {
            format!("{}{}\n", super::answering(script), if unchanged { " (unchanged)" } else { "" })
        })?;
    }
    Ok(Exit::Ok)
}

/// A file that is to be uploaded.
type Upload<'a> = (&'a PathBuf, ScriptName, PutScript);

/// Each after those that it imports, as far as that can be seen without the server: it names them in quotes.
fn in_order(mut puts: Vec<Upload<'_>>) -> Vec<Upload<'_>> {
    let mut graph = ImportGraph::default();
    for (_, name, PutScript { source, .. }) in &puts {
        let named = |other: &ScriptName| other != name && source.contains(&format!("\"{other}\""));
        let others = puts.iter().map(|(_, other, _)| other).filter(|other| named(other));
        graph.insert(name.clone(), if source.contains("import") { others.cloned().collect() } else { [].into() });
    }
    // One that imports another imports all that this one does, and so has more. Circles are the server's to refuse.
    puts.sort_by_cached_key(|(_, name, _)| graph.order(name).map_or(usize::MAX, |imports| imports.len()));
    puts
}

/// What became of each file when one of them failed.
fn progress(files: &[&Path], failed: usize) -> String {
    let list = |files: &[&Path]| match files {
        [] => "none".to_owned(),
        files => files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "),
    };
    let (uploaded, rest) = files.split_at(failed);
    let (failed, not_tried) = rest.split_at(1);
    format!("uploaded: {}; failed: {}; not tried: {}", list(uploaded), list(failed), list(not_tried))
}

/// What the command line says, or else what the file declares.
fn given_or<T: Clone, E: std::fmt::Display>(
    given: &Option<Vec<T>>,
    file: &Path,
    declared: impl FnOnce() -> Result<Option<Vec<T>>, E>,
) -> Result<Option<Vec<T>>, CommandError> {
    if given.is_some() {
        return Ok(given.clone());
    }
    declared().map_err(|error| CommandError::new(Exit::Refused, format!("{}: {error}", file.display())))
}

/// With the place in the file, where the server names one, or in another one that was given.
fn explain(error: ClientError, file: &Path, name: &ScriptName, puts: &[Upload<'_>], is_new: bool) -> CommandError {
    let ClientError::Api { detail: ErrorDetail { message, script, line: Some(line), column, .. }, .. } = error else {
        return CommandError::from(error).doing(format_args!("upload {}", file.display()));
    };
    let place = script.as_ref().unwrap_or(name);
    let source = puts.iter().find(|(_, name, _)| name == place).map(|(_, _, put)| put.source.as_str());
    let excerpt = source.and_then(|source| excerpt::render(source, line, column));
    let found = Diagnostic { message, script, line: Some(line), column };
    let left = if is_new { "is not there yet" } else { "was not changed" };
    CommandError::new(Exit::Refused, format::diagnostic(&file.display().to_string(), &found))
        .excerpt(excerpt)
        .hint(format!("{name} {left}; correct the source and upload it again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload<'a>(file: &'a PathBuf, name: &str, source: &str) -> Upload<'a> {
        (
            file,
            name.parse().unwrap(),
            PutScript { source: source.to_owned(), routes: None, topics: None, schedules: None },
        )
    }

    #[test]
    fn what_others_import_goes_first() {
        let file = PathBuf::from("x.rhai");
        let puts = vec![
            upload(&file, "z", "1"),
            upload(&file, "greet", "import \"lib/b\" as b; b::hello()"),
            upload(&file, "lib/b", "import \"lib/a\" as a; fn hello() { a::hello() }"),
            upload(&file, "lib/a", "fn hello() { \"greet\" }"),
            upload(&file, "c", "import \"d\" as d;"),
            upload(&file, "d", "import \"c\" as c;"),
        ];
        let names: Vec<String> = in_order(puts).into_iter().map(|(_, name, _)| name.to_string()).collect();
        assert_eq!(names, ["z", "lib/a", "lib/b", "greet", "c", "d"]);
    }

    #[test]
    fn an_error_in_another_script_shows_that_script() {
        let body = r#"{"code":"invalid_script","message":"no","request_id":"r","script":"lib/a","line":1,"column":5}"#;
        let error =
            || ClientError::Api { status: 422.try_into().unwrap(), detail: serde_json::from_str(body).unwrap() };
        let (file, library) = (PathBuf::from("greet.rhai"), PathBuf::from("lib/a.rhai"));
        let puts = [upload(&file, "greet", "1"), upload(&library, "lib/a", "let x = y;")];
        let explained = explain(error(), &file, &puts[0].1, &puts, false);
        assert_eq!(explained.message(), "lib/a:1:5: no");
        assert_eq!(explained.excerpt_text(), Some("  |\n1 | let x = y;\n  |     ^"));
        assert_eq!(explain(error(), &file, &puts[0].1, &puts[..1], false).excerpt_text(), None);
    }

    #[test]
    fn a_failure_among_several_files_tells_what_became_of_the_others() {
        let files = ["a.rhai", "b.rhai", "c.rhai"].map(Path::new);
        assert_eq!(progress(&files, 1), "uploaded: a.rhai; failed: b.rhai; not tried: c.rhai");
        assert_eq!(progress(&files, 2), "uploaded: a.rhai, b.rhai; failed: c.rhai; not tried: none");
    }

    #[test]
    fn a_parse_error_shows_its_place() {
        let body = r#"{"code":"invalid_script","message":"expecting ';'","request_id":"r","line":2,"column":9}"#;
        let error = ClientError::Api { status: 422.try_into().unwrap(), detail: serde_json::from_str(body).unwrap() };
        let file = PathBuf::from("dir/greet.rhai");
        let puts = [upload(&file, "greet", "let a = 1;\nlet b = 2 3;\n")];
        let error = explain(error, &file, &puts[0].1, &puts, true);
        assert_eq!(error.message(), "dir/greet.rhai:2:9: expecting ';'");
        assert_eq!(error.excerpt_text(), Some("  |\n2 | let b = 2 3;\n  |         ^"));
        assert_eq!(error.exit(), Exit::Refused);
    }

    #[test]
    fn any_other_refusal_names_the_file() {
        let body = r#"{"code":"route_conflict","message":"the route is taken","request_id":"r"}"#;
        let error = ClientError::Api { status: 409.try_into().unwrap(), detail: serde_json::from_str(body).unwrap() };
        let error = explain(error, Path::new("greet.rhai"), &"greet".parse().unwrap(), &[], true);
        assert_eq!(error.message(), "cannot upload greet.rhai: the route is taken");
        assert_eq!((error.exit(), error.excerpt_text()), (Exit::Refused, None));
    }
}
