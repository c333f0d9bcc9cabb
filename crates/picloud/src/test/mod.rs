//! `picloud test`: runs the tests beside the scripts of a directory, each as a script of its own in the app that they test.

mod assertions;
mod harness;
mod source;
mod world;

use crate::{
    check::{Format, counted},
    console::{Colour, Console},
    engine::EngineArgs,
    front::unless_told,
    problem::{Problem, Refused},
    scratch::{self, Scratch},
    serve,
    sources::Sources,
    watched::Watched,
};
use anyhow::{Context, Result};
use clap::Args as ClapArgs;
use harness::{Case, Harness, Runs};
use picloud_abi::invocation::{Event, EventKind, Failure, Library, Outcome, Position, Trigger};
use picloud_executor_core::{Apart, Control};
use picloud_orchestrator_core::{Ingress, Recorder, Settings as IngressSettings, Writer};
use picloud_project::{Project, TestFile};
use picloud_shared::{
    executor::{BoxFuture, Executor, Job, LogLine, Report},
    ids::{AppId, InvocationId, VersionId},
    limit_rules::{LimitName, LimitValues},
    limits::Limits,
    names::ScriptName,
    outbound::AllowedHosts,
    place,
};
use picloud_terminal::{excerpt, sanitize};
use serde::Serialize;
use source::{LIBRARY, Place, TestFunction, TestSource};
use std::{
    env,
    future::pending,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use world::TestWorld;

const EXIT_CODES: &str = "\
Exit codes:
  0  all tests passed
  1  a test failed, or there is none, or something is wrong with the scripts
  2  the command line makes no sense
  3  they could not be run, as where there is no such directory";

/// Run the tests of a directory of scripts
///
/// Tests are functions named test_… without parameters, in files such as greet.test.rhai beside the scripts. Each runs in an app
/// that has the scripts of the directory and nothing else: requests go the way that a server's go, and each script runs in the
/// engine that servers have, so that it burns the same fuel. The time stands still, chance is the same each time, and
/// other servers are what the test says. docs/developing.md has all that a test can call.
#[derive(ClapArgs)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Holds the scripts and their tests, and picloud.toml if there is one
    directory: PathBuf,

    /// Only tests whose file or name has this in it
    filter: Option<String>,

    /// How to print what came of them
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    engine: EngineArgs,
}

/// What tests call as `test::…`, in Rhai.
const LIBRARY_SOURCE: &str = include_str!("library.rhai");

/// What came of all of them.
#[derive(Serialize)]
struct Document {
    passed: usize,
    failed: usize,
    tests: Vec<Told>,
}

/// What came of one test.
#[derive(Serialize)]
struct Told {
    file: String,
    name: String,
    passed: bool,
    /// Where it failed: in its file, or in that of a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failed>,
}

/// Why a test failed.
#[derive(Serialize)]
struct Failed {
    path: String,
    line: Option<u32>,
    column: Option<u32>,
    message: String,
    #[serde(skip)]
    excerpt: Option<String>,
    /// What else helps to see why, ready to print.
    #[serde(skip)]
    beside: Vec<String>,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode> {
    let stop = serve::stop_signal()?;
    let project = match Project::read(&args.directory) {
        Ok(project) => project,
        Err(error @ picloud_project::ProjectError::Read { .. }) => return Err(error.into()),
        Err(error) => return Ok(wrong(&[Problem::from(&error).to_string()])),
    };
    let world = Arc::new(TestWorld::new());
    let (scratch, place) = Scratch::open(&args.engine, world.clone()).await?;
    let tested = unless_told(&stop, test(scratch, world, &args, &project)).await;
    place.leave().await;
    tested
}

/// Deploys it, runs its tests and prints what came of them.
async fn test(scratch: Scratch, world: Arc<TestWorld>, args: &Args, project: &Project) -> Result<ExitCode> {
    let console = Console::new(env::var_os("NO_COLOR").is_none());
    let slug = scratch::slug(project)?;
    let own = lasting(project.limits.clone().unwrap_or_default());
    let deployed =
        scratch.manager.deploy_unowned(slug.clone(), slug.as_str(), true, project.scripts.clone(), Some(own.clone()));
    let app = match deployed.await {
        Ok(app) => app,
        Err(error) => {
            let Refused { problems, .. } =
                Refused::of(error, &args.directory, project).context("deploying the scripts")?;
            return Ok(wrong(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()));
        }
    };
    let limits = scratch.limits.in_force(&own);
    let runs = Runs::default();
    let (executor, ingress, writer) = front(&scratch, runs.clone())?;
    let front = (executor, ingress.router(), runs);
    let harness = Arc::new(Harness::new(scratch, world, (app, slug), Arc::new(limits), front));
    let ran = run_all(&harness, args, project, &console).await;
    drop(ingress);
    let Some(harness) = Arc::into_inner(harness) else { anyhow::bail!("a test goes on though it has ended") };
    drop(harness);
    writer.await.context("the writer of invocations failed")?;
    ran
}

/// Limits but for those of a minute, of which tests have no other than people have.
fn lasting(limits: LimitValues) -> LimitValues {
    let of_a_minute = |name: &LimitName| matches!(name, LimitName::RequestsPerMinute | LimitName::FuelPerMinute);
    LimitValues(limits.0.into_iter().filter(|(name, _)| !of_a_minute(name)).collect())
}

fn wrong(problems: &[String]) -> ExitCode {
    let console = Console::new(false);
    for problem in problems {
        console.say(&sanitize::line(problem));
    }
    ExitCode::FAILURE
}

/// The way of a request, as on a server, and whoever notes what came of it.
fn front(scratch: &Scratch, runs: Runs) -> Result<(Arc<Watched>, Arc<Ingress>, Writer)> {
    let tell = Box::new(move |ran: crate::watched::Ran| runs.keep(ran));
    let executor = Arc::new(Watched { executor: Arc::clone(&scratch.executor), outbound: None, tell });
    let (recorder, writer) = Recorder::start(scratch.store.clone(), Arc::clone(&scratch.activity));
    let settings = IngressSettings {
        node: scratch::NODE.into(),
        apps_domain: scratch::apps_domain()?,
        trusted_proxies: Vec::new().into(),
        limits: scratch.limits.clone(),
    };
    let through: Arc<dyn Executor> = executor.clone();
    let ingress = Ingress::new(scratch.store.clone(), through, recorder, Arc::clone(&scratch.activity), settings);
    Ok((executor, ingress, writer))
}

async fn run_all(harness: &Arc<Harness>, args: &Args, project: &Project, console: &Console) -> Result<ExitCode> {
    let began = Instant::now();
    let text = args.output == Format::Text;
    let sources = Sources::default();
    let live = project.scripts.iter().filter_map(|script| {
        let file = args.directory.join(project.files.get(&script.name)?);
        Some((script.name.clone(), (file, script.source.clone())))
    });
    sources.set(live.collect());
    let (mut told, mut left_out) = (Vec::new(), false);
    for TestFile { file, source: written } in &project.tests {
        let path = args.directory.join(file).display().to_string();
        let source = TestSource::new(written);
        let chosen = |test: &&TestFunction| {
            args.filter.as_ref().is_none_or(|filter| test.name.contains(filter) || path.contains(filter))
        };
        let tests: Vec<TestFunction> = source.tests.iter().filter(chosen).cloned().collect();
        if tests.is_empty() {
            left_out |= !source.tests.is_empty();
            continue;
        }
        if text {
            console.say(&sanitize::line(&path));
        }
        for test in tests {
            let began = Instant::now();
            let file = File { path: &path, written, source: &source };
            let failure = run_one(harness, &file, &test, console, &sources).await?;
            if text {
                say(console, &test, failure.as_ref(), began.elapsed());
            }
            told.push(Told { file: path.clone(), name: test.name, passed: failure.is_none(), failure });
        }
    }
    let passed = told.iter().filter(|test| test.passed).count();
    let failed = told.len() - passed;
    let none = told.is_empty();
    if text {
        let took = crate::console::time(began.elapsed());
        let counted = counted(told.len(), "test");
        console.say(&match (none, failed) {
            (true, _) if left_out => "no test has that in its file or its name".to_owned(),
            (true, _) => "no tests: write functions named test_… in a file such as hello.test.rhai".to_owned(),
            (false, 0) => format!("{counted}: all passed ({took})"),
            (false, _) => format!("{counted}: {passed} passed, {failed} failed ({took})"),
        });
    } else {
        let document = serde_json::to_string_pretty(&Document { passed, failed, tests: told })?;
        console.say(&sanitize::json(&document));
    }
    Ok(if failed > 0 || none { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is wrong with the tests of an app that has the scripts of their directory.
pub(crate) async fn problems(
    scratch: &Scratch,
    app: AppId,
    directory: &Path,
    project: &Project,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for TestFile { file, source: written } in &project.tests {
        let path = directory.join(file).display().to_string();
        let source = TestSource::new(written);
        let apart = apart(&path, source.text().to_owned());
        let found = scratch.executor.check_apart(app, apart).await.with_context(|| format!("checking {path}"))?;
        problems.extend(found.map(|found| {
            let place = found.position.map(|at| source.written_at(at.line, at.column));
            let (line, column) = (place.map(|place| place.line), place.map(|place| place.column));
            Problem { path, line, column, message: found.message }
        }));
    }
    Ok(problems)
}

fn apart(path: &str, source: String) -> Apart {
    let library = Library { name: LIBRARY.to_owned(), source: LIBRARY_SOURCE.to_owned() };
    Apart { name: path.to_owned(), source, libraries: vec![library] }
}

/// A file of tests.
struct File<'a> {
    path: &'a str,
    written: &'a str,
    source: &'a TestSource,
}

impl File<'_> {
    fn failed_at(&self, place: Option<Place>, message: String) -> Failed {
        let (line, column) = (place.map(|place| place.line), place.map(|place| place.column));
        let excerpt = line.and_then(|line| excerpt::render(self.written, line, column));
        Failed { path: self.path.to_owned(), line, column, message, excerpt, beside: Vec::new() }
    }

    /// Of something that an engine's error says.
    fn failed(
        &self,
        script: Option<&str>,
        at: Option<Position>,
        message: String,
        case: &Case,
        sources: &Sources,
    ) -> Failed {
        let of_call = |number: usize| self.source.calls.get(number).copied();
        match script {
            None => self.failed_at(at.map(|at| self.source.written_at(at.line, at.column)), message),
            Some(LIBRARY) => self.failed_at(case.last.and_then(of_call), message),
            Some(other) => {
                let (line, column) = (at.map(|at| at.line), at.map(|at| at.column));
                let (path, excerpt) = match other.parse() {
                    Ok(name) => sources.at(&name, line, column),
                    Err(_) => (other.to_owned(), None),
                };
                Failed { path, line, column, message, excerpt, beside: Vec::new() }
            }
        }
    }
}

/// Why it failed, if it did.
async fn run_one(
    harness: &Arc<Harness>,
    file: &File<'_>,
    test: &TestFunction,
    console: &Console,
    sources: &Sources,
) -> Result<Option<Failed>> {
    harness.reset().await?;
    let apart = apart(file.path, file.source.running(test));
    let answering = Arc::clone(harness);
    let control: Control = Arc::new(move |call| -> BoxFuture<'static, _> {
        let harness = Arc::clone(&answering);
        Box::pin(async move { harness.answer(call).await })
    });
    let ran = harness.scratch.executor.run_apart(apart, job(harness)?, control, Box::pin(pending())).await?;
    let case = harness.case();
    let report = match ran {
        Ok(report) => report,
        Err(diagnostic) => {
            let script = diagnostic.script.as_deref();
            return Ok(Some(file.failed(script, diagnostic.position, diagnostic.message, &case, sources)));
        }
    };
    let failed = match (&case.failed, &report.outcome) {
        (Some((at, message)), _) => Some(file.failed_at(file.source.calls.get(*at).copied(), message.clone())),
        (None, Outcome::Failure(Failure { message, script, position, .. })) => {
            Some(file.failed(script.as_deref(), *position, message.clone(), &case, sources))
        }
        (None, _) => None,
    };
    Ok(failed.map(|failed| Failed { beside: beside(harness, &report, console, sources), ..failed }))
}

/// What the test logged, and the invocations that failed.
fn beside(harness: &Harness, report: &Report, console: &Console, sources: &Sources) -> Vec<String> {
    // The last is why it ended, which is told by itself.
    let ends_with_error = matches!(report.outcome, Outcome::Failure(_));
    let lines: &[LogLine] = match report.logs.split_last() {
        Some((_, before)) if ends_with_error => before,
        _ => &report.logs,
    };
    let mut beside: Vec<String> = lines.iter().map(|line| console.log_line(line, None)).collect();
    harness.runs.each_failed(|ran| beside.push(console.ran(&ran, sources)));
    beside
}

/// A test is bounded, but by more than any script needs.
fn job(harness: &Harness) -> Result<Job> {
    let limits = Limits {
        fuel: 20_000_000_000,
        memory: Limits::MAXIMA.memory,
        wall_time: Duration::from_secs(60),
        log_lines: 10_000,
        log_bytes: 1 << 20,
        kv_calls: u32::MAX,
        topic_calls: u32::MAX,
        http_calls: u32::MAX,
        file_calls: u32::MAX,
        setting_calls: u32::MAX,
        script_calls: u32::MAX,
        response_body: 64 << 20,
        request_body: 64 << 20,
        ..Limits::clone(&harness.limits)
    };
    let id = InvocationId::new();
    let event = Event {
        id: id.to_string(),
        kind: EventKind::Manual,
        payload: "null".to_owned(),
        attempt: 1,
        topic: None,
        scheduled_at: None,
    };
    let script: ScriptName = "test".parse()?;
    Ok(Job {
        id,
        app: harness.app,
        version: VersionId::new(),
        script,
        trigger: Trigger::Event(event),
        depth: 0,
        limits: Arc::new(limits),
        outbound: AllowedHosts::default(),
    })
}

fn say(console: &Console, test: &TestFunction, failure: Option<&Failed>, took: Duration) {
    let took = crate::console::time(took);
    let Some(Failed { path, line, column, message, excerpt, beside }) = failure else {
        return console.say(&format!("  {}  {} ({took})", console.paint("ok", Colour::Green), test.name));
    };
    let place = place::behind_name(*line, *column);
    let mut text = format!("  {}  {} ({took})\n", console.paint("FAILED", Colour::Red), test.name);
    text += &sanitize::line(&format!("{path}{place}: {message}"));
    for block in excerpt.iter().chain(beside) {
        text.push('\n');
        text += block;
    }
    console.say(&text);
}
