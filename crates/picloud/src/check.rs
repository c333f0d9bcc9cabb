//! `picloud check`: what a deploy of a directory would refuse, found by doing it where nobody sees it.

use crate::{
    engine::EngineArgs,
    front::unless_told,
    problem::{Problem, Refused},
    scratch::{self, Scratch},
    serve, test,
};
use anyhow::{Context, Result};
use clap::{Args as ClapArgs, ValueEnum};
use picloud_executor_core::RealWorld;
use picloud_manager_core::DeployError;
use picloud_project::{MANIFEST, Project, ProjectError};
use picloud_shared::{api::DeployScript, limit_rules::LimitValues};
use picloud_terminal::sanitize;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    io::{self, Write, stderr, stdout},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  a server would take all of it
  1  something is wrong; standard output says what and where
  2  the command line makes no sense
  3  it could not be checked, as where there is no such directory";

/// Check a directory of scripts as a server would before it takes them
///
/// Every script is compiled by the engine that servers have, with all that it imports, and so is picloud.toml: routes that
/// conflict, limits that cannot be; and the tests beside the scripts. Nothing is run but what stands outside functions in imported scripts, and nothing is kept.
/// What is wrong comes on standard output, one line each, as editors read them: path:line:column: message.
#[derive(ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Holds the scripts, one a file such as hello.rhai, and picloud.toml if there is one
    directory: PathBuf,

    /// How to print what is wrong
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    engine: EngineArgs,
}

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people and editors
    Text,
    /// One JSON document
    Json,
}

/// The JSON document.
#[derive(Serialize)]
struct Checked {
    /// Scripts that were looked at.
    scripts: usize,
    /// All that is wrong, by file and place.
    problems: BTreeSet<Problem>,
}

/// Something is wrong with what was checked.
const WRONG: u8 = 1;
/// It could not be checked, tested or served.
pub(crate) const UNCHECKED: u8 = 3;

pub(crate) async fn run(Args { directory, output, engine }: Args) -> Result<ExitCode> {
    let stop = serve::stop_signal()?;
    let (project, found) = Project::examine(&directory)?;
    let mut problems: BTreeSet<Problem> = found.iter().map(Problem::from).collect();
    if project.files.is_empty() && problems.is_empty() {
        problems.insert(Problem::from(&ProjectError::Empty(directory.clone())));
    }
    let (scratch, place) = Scratch::open(&engine, Arc::new(RealWorld::new())).await?;
    let refused = unless_told(&stop, refused(&scratch, &directory, &project)).await;
    place.leave().await;
    problems.extend(refused?);
    let checked = Checked { scripts: project.files.len(), problems };
    print(&checked, output).context("printing the result")?;
    Ok(if checked.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
}

/// What a server would not take: all of it, where the server itself would name the first.
async fn refused(scratch: &Scratch, directory: &Path, project: &Project) -> Result<Vec<Problem>> {
    let app = scratch.make_app(&scratch::slug(project)?).await?;
    let deploy = async |scripts: &[DeployScript]| {
        let limits = LimitValues::default();
        let Err(error) = scratch.manager.redeploy_unowned(app, scripts.to_vec(), limits).await else { return Ok(None) };
        let sources = matches!(error, DeployError::InvalidScripts(_));
        Refused::of(error, directory, project).context("checking the scripts").map(|refused| Some((refused, sources)))
    };
    let mut problems = limits(scratch, directory, project);
    let mut scripts: Vec<DeployScript> = project.scripts.iter().chain(&project.unfit).cloned().collect();
    let sources_are_wrong = match deploy(&scripts).await? {
        None => false,
        Some((refused, sources)) => {
            problems.extend(refused.problems);
            // By itself, whatever else is wrong.
            problems.extend(clashes(&deploy, &mut scripts).await?);
            sources
        }
    };
    if !sources_are_wrong {
        match deploy(&scripts).await? {
            None => problems.extend(test::problems(scratch, app, directory, project).await?),
            Some((refused, _)) => problems.extend(refused.problems),
        }
    }
    Ok(problems)
}

/// What starts the scripts and cannot be together, without their sources; takes it from them.
async fn clashes(
    deploy: &impl AsyncFn(&[DeployScript]) -> Result<Option<(Refused, bool)>>,
    scripts: &mut [DeployScript],
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    loop {
        let bare: Vec<_> = scripts.iter().map(|one| DeployScript { source: String::new(), ..one.clone() }).collect();
        let Some((refused, _)) = deploy(&bare).await? else { return Ok(problems) };
        problems.extend(refused.problems);
        let mut fewer = false;
        for script in scripts.iter_mut().filter(|script| refused.scripts.contains(&script.name)) {
            let bare =
                DeployScript { routes: Some(Vec::new()), topics: Vec::new(), schedules: Vec::new(), ..script.clone() };
            fewer |= *script != bare;
            *script = bare;
        }
        if !fewer {
            return Ok(problems);
        }
    }
}

/// The limits that cannot be.
fn limits(scratch: &Scratch, directory: &Path, project: &Project) -> Vec<Problem> {
    let set = project.limits.iter().flat_map(|limits| &limits.0);
    let wrong = set.filter_map(|(&name, &value)| scratch.limits.check(&[(name, Some(value))].into()).err());
    let path = directory.join(MANIFEST).display().to_string();
    wrong.map(|why| Problem { path: path.clone(), line: None, column: None, message: why.to_string() }).collect()
}

fn print(checked: &Checked, format: Format) -> io::Result<()> {
    let mut out = stdout().lock();
    if format == Format::Json {
        writeln!(out, "{}", sanitize::json(&serde_json::to_string_pretty(checked)?))?;
        return Ok(());
    }
    for problem in &checked.problems {
        writeln!(out, "{}", sanitize::line(&problem.to_string()))?;
    }
    drop(out);
    let scripts = counted(checked.scripts, "script");
    match checked.problems.len() {
        0 => writeln!(stderr(), "{scripts}: nothing is wrong that shows before they run"),
        count => writeln!(stderr(), "{scripts}: {}", counted(count, "problem")),
    }
}

/// `1 script`, `2 scripts`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
