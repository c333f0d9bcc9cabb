//! `cargo xtask bench records`: how long lists, filters and sums take with a million invocations stored, and how requests fare
//! while retention brings their size back under its bound. On both databases.

use super::{
    server::{Api, Launch, Server},
    table::{self, Figure},
};
use crate::{
    binaries::{self, Profile},
    postgres,
    process::output,
};
use anyhow::{Context, Result, ensure};
use picloud_testkit::postgres::fresh_database;
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Unless told otherwise.
pub(crate) const INVOCATIONS: u64 = 1_000_000;

const APP: &str = "bench";
const SCRIPTS: usize = 20;
/// How often each question is asked.
const TIMES: usize = 30;
const GOAL: &str = "<= 50";
/// What retention leaves, in bytes; before there is no bound that matters.
const KEPT: u64 = 100 << 20;
const NO_BOUND: u64 = 1 << 40;
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn run(invocations: u64) -> Result<()> {
    postgres::ensure_installed()?;
    let program = binaries::build(Profile::Release)?.join("picloud");
    let seed = binaries::bench("records")?;
    for (name, database) in [("SQLite", None), ("PostgreSQL", Some(fresh_database()))] {
        let data = binaries::target_directory()?.join("bench-records");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let measured = measure(&program, &seed, &data, database.as_deref(), invocations);
        fs::remove_dir_all(&data)?;
        let figures = measured?.into_iter().map(|figure| Figure { name: format!("{name}: {}", figure.name), ..figure });
        table::print(&figures.collect::<Vec<_>>());
    }
    Ok(())
}

fn measure(program: &Path, seed: &Path, data: &Path, database: Option<&str>, invocations: u64) -> Result<Vec<Figure>> {
    let url = database.map(|url| format!("--database-url={url}"));
    let bound = format!("--max-limit=record_bytes={NO_BOUND}");
    let flags: Vec<&str> = url.as_deref().into_iter().chain([bound.as_str()]).collect();
    let launch = Launch { program, data, core: None, flags: &flags };

    let server = Server::start(&launch)?;
    let api = server.sign_in()?;
    api.create_app(APP)?;
    api.update_app(APP, json!({"limits": {"record_bytes": NO_BOUND, "record_days": 90}}))?;
    for n in 0..SCRIPTS {
        api.put_script(APP, &format!("s{n}"), "`hello ${req.query.n}`", &[])?;
    }
    server.stop()?;

    let place = database.map_or_else(|| data.as_os_str().to_owned(), Into::into);
    let begin = Instant::now();
    let count = invocations.to_string();
    let line = output(Command::new(seed).arg(place).arg(&count))?;
    let mut seeding = Figure::new("recording them, each", "us", "");
    seeding.values.push(begin.elapsed().as_secs_f64() * 1e6 / invocations as f64);
    let seeded: Value = serde_json::from_str(&line).with_context(|| format!("the seed said {line}"))?;
    let told = seeded["record_bytes"].as_f64().context("the seed tells no size")?;

    let server = Server::start(&launch)?;
    let api = server.sign_in()?;
    let mut figures = vec![seeding];
    let mut size = Figure::new("bytes of each, by PiCloud's count", "B", "");
    size.values.push(told / invocations as f64);
    figures.push(size);
    if database.is_none() {
        let mut file = Figure::new("bytes of each, of the file", "B", "");
        file.values.push(fs::metadata(data.join("picloud.sqlite3"))?.len() as f64 / invocations as f64);
        figures.push(file);
    }
    figures.extend(questions(&api)?);
    figures.extend(retention(&server, &api)?);
    server.stop()?;
    Ok(figures)
}

/// Each question, asked again and again.
fn questions(api: &Api) -> Result<Vec<Figure>> {
    let day = 24 * 60 * 60 * 1_000;
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let (since, until) = (now - 15 * day, now - 14 * day);
    let middle = api.read(&format!("/apps/{APP}/invocations?until={until}&limit=1"))?;
    let middle = middle["items"][0]["id"].as_str().context("there is nothing in the middle")?.to_owned();
    let parent = api.read(&format!("/apps/{APP}/invocations?trigger=http&limit=200"))?;
    let parent = parent["items"].as_array().into_iter().flatten().find_map(|item| item["parent"].as_str());
    let parent = parent.context("no invocation has a parent")?.to_owned();
    let invocations = [
        ("the newest 50", String::new()),
        ("the newest 200", "limit=200".to_owned()),
        ("from the middle on", format!("before={middle}")),
        ("of a script", "script=s7".to_owned()),
        ("that failed", "status=failed".to_owned()),
        ("that went well", "status=ok".to_owned()),
        ("4xx", "status=4xx".to_owned()),
        ("404, 200 of them", "status=404&limit=200".to_owned()),
        ("404, of a script", "status=404&script=s7".to_owned()),
        ("403, of which there is none", "status=403".to_owned()),
        ("a rare outcome", "outcome=timeout".to_owned()),
        ("a rare trigger", "trigger=manual".to_owned()),
        ("a frequent trigger", "trigger=http".to_owned()),
        ("of one day", format!("since={since}&until={until}")),
        ("failed, of one day", format!("since={since}&until={until}&status=failed")),
        ("called by one", format!("parent={parent}")),
        ("with a frequent text", "text=item/7".to_owned()),
        ("with a text that is nowhere", "text=nowhere".to_owned()),
        ("with such a text, from the middle on", format!("text=nowhere&before={middle}")),
    ];
    let logs = [
        ("the newest 50", String::new()),
        ("of a script", "script=s7".to_owned()),
        ("a rare level", "level=error".to_owned()),
        ("a frequent text", "text=visit".to_owned()),
        ("a text that is nowhere", "text=nowhere".to_owned()),
        ("of the last day", format!("since={}", now - day)),
    ];
    let stats = ["1h", "24h", "7d", "30d"];
    let mut asked: Vec<(String, String)> = Vec::new();
    asked.extend(
        invocations.into_iter().map(|(name, query)| (format!("invocations, {name}"), format!("invocations?{query}"))),
    );
    asked.extend(logs.into_iter().map(|(name, query)| (format!("logs, {name}"), format!("logs?{query}"))));
    for range in stats {
        asked.push((format!("stats of the app, {range}"), format!("stats?range={range}")));
        asked.push((format!("stats of a script, {range}"), format!("stats?range={range}&script=s7")));
    }
    asked.push(("usage".to_owned(), "usage".to_owned()));
    let mut figures = Vec::new();
    for (name, path) in asked {
        let path = format!("/apps/{APP}/{path}");
        let mut figure = Figure::new(name, "ms", GOAL);
        for _ in 0..TIMES {
            let begin = Instant::now();
            api.read(&path)?;
            figure.values.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        figures.push(figure);
    }
    Ok(figures)
}

/// Requests go on while all but the newest records are removed.
fn retention(server: &Server, api: &Api) -> Result<Vec<Figure>> {
    let used = || -> Result<u64> {
        let usage = api.read(&format!("/apps/{APP}/usage"))?;
        usage["record_bytes"]["used"].as_u64().context("the usage tells no bytes")
    };
    let mut quiet = requests(server, &|begin| Ok(begin.elapsed() > Duration::from_secs(5)))?;
    quiet.name = "requests, nothing else going on";
    let before = used()?;
    api.update_app(APP, json!({"limits": {"record_bytes": KEPT}}))?;
    let begin = Instant::now();
    let done = AtomicBool::new(false);
    let (pruning, seconds) = thread::scope(|scope| -> Result<(Requests, f64)> {
        let load = scope.spawn(|| requests(server, &|_| Ok(done.load(Ordering::Relaxed))));
        let waited = (|| {
            while used()? > KEPT {
                ensure!(begin.elapsed() < PATIENCE, "retention did not come to its end");
                thread::sleep(Duration::from_millis(100));
            }
            Ok(begin.elapsed().as_secs_f64())
        })();
        done.store(true, Ordering::Relaxed);
        let load = load.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        Ok((load, waited?))
    })?;
    let pruning = Requests { name: "requests, while records are removed", ..pruning };
    let mut took = Figure::new("removing records down to the bound", "s", "");
    took.values.push(seconds);
    let mut removed = Figure::new("records removed", "MB/s", "");
    removed.values.push(before.saturating_sub(KEPT) as f64 / 1e6 / seconds);
    Ok([vec![took, removed], quiet.figures(), pruning.figures()].concat())
}

/// What one client saw that asks one thing after the other.
struct Requests {
    name: &'static str,
    answered: usize,
    seconds: f64,
    longest_ms: f64,
}

impl Requests {
    fn figures(self) -> Vec<Figure> {
        let mut goodput = Figure::new(self.name, "/s", "");
        goodput.values.push(self.answered as f64 / self.seconds);
        let mut longest = Figure::new(format!("{}: the longest", self.name), "ms", "");
        longest.values.push(self.longest_ms);
        vec![goodput, longest]
    }
}

fn requests(server: &Server, is_over: &dyn Fn(Instant) -> Result<bool>) -> Result<Requests> {
    let begin = Instant::now();
    let mut seen = Requests { name: "", answered: 0, seconds: 0.0, longest_ms: 0.0 };
    while !is_over(begin)? {
        let asked = Instant::now();
        server.get(&format!("/{APP}/s{}?n={}", seen.answered % SCRIPTS, seen.answered))?;
        seen.answered += 1;
        seen.longest_ms = seen.longest_ms.max(asked.elapsed().as_secs_f64() * 1e3);
    }
    seen.seconds = begin.elapsed().as_secs_f64();
    Ok(seen)
}
