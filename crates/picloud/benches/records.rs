//! Fills a database for `cargo xtask bench records`.
//!
//!     records DATABASE COUNT
//!
//! records so many invocations of the scripts of the app `bench` through the store, as if they had been made over the last 29 days:
//! DATABASE is a data directory or the URL of a PostgreSQL database. Most went well and said nothing; some failed, some logged, some
//! called others, and ten of the oldest are rare. Prints one line of JSON: what the records take by PiCloud's own count.

use anyhow::{Context, Result, bail};
use picloud_abi::log::Level;
use picloud_shared::{
    api::{Diagnostic, Trigger},
    executor::LogLine,
    ids::{AppId, InvocationId},
    time::now_ms,
};
use picloud_store::{Database, NewInvocation, Script, Store};
use serde_json::json;
use std::{env, io::Write};

const APP: &str = "bench";
/// Time over which they are spread, in milliseconds.
const SPAN: i64 = 29 * 24 * 60 * 60 * 1_000;
/// Records of one transaction.
const BATCH: usize = 4_000;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let [database, count] = &arguments[..] else { bail!("usage: records DATABASE COUNT") };
    let count: i64 = count.parse().context("COUNT")?;
    let database = match database.strip_prefix("postgres://") {
        Some(_) => Database::Postgres(database.clone()),
        None => Database::Sqlite(database.into()),
    };
    let store = Store::open(&database).await?;
    let app = store.deployment(&APP.parse()?).await?.context("there is no app")?.app.id;
    let scripts = store.scripts(app).await?;
    let first = now_ms() - SPAN;
    let mut batch = Vec::with_capacity(BATCH);
    for n in 0..count {
        batch.push(invocation(app, &scripts, n, first + SPAN * n / count)?);
        if batch.len() == BATCH || n + 1 == count {
            store.record_all(&batch).await?;
            batch.clear();
        }
    }
    let bytes = store.app_usage(app).await?.record_bytes;
    store.close().await;
    writeln!(std::io::stdout(), "{}", json!({ "record_bytes": bytes }))?;
    Ok(())
}

fn invocation(app: AppId, scripts: &[Script], n: i64, at: i64) -> Result<NewInvocation> {
    // A bit of everything, in no rhythm with the scripts.
    let mixed = n.wrapping_mul(2_654_435_761) >> 8;
    let script = usize::try_from(mixed.rem_euclid(i64::try_from(scripts.len())?))?;
    let script = &scripts[script];
    // Ten of the first thousandth.
    let rare = n < 1_000 && n % 100 == 7;
    let (status, outcome, error) = match mixed % 200 {
        _ if rare => (504, "timeout", Some("it took too long")),
        0 => (500, "error", Some("Array index 1 out of bounds: only 1 element in array")),
        1 | 2 => (404, "ok", None),
        _ => (200, "ok", None),
    };
    let trigger = match mixed % 20 {
        _ if rare => Trigger::Manual,
        0 => Trigger::Topic,
        1 => Trigger::Schedule,
        _ => Trigger::Http,
    };
    let line = |level, message: String| LogLine { at, level, message, fields: None };
    let logs = match mixed % 10 {
        _ if rare => vec![line(Level::Error, "a needle in the log".to_owned())],
        0 => vec![line(Level::Info, format!("visit {n}")), line(Level::Info, "done".to_owned())],
        _ => Vec::new(),
    };
    Ok(NewInvocation {
        // An id of that time.
        id: format!("{}-{n:012x}", &InvocationId::least_at(at).to_string()[..23])
            .parse()
            .map_err(anyhow::Error::new)?,
        app,
        script: script.id,
        version: script.version.id,
        trigger,
        parent: (mixed % 100 == 50).then(InvocationId::new),
        request: (trigger == Trigger::Http).then(|| format!("GET /{}/item/{}", script.name, mixed % 1_000)),
        status,
        outcome,
        fuel: 20_000 + mixed.rem_euclid(10_000).unsigned_abs(),
        fuel_limit: 500_000_000,
        memory_bytes: 3 << 20,
        duration_us: 100 + mixed.rem_euclid(5_000).unsigned_abs(),
        started_at: at,
        node: "bench".into(),
        error: error.map(|message| Diagnostic {
            message: message.to_owned(),
            script: None,
            line: Some(3),
            column: Some(1),
        }),
        logs,
        logs_dropped: 0,
        calls: Vec::new(),
    })
}
