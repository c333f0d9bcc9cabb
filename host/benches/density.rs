//! What invocations cost that wait in a call, as for a slow upstream: ten thousand at once, each in an instance of its own.
//! `cargo xtask bench density` runs it and makes a table of the one line of JSON that it prints. Its argument is where the
//! compiled guest is kept, since compiling it takes memory that is not given back.

use anyhow::{Context, Result, ensure};
use picloud_abi::{
    invocation::{Event, EventKind, Outcome, Program, Trigger},
    seam::{Answer, Request},
};
use picloud_host::{Host, Platform, Settings};
use picloud_shared::limits::Limits;
use serde_json::json;
use std::{future::pending, io::Write, path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// As PiCloud has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const INVOCATIONS: u32 = 10_000;
/// Before the call a small script does something, after it too.
const SCRIPT: &str = r#"let order = #{ item: "a-1", count: event.payload };
let answer = kv::get("upstream");
#{ order: order, answer: answer }"#;

/// Answers nobody before it is opened.
#[derive(Clone)]
struct Upstream {
    asked: Arc<Semaphore>,
    opened: Arc<Semaphore>,
}

impl Platform for Upstream {
    async fn call(&mut self, request: Request) -> Answer {
        if matches!(request, Request::Kv(_)) {
            self.asked.add_permits(1);
            // Its end, an error, is what is waited for.
            let _ = self.opened.acquire().await;
        }
        Answer::Kv(picloud_abi::kv::Answer::Value(None))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let limits = Limits { wall_time: Duration::from_secs(600), ..Limits::default() };
    let cache = std::env::args_os().nth(1).map(PathBuf::from);
    let settings = Settings { cache, slots: Some(INVOCATIONS), memory: limits.memory, ..Settings::default() };
    let host = Arc::new(Host::<Upstream>::new(&settings)?);
    let program = Program { name: "waits".into(), source: SCRIPT.into(), imports: Vec::new() };
    let image = host.load(&program).await?.map_err(|diagnostic| anyhow::anyhow!("{diagnostic:?}"))?;
    let image = Arc::new(image);
    let upstream = Upstream { asked: Arc::new(Semaphore::new(0)), opened: Arc::new(Semaphore::new(0)) };

    let (before_mb, before_own_mb) = (resident_mb()?, own_mb()?);
    let mut running = JoinSet::new();
    for number in 0..INVOCATIONS {
        let (host, image, upstream, limits) = (Arc::clone(&host), Arc::clone(&image), upstream.clone(), limits.clone());
        let event = Event {
            id: "e".into(),
            kind: EventKind::Manual,
            payload: number.to_string(),
            attempt: 1,
            topic: None,
            scheduled_at: None,
        };
        running.spawn(async move {
            let run = host.invoke(&image, &Trigger::Event(event), upstream, &limits, pending()).await?;
            anyhow::Ok(run.outcome)
        });
    }
    tokio::select! {
        all = upstream.asked.acquire_many(INVOCATIONS) => drop(all?),
        // None ends before it is answered, unless it fails.
        Some(ended) = running.join_next() => anyhow::bail!("an invocation ended early: {ended:?}"),
    }
    let (waiting_mb, waiting_own_mb) = (resident_mb()?, own_mb()?);
    upstream.opened.close();
    while let Some(ended) = running.join_next().await {
        let outcome = ended??;
        ensure!(matches!(outcome, Outcome::Value(_)), "{outcome:?}");
    }
    let after_mb = resident_mb()?;
    let line = json!({
        "invocations": INVOCATIONS,
        "before_mb": before_mb,
        "waiting_mb": waiting_mb,
        "own_mb": waiting_own_mb - before_own_mb,
        "after_mb": after_mb,
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// As the kernel counts it: pages of the interpreter that all instances share are counted once for each.
fn resident_mb() -> Result<f64> {
    megabytes("/proc/self/status", "VmRSS:")
}

/// With shared pages counted once.
fn own_mb() -> Result<f64> {
    megabytes("/proc/self/smaps_rollup", "Pss:")
}

fn megabytes(file: &str, field: &str) -> Result<f64> {
    let text = std::fs::read_to_string(file)?;
    let size = text.lines().find_map(|line| line.strip_prefix(field)?.strip_suffix("kB"));
    let kib: u32 = size.with_context(|| format!("{file} names no {field}"))?.trim().parse()?;
    Ok(f64::from(kib) * 1024.0 / 1e6)
}
