//! `cargo xtask bench events`: how many events are delivered in a second, how soon a script begins after its event was
//! published, how late schedules fire of which many are due, and what it costs to have schedules whose time is far. On both
//! databases.

use super::{
    idle,
    server::{Api, Launch, Server},
    table::{self, Figure},
};
use crate::{
    binaries::{self, Profile},
    postgres,
};
use anyhow::{Result, ensure};
use picloud_testkit::postgres::fresh_database;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const ROUNDS: usize = 3;
/// Requests of a round that publish, and events of each: as many as an invocation may publish.
const REQUESTS: usize = 20;
const EVENTS: usize = 100;
/// Events that are published one by one, in a rhythm that leaves the server idle between them.
const SINGLE: usize = 500;
const REST: Duration = Duration::from_millis(10);
/// Scripts with a schedule at each second of one minute: 10,020 slots. As many of an app as leave it within its bound.
const SCRIPTS: usize = 167;
const SECONDS: u64 = 60;
const SCRIPTS_OF_APP: usize = 16;
/// Schedules whose time is far, in an app of their own: they are as many as an app has scripts.
const FAR: usize = 1_000;
const FAR_APP: &str = "far";
/// How long any of it may take.
const PATIENCE: Duration = Duration::from_secs(300);

const APP: &str = "bench";
const FAR_SLOT: &str = "0 0 29 2 *";
/// Keeps how many milliseconds after `at` it began, under the number of the event.
const LATE: &str = "kv::set(`late:${event.payload.n}`, time::now() - event.payload.at)";
/// The same of a slot; of those, some hundred begin in each second.
const SLOT: &str = "kv::set(`slot:${event.id}`, time::now() - event.scheduled_at)";
/// A page of what was kept.
const KEPT: &str = "kv::entries(req.query.prefix, req.query.after, 100)";

pub(crate) fn run(idle_seconds: u64) -> Result<()> {
    postgres::ensure_installed()?;
    let program = binaries::build(Profile::Release)?.join("picloud");
    let mut figures = Vec::new();
    for (name, database) in [("SQLite", None), ("PostgreSQL", Some(fresh_database()))] {
        let data = binaries::target_directory()?.join("bench-events");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        let measured = measure(&program, &data, database.as_deref(), idle_seconds);
        fs::remove_dir_all(&data)?;
        figures
            .extend(measured?.into_iter().map(|figure| Figure { name: format!("{name}: {}", figure.name), ..figure }));
    }
    table::print(&figures);
    Ok(())
}

fn measure(program: &Path, data: &Path, database: Option<&str>, idle_seconds: u64) -> Result<Vec<Figure>> {
    let flag = database.map(|url| format!("--database-url={url}"));
    let flags: Vec<&str> = flag.as_deref().into_iter().collect();
    let server = Server::start(&Launch { program, data, core: None, flags: &flags })?;
    let api = server.sign_in()?;
    create_app(&api, APP)?;
    let figures =
        [throughput(&server, &api)?, latency(&server, &api)?, slots(&server, &api)?, far(&server, &api, idle_seconds)?];
    server.stop()?;
    Ok(figures.concat())
}

/// One that tells what its scripts kept.
fn create_app(api: &Api, app: &str) -> Result<()> {
    api.create_app(app)?;
    api.put_script(app, "kept", KEPT, &["GET /kept"])
}

/// From the first event's publishing to the last one's arrival.
fn throughput(server: &Server, api: &Api) -> Result<Vec<Figure>> {
    let fill = format!("for n in 0..{EVENTS} {{ topics::publish(\"work\", n); }}");
    api.put_script(APP, "fill", &fill, &["GET /fill"])?;
    api.put_triggered(APP, "work", "event.payload", json!({"topics": ["work"]}))?;
    let mut published = Figure::new("events published, 100 by each request", "/s", "");
    let mut delivered = Figure::new("events published and delivered", "/s", "");
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for _ in 0..REQUESTS {
            server.get_empty(&format!("/{APP}/fill"))?;
        }
        published.values.push((REQUESTS * EVENTS) as f64 / begin.elapsed().as_secs_f64());
        patiently(|| Ok((api.waiting(APP)? == 0).then_some(())))?;
        delivered.values.push((REQUESTS * EVENTS) as f64 / begin.elapsed().as_secs_f64());
    }
    Ok(vec![published, delivered])
}

/// From before the request that publishes to the start of the script, at a server that has nothing else to do.
fn latency(server: &Server, api: &Api) -> Result<Vec<Figure>> {
    api.put_triggered(APP, "late", LATE, json!({"topics": ["late"]}))?;
    for n in 0..SINGLE {
        api.publish(APP, "late", json!({"n": format!("{n:04}"), "at": now_ms()?}))?;
        thread::sleep(REST);
    }
    let late = patiently(|| Ok(Some(kept(server, APP, "late:")?).filter(|late| late.len() == SINGLE)))?;
    Ok(percentiles("publishing to start", &late, [(50, "p50", "< 5"), (99, "p99", "")]))
}

/// Ten thousand slots within a minute.
fn slots(server: &Server, api: &Api) -> Result<Vec<Figure>> {
    // The first minute that begins when all of them are there.
    let minute = now_ms()? / 60_000 + 2;
    let end = (minute + 1) * 60_000;
    let (hour, minute) = (minute / 60 % 24, minute % 60);
    let schedules: Vec<String> = (0..SECONDS).map(|second| format!("{second} {minute} {hour} * * *")).collect();
    let apps: Vec<String> = (0..SCRIPTS.div_ceil(SCRIPTS_OF_APP)).map(|n| app_of(n * SCRIPTS_OF_APP)).collect();
    apps.iter().try_for_each(|app| create_app(api, app))?;
    for n in 0..SCRIPTS {
        api.put_triggered(&app_of(n), &format!("slot{n}"), SLOT, json!({"schedules": schedules}))?;
    }
    let all = SCRIPTS * schedules.len();
    // Looking is work for the server, so it waits until the minute is over.
    thread::sleep(Duration::from_millis(end.saturating_sub(now_ms()?)));
    let late = patiently(|| {
        thread::sleep(Duration::from_secs(1));
        let late = apps.iter().map(|app| kept(server, app, "slot:")).collect::<Result<Vec<_>>>()?.concat();
        Ok(Some(late).filter(|late| late.len() >= all))
    })?;
    ensure!(late.len() == all, "{} slots fired instead of {all}", late.len());
    let name = format!("{all} slots of a minute, slot to start");
    Ok(percentiles(&name, &late, [(50, "p50", ""), (99, "p99", ""), (100, "last", "< 60000")]))
}

/// What idling costs with schedules that are far in the future.
fn far(server: &Server, api: &Api, idle_seconds: u64) -> Result<Vec<Figure>> {
    for n in 0..SCRIPTS {
        api.put_triggered(&app_of(n), &format!("slot{n}"), SLOT, json!({"schedules": []}))?;
    }
    api.create_app(FAR_APP)?;
    for n in 0..FAR {
        api.put_triggered(FAR_APP, &format!("far{n}"), "()", json!({"schedules": [FAR_SLOT]}))?;
    }
    idle::measure(server, idle_seconds)
}

/// Whose the script of this number is.
fn app_of(script: usize) -> String {
    format!("{APP}{}", script / SCRIPTS_OF_APP)
}

/// What an app's scripts kept under a prefix, page by page.
fn kept(server: &Server, app: &str, prefix: &str) -> Result<Vec<f64>> {
    let (mut values, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/{app}/kept?prefix={prefix}&after={after}"))?;
        let page: BTreeMap<String, f64> = serde_json::from_str(&page)?;
        let Some(last) = page.keys().next_back() else { return Ok(values) };
        after.clone_from(last);
        values.extend(page.into_values());
    }
}

fn percentiles<const N: usize>(name: &str, values: &[f64], wanted: [(usize, &str, &'static str); N]) -> Vec<Figure> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let figure = |(percent, label, goal): (usize, &str, &'static str)| {
        let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        let values = sorted.get(place).copied().into_iter().collect();
        Figure { values, ..Figure::new(format!("{name}: {label}"), "ms", goal) }
    };
    wanted.map(figure).into()
}

fn patiently<T>(mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        ensure!(begin.elapsed() < PATIENCE, "gave up waiting");
    }
}

fn now_ms() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
