//! `cargo xtask bench start`: how soon PiCloud answers after its start and after an upload, what it costs to have it
//! idle, and the memory it begins with.

use super::{
    server::Server,
    table::{self, Figure},
};
use crate::binaries::{self, Profile};
use anyhow::{Result, ensure};
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const APP: &str = "bench";
const SCRIPT: &str = "hello";
const PATH: &str = "/bench/hello";

const WARM_STARTS: usize = 10;
const COLD_STARTS: usize = 3;
const UPLOADS: usize = 20;
pub(crate) const IDLE_SECONDS: u64 = 60;

/// For what the last requests left to do: their records are written in batches.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) fn run(idle_seconds: u64) -> Result<()> {
    let program = binaries::build(Profile::Release)?.join("picloud");
    let data = binaries::target_directory()?.join("bench-start");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let figures = measure(&program, &data, idle_seconds);
    fs::remove_dir_all(&data)?;
    table::print(&figures?);
    Ok(())
}

fn measure(program: &Path, data: &Path, idle_seconds: u64) -> Result<Vec<Figure>> {
    let server = Server::start(program, data)?;
    let token = server.sign_in()?;
    server.create_app(&token, APP)?;
    server.put_script(&token, APP, SCRIPT, "\"hello\"")?;
    server.stop()?;

    let mut warm = Figure { name: "start to first 200, warm caches".into(), unit: "ms", goal: "< 300", values: vec![] };
    let mut cold = Figure { name: "start to first 200, cold caches".into(), unit: "ms", goal: "", values: vec![] };
    let mut memory = Figure { name: "RSS after start".into(), unit: "MB", goal: "< 80", values: vec![] };
    for _ in 0..WARM_STARTS {
        let (server, milliseconds) = start_to_first_answer(program, data)?;
        warm.values.push(milliseconds);
        memory.values.push(server.resident_mb()?);
        server.stop()?;
    }
    for _ in 0..COLD_STARTS {
        fs::remove_dir_all(data.join("compiled"))?;
        let (server, milliseconds) = start_to_first_answer(program, data)?;
        cold.values.push(milliseconds);
        server.stop()?;
    }

    let (server, _) = start_to_first_answer(program, data)?;
    let mut upload = Figure { name: "PUT to first new answer".into(), unit: "ms", goal: "< 100", values: vec![] };
    for number in 0..UPLOADS {
        upload.values.push(upload_to_new_answer(&server, &token, number)?);
    }
    let [ticks, queries] = idle(&server, idle_seconds)?;
    server.stop()?;
    Ok(vec![warm, cold, upload, ticks, queries, memory])
}

fn start_to_first_answer(program: &Path, data: &Path) -> Result<(Server, f64)> {
    let begin = Instant::now();
    let server = Server::start(program, data)?;
    let answer = server.get(PATH)?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
    ensure!(!answer.is_empty(), "{PATH} answers nothing");
    Ok((server, milliseconds))
}

fn upload_to_new_answer(server: &Server, token: &str, number: usize) -> Result<f64> {
    let wanted = format!("version {number}");
    let begin = Instant::now();
    server.put_script(token, APP, SCRIPT, &format!("{wanted:?}"))?;
    while server.get(PATH)? != wanted {}
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

/// CPU ticks and queries. The requests that ask for the count of queries lie outside of the time whose ticks count.
fn idle(server: &Server, seconds: u64) -> Result<[Figure; 2]> {
    thread::sleep(SETTLE);
    let queries_before = server.database_queries()?;
    let ticks_before = server.cpu_ticks()?;
    thread::sleep(Duration::from_secs(seconds));
    let ticks = server.cpu_ticks()? - ticks_before;
    let queries = server.database_queries()? - queries_before;
    let figure = |what, value| Figure {
        name: format!("{what} in {seconds} s of idling"),
        unit: "",
        goal: "0",
        values: vec![value],
    };
    Ok([figure("CPU ticks", ticks as f64), figure("database queries", queries as f64)])
}
