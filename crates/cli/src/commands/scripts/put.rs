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
    names::{ScriptName, TopicName},
    route::Route,
};
use std::path::{Path, PathBuf};

/// Upload scripts; each becomes live at once as a new version, unless nothing changed
///
/// Without --route and --no-routes, a script answers where its source declares it, in lines such as
/// '// route: GET /users/{id}'. Where it declares none, a new version answers where the one before did, and a new
/// script at ANY /NAME. It is subscribed to topics in the same way: by --topic, or by lines such as '// topic: orders';
/// a new script that is gets no route unless it is given one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rhai sources
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The script's name, such as lib/util; the file's name without its extension when absent
    #[arg(long)]
    name: Option<ScriptName>,
    /// A route to answer, such as 'GET /users/{id}'; may be given several times
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
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    if args.files.len() > 1 && (args.name.is_some() || !args.routes.is_empty() || !args.topics.is_empty()) {
        let message = "--name, --route and --topic are for one file, and several are given";
        return Err(CommandError::new(Exit::Usage, message));
    }
    let (client, app) = (context.client()?, context.app()?);
    let routes = (args.no_routes || !args.routes.is_empty()).then_some(args.routes);
    let topics = (args.no_topics || !args.topics.is_empty()).then_some(args.topics);
    let puts = args.files.iter().map(|file| {
        let name = args.name.clone().map_or_else(|| name_of(file), Ok)?;
        let source = read_source(file)?;
        let routes = given_or(&routes, file, || Route::declared_in(&source))?;
        let topics = given_or(&topics, file, || TopicName::declared_in(&source))?;
        Ok((file, name, PutScript { source, routes, topics }))
    });
    // All are read before the first is uploaded, so that a misspelt name leaves nothing half done.
    let puts = puts.collect::<Result<Vec<_>, CommandError>>()?;
    let before = client.scripts(&app).await.doing(format!("upload to the app {app}"))?;
    for (at, (file, name, put)) in puts.iter().enumerate() {
        let script = client.put_script(&app, name, put).await.map_err(|error| {
            if puts.len() > 1 {
                output::note(&progress(&args.files, at));
            }
            explain(error, file, name, &put.source)
        })?;
        let unchanged = before.iter().any(|old| old.id == script.id && old.version.id == script.version.id);
        context.output.result(&script, |script| {
            format!("{}{}\n", super::answering(script), if unchanged { " (unchanged)" } else { "" })
        })?;
    }
    Ok(Exit::Ok)
}

/// What became of each file when one of them failed.
fn progress(files: &[PathBuf], failed: usize) -> String {
    let list = |files: &[PathBuf]| match files {
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

/// With the place in the file, where the server names one.
fn explain(error: ClientError, file: &Path, name: &ScriptName, source: &str) -> CommandError {
    let ClientError::Api { detail: ErrorDetail { message, line: Some(line), column, .. }, .. } = error else {
        return CommandError::from(error).doing(format_args!("upload {}", file.display()));
    };
    let excerpt = excerpt::render(source, line, column);
    let found = Diagnostic { message, line: Some(line), column };
    CommandError::new(Exit::Refused, format::diagnostic(&file.display().to_string(), &found))
        .excerpt(excerpt)
        .hint(format!("{name} was not changed; correct the source and upload it again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_among_several_files_tells_what_became_of_the_others() {
        let files = ["a.rhai", "b.rhai", "c.rhai"].map(PathBuf::from);
        assert_eq!(progress(&files, 1), "uploaded: a.rhai; failed: b.rhai; not tried: c.rhai");
        assert_eq!(progress(&files, 2), "uploaded: a.rhai, b.rhai; failed: c.rhai; not tried: none");
    }

    #[test]
    fn a_parse_error_shows_its_place() {
        let body = r#"{"code":"invalid_script","message":"expecting ';'","request_id":"r","line":2,"column":9}"#;
        let error = ClientError::Api { status: 422.try_into().unwrap(), detail: serde_json::from_str(body).unwrap() };
        let name = "greet".parse().unwrap();
        let error = explain(error, Path::new("dir/greet.rhai"), &name, "let a = 1;\nlet b = 2 3;\n");
        assert_eq!(error.message(), "dir/greet.rhai:2:9: expecting ';'");
        assert_eq!(error.excerpt_text(), Some("  |\n2 | let b = 2 3;\n  |         ^"));
        assert_eq!(error.exit(), Exit::Refused);
    }

    #[test]
    fn any_other_refusal_names_the_file() {
        let body = r#"{"code":"route_conflict","message":"the route is taken","request_id":"r"}"#;
        let error = ClientError::Api { status: 409.try_into().unwrap(), detail: serde_json::from_str(body).unwrap() };
        let error = explain(error, Path::new("greet.rhai"), &"greet".parse().unwrap(), "");
        assert_eq!(error.message(), "cannot upload greet.rhai: the route is taken");
        assert_eq!((error.exit(), error.excerpt_text()), (Exit::Refused, None));
    }
}
