//! `pic deploy`.

use super::releases::told;
use crate::{
    confirm::confirm,
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    excerpt,
    exit::Exit,
    format, output, sanitize,
};
use picloud_client::{Client, Error as ClientError};
use picloud_project::{Project, ProjectError};
use picloud_shared::{
    api::{ChangeKind, Changes, Deploy, Deployed, Diagnostic, ErrorDetail},
    names::AppSlug,
};
use similar::TextDiff;
use std::path::{Path, PathBuf};

/// Make the scripts of an app those of a directory, all or nothing
///
/// Each file NAME.rhai below the directory is a script of this name, lib/util.rhai
/// one named lib/util. What starts it is declared in its source, in lines such as
/// '// route: GET /users/{id}', or in picloud.toml:
///
///     app = "shop"
///
///     [limits]
///     fuel = 100_000_000
///
///     [scripts.greet]
///     routes = ["GET /greet/{name}"]
///     topics = ["orders"]
///     schedules = ["0 9 * * MON-FRI Europe/Berlin"]
///
/// Scripts of the app that the directory does not have are deleted with their
/// invocations, unless --keep-others is given; pic asks before that. A deploy that
/// changes something is a release with a number, which `pic rollback` goes back to.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The directory
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Only tell what would change
    #[arg(long)]
    dry_run: bool,
    /// Show the lines of the sources that change
    #[arg(long)]
    diff: bool,
    /// Leave scripts alone that the directory does not have
    #[arg(long)]
    keep_others: bool,
    /// Delete scripts without asking
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(args: Args, context: &mut Context) -> CommandResult {
    let Args { directory, dry_run, diff, keep_others, yes } = args;
    let project = Project::read(&directory).map_err(unreadable)?;
    let (client, app) = (context.client()?, context.app_or(project.app.as_ref())?);
    let what = || format!("deploy {} to the app {app}", directory.display());
    let mut deploy = Deploy {
        scripts: project.scripts.clone(),
        limits: project.limits.clone(),
        keep_others,
        dry_run: true,
        state: None,
    };
    let explain = |error| explain(error, &directory, &project);
    let would = client.deploy(&app, &deploy).await.map_err(explain).map_err(|error| error.doing(what()))?;
    if diff {
        show_diff(&client, &app, &project, &would.changes).await.doing(what())?;
    }
    if dry_run {
        return context.output.result(&would, |Deployed { changes, .. }| told(changes, "would be"));
    }
    let gone: Vec<_> =
        would.changes.scripts.iter().filter(|change| change.change == ChangeKind::Deleted).map(|c| &c.script).collect();
    if !gone.is_empty() {
        confirm(yes, &format!("delete {} of the app {app}, with their invocations?", format::list(&gone)))?;
    }
    // What was told and asked about, and nothing that somebody else has changed since.
    deploy.dry_run = false;
    deploy.state = Some(would.state);
    let done = client.deploy(&app, &deploy).await.map_err(explain).map_err(|error| error.doing(what()))?;
    context.output.result(&done, |Deployed { release, changes, .. }| match release {
        Some(number) => format!("release {number} of the app {app}\n{}", told(changes, "")),
        None => format!("nothing to change: the app {app} is as {} has it\n", directory.display()),
    })
}

fn unreadable(error: ProjectError) -> CommandError {
    CommandError::new(Exit::Refused, error.to_string())
}

/// With the place in the file, where the server names one.
fn explain(error: ClientError, directory: &Path, project: &Project) -> CommandError {
    let ClientError::Api { detail: ErrorDetail { message, script: Some(script), line, column, .. }, .. } = &error
    else {
        return error.into();
    };
    let source = project.scripts.iter().find(|of| of.name == *script).map(|of| of.source.as_str());
    let excerpt = source.zip(*line).and_then(|(source, line)| excerpt::render(source, line, *column));
    let file =
        project.files.get(script).map_or_else(|| script.to_string(), |file| directory.join(file).display().to_string());
    let found = Diagnostic { message: message.clone(), script: None, line: *line, column: *column };
    CommandError::new(Exit::Refused, format::diagnostic(&file, &found))
        .excerpt(excerpt)
        .hint("nothing was changed; correct it and deploy again")
}

/// The lines that change, as `diff -u` shows them, on standard error, so that standard output has the result alone.
async fn show_diff(client: &Client, app: &AppSlug, project: &Project, changes: &Changes) -> Result<(), ClientError> {
    for change in &changes.scripts {
        let before = match change.change {
            ChangeKind::Created => String::new(),
            _ => client.script(app, &change.script).await?.source.unwrap_or_default(),
        };
        let after = project.scripts.iter().find(|script| script.name == change.script);
        let after = after.map_or("", |script| script.source.as_str());
        let (from, to) = (format!("{} (now)", change.script), change.script.to_string());
        let diff = TextDiff::from_lines(before.as_str(), after);
        for line in diff.unified_diff().header(&from, &to).to_string().lines() {
            output::note(&sanitize::line(line));
        }
    }
    Ok(())
}
