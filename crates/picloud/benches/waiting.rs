//! The crowd of `cargo xtask bench density`, and the slow server that its scripts ask.
//!
//!     waiting ADDRESS PID COUNT PATH [COUNT PATH]...
//!
//! sends so many requests at once to each PATH at ADDRESS, each over a connection of its own, with `port` in the query: where the slow
//! server listens. That answers nobody before all have asked it. Prints one line of JSON: what the process PID took while they
//! waited, and how many were answered with 200.

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::{env, fs, io::Write, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// How long all of them have to arrive, and to be answered.
const PATIENCE: Duration = Duration::from_secs(60);
/// Requests on their way to the slow server at one time, so that none is refused for want of a turn.
const UNDER_WAY: usize = 256;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// Where the crowd's requests wait.
struct Gate {
    /// How many more may set out.
    room: Semaphore,
    asked: Semaphore,
    opened: Semaphore,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, process, requests @ ..] = &arguments[..] else {
        bail!("usage: waiting ADDRESS PID COUNT PATH [COUNT PATH]...")
    };

    let gate = Gate { room: Semaphore::new(UNDER_WAY), asked: Semaphore::new(0), opened: Semaphore::new(0) };
    let gate = Arc::new(gate);
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let port = upstream.local_addr()?.port();
    let serving = tokio::spawn(serve(upstream, Arc::clone(&gate)));

    let (mut count, mut crowd) = (0, JoinSet::new());
    for pair in requests.chunks(2) {
        let [of_these, path] = pair else { bail!("a COUNT without a PATH") };
        let request = format!("GET {path}?port={port} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let (of_these, request): (u32, _) = (of_these.parse().context("COUNT")?, Arc::new(request));
        for _ in 0..of_these {
            crowd.spawn(ask(address.clone(), Arc::clone(&request), Arc::clone(&gate)));
        }
        count += of_these;
    }
    let all = tokio::select! {
        all = tokio::time::timeout(PATIENCE, gate.asked.acquire_many(count)) => all.is_ok(),
        // None is answered before the gate opens, unless it is refused.
        Some(early) = crowd.join_next() => bail!("a request was answered early: {}", early??),
    };
    if !all {
        bail!("{} of {count} requests are waiting after {PATIENCE:?}", gate.asked.available_permits());
    }
    let (resident_mb, own_mb) = (megabytes(process, "status", "VmRSS:")?, megabytes(process, "smaps_rollup", "Pss:")?);
    gate.opened.close();
    let answers = tokio::time::timeout(PATIENCE, crowd.join_all()).await.context("some were not answered in time")?;
    let mut answered = 0;
    for answer in answers {
        let answer = answer?;
        if !answer.starts_with("HTTP/1.1 200 ") {
            bail!("a request was answered with {answer}");
        }
        answered += 1;
    }
    serving.abort();
    let line = json!({"answered": answered, "resident_mb": resident_mb, "own_mb": own_mb});
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// One request; gives all that came.
async fn ask(address: String, request: Arc<String>, gate: Arc<Gate>) -> Result<String> {
    gate.room.acquire().await?.forget();
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The slow server.
async fn serve(listener: TcpListener, gate: Arc<Gate>) -> Result<()> {
    loop {
        let (mut connection, _) = listener.accept().await?;
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            // A request of a script is small, and comes as one piece.
            let read = connection.read(&mut [0; 1024]).await?;
            if read > 0 {
                gate.room.add_permits(1);
                gate.asked.add_permits(1);
                // Its end, an error, is what is waited for.
                let _ = gate.opened.acquire().await;
                connection.write_all(ANSWER).await?;
            }
            anyhow::Ok(())
        });
    }
}

/// `VmRSS` is as the kernel counts it, with pages that instances share counted once for each of them; `Pss` with those
/// counted once.
fn megabytes(process: &str, file: &str, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/{file}"))?;
    let size = text.lines().find_map(|line| line.strip_prefix(field)?.strip_suffix("kB"));
    let kib: u32 = size.with_context(|| format!("/proc/PID/{file} names no {field}"))?.trim().parse()?;
    Ok(f64::from(kib) * 1024.0 / 1e6)
}
