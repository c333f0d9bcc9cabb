//! `pic invoke`.

use crate::{
    commands::logs,
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    format, output, text_file,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use picloud_shared::{
    api::{Diagnostic, InvocationDetail, InvocationSummary, Invoke},
    names::ScriptName,
    outbound::{NOT_LISTED, NOT_PUBLIC},
    outcome,
};
use std::{collections::BTreeMap, path::Path};

/// Keeps a wrong path from filling the memory; what a server takes is less by far.
const INPUT_BYTES: usize = 64 << 20;

/// Run a script once and show its response
///
/// The response's body, or the event's result, goes to standard output; its status, cost and log to standard error.
/// The script is named, and runs whatever the path is; `req.params` holds what one of its own routes captures.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The script
    name: ScriptName,
    /// The request's method; GET when absent, POST with a body
    #[arg(long)]
    method: Option<String>,
    /// The request's path, with its query; /NAME when absent
    #[arg(long)]
    path: Option<String>,
    /// A header of the request; may be given several times
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The request's body, or @ and the file that holds it
    #[arg(long, value_name = "TEXT|@FILE")]
    body: Option<String>,
    /// Run it as an event with this payload, or @ and the file that holds it
    #[arg(long, value_name = "JSON|@FILE", conflicts_with_all = ["method", "path", "headers", "body"])]
    payload: Option<String>,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let (client, app) = (context.client()?, context.app()?);
    let name = args.name.clone();
    let detail = client.invoke(&app, &name, &request(args)?).await.doing(format!("invoke {name} of the app {app}"))?;
    if context.output.is_json() {
        output::json(&detail)?;
    } else {
        print(&detail)?;
    }
    Ok(if detail.summary.outcome == outcome::OK { Exit::Ok } else { Exit::Failed })
}

fn request(args: Args) -> Result<Invoke, CommandError> {
    let mut headers = BTreeMap::new();
    for (name, value) in args.headers {
        if headers.insert(name.clone(), value).is_some() {
            return Err(CommandError::new(Exit::Usage, format!("the header {name} is given twice")));
        }
    }
    let payload = args.payload.map(|given| {
        // What stands on the command line is its fault, what stands in a file is not.
        let exit = if given.starts_with('@') { Exit::Refused } else { Exit::Usage };
        serde_json::from_str(&text_or_file(given)?).map_err(|error| {
            CommandError::new(exit, format!("the payload is not JSON: {error}"))
                .hint("a text needs quotes of its own: --payload '\"text\"'")
        })
    });
    let body = args.body.map(text_or_file).transpose()?;
    let method = args.method.or_else(|| body.is_some().then(|| "POST".to_owned()));
    Ok(Invoke { method, path: args.path, query: BTreeMap::new(), headers, body, payload: payload.transpose()? })
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is a name, a colon and a value")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

fn text_or_file(given: String) -> Result<String, CommandError> {
    match given.strip_prefix('@') {
        Some(file) => text_file::read(Path::new(file), INPUT_BYTES),
        None => Ok(given),
    }
}

fn print(
    InvocationDetail { summary, logs, logs_dropped, response, result, .. }: &InvocationDetail,
) -> Result<(), CommandError> {
    for line in logs.iter().map(logs::line).chain(logs::dropped(*logs_dropped)) {
        output::note(&line);
    }
    output::note(&cost(summary));
    output::note(&format!("request id {}", summary.id));
    if let Some(error) = &summary.error {
        output::error(&failure(summary, error));
    }
    if let Some(result) = result {
        output::json(result)?;
    }
    let Some(response) = response else { return Ok(()) };
    match (&response.body, &response.body_base64) {
        (Some(text), _) => output::raw(text.as_bytes()),
        (None, Some(encoded)) => {
            let bytes = BASE64_STANDARD.decode(encoded).map_err(|error| {
                CommandError::new(Exit::Unavailable, format!("the server's answer holds no base64: {error}"))
            })?;
            output::raw(&bytes)
        }
        (None, None) => Ok(()),
    }
}

fn cost(summary: &InvocationSummary) -> String {
    let InvocationSummary { status, outcome, version, duration_us, fuel, fuel_limit, .. } = summary;
    let (time, fuel) = (format::duration(*duration_us), format::fuel(*fuel, *fuel_limit));
    format!("{status} {outcome}, version {version}, {time}, fuel {fuel}")
}

fn failure(summary: &InvocationSummary, error: &Diagnostic) -> CommandError {
    let failed = CommandError::new(Exit::Failed, format::diagnostic(summary.script.as_str(), error));
    if [NOT_LISTED, NOT_PUBLIC].iter().any(|why| error.message.contains(why)) {
        return failed.hint("`pic apps outbound APP` shows which servers the app may reach, and sets them");
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn asked(line: &[&str]) -> Result<Invoke, Exit> {
        let line = Line::try_parse_from(["invoke", "greet"].iter().chain(line)).map_err(|_| Exit::Usage)?;
        request(line.args).map_err(|error| error.exit())
    }

    #[test]
    fn a_body_is_posted_unless_told_otherwise() {
        assert_eq!(asked(&[]).unwrap().method, None);
        assert_eq!(asked(&["--body", "x"]).unwrap().method.as_deref(), Some("POST"));
        assert_eq!(asked(&["--body", "x", "--method", "PUT"]).unwrap().method.as_deref(), Some("PUT"));
    }

    #[test]
    fn headers_are_split_at_the_first_colon_and_come_once() {
        let asked_for = asked(&["--header", "X-A:  b:c ", "--header", "y:"]).unwrap();
        assert_eq!(asked_for.headers, BTreeMap::from([("x-a".into(), "b:c".into()), ("y".into(), String::new())]));
        assert_eq!(asked(&["--header", "x"]).unwrap_err(), Exit::Usage);
        assert_eq!(asked(&["--header", "x: 1", "--header", "X: 2"]).unwrap_err(), Exit::Usage);
    }

    #[test]
    fn a_payload_is_json_and_stands_alone() {
        assert_eq!(asked(&["--payload", "{\"a\":[1]}"]).unwrap().payload, Some(serde_json::json!({ "a": [1] })));
        assert_eq!(asked(&["--payload", "text"]).unwrap_err(), Exit::Usage);
        assert_eq!(asked(&["--payload", "1", "--path", "/x"]).unwrap_err(), Exit::Usage);
    }

    #[test]
    fn an_at_sign_names_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("body");
        std::fs::write(&file, "from a file").unwrap();
        let given = format!("@{}", file.display());
        assert_eq!(asked(&["--body", &given]).unwrap().body.as_deref(), Some("from a file"));
        assert_eq!(asked(&["--payload", &given]).unwrap_err(), Exit::Refused, "it holds no JSON");
        assert_eq!(asked(&["--body", "@/nowhere/at/all"]).unwrap_err(), Exit::Refused);
    }
}
