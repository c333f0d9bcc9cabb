//! `cargo xtask bench start`: how soon PiCloud answers after its start and after an upload, what it costs to have it
//! idle, and the memory it begins with.

use super::{
    idle,
    server::{Api, Launch, Server},
    table::{self, Figure},
};
use crate::binaries::{self, Profile};
use anyhow::{Result, ensure};
use std::{fs, path::Path, time::Instant};

const APP: &str = "bench";
const SCRIPT: &str = "hello";
const PATH: &str = "/bench/hello";

const WARM_STARTS: usize = 10;
const COLD_STARTS: usize = 3;
const UPLOADS: usize = 20;

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
    let launch = Launch { program, data, core: None, flags: &[] };
    let server = Server::start(&launch)?;
    let api = server.sign_in()?;
    api.create_app(APP)?;
    api.put_script(APP, SCRIPT, "\"hello\"", &[])?;
    server.stop()?;

    let mut warm = Figure::new("start to first 200, warm caches", "ms", "< 300");
    let mut cold = Figure::new("start to first 200, cold caches", "ms", "");
    let mut memory = Figure::new("RSS after start", "MB", "< 80");
    for _ in 0..WARM_STARTS {
        let (server, milliseconds) = start_to_first_answer(&launch)?;
        warm.values.push(milliseconds);
        memory.values.push(server.process.resident_mb()?);
        server.stop()?;
    }
    for _ in 0..COLD_STARTS {
        fs::remove_dir_all(data.join("compiled"))?;
        let (server, milliseconds) = start_to_first_answer(&launch)?;
        cold.values.push(milliseconds);
        server.stop()?;
    }

    let (server, _) = start_to_first_answer(&launch)?;
    let api = server.sign_in()?;
    let mut upload = Figure::new("PUT to first new answer", "ms", "< 100");
    for number in 0..UPLOADS {
        upload.values.push(upload_to_new_answer(&server, &api, number)?);
    }
    let idle = idle::measure(&server, idle_seconds)?;
    server.stop()?;
    Ok([vec![warm, cold, upload], idle, vec![memory]].concat())
}

fn start_to_first_answer(launch: &Launch) -> Result<(Server, f64)> {
    let begin = Instant::now();
    let server = Server::start(launch)?;
    let answer = server.get(PATH)?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
    ensure!(!answer.is_empty(), "{PATH} answers nothing");
    Ok((server, milliseconds))
}

fn upload_to_new_answer(server: &Server, api: &Api, number: usize) -> Result<f64> {
    let wanted = format!("version {number}");
    let begin = Instant::now();
    api.put_script(APP, SCRIPT, &format!("{wanted:?}"), &[])?;
    while server.get(PATH)? != wanted {}
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}
