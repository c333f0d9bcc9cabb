//! What a PiCloud costs of which nothing is asked.

use super::{server::Server, table::Figure};
use anyhow::Result;
use std::{thread, time::Duration};

/// Unless told otherwise.
pub(crate) const SECONDS: u64 = 60;

/// For what the last requests left to do: their records are written in batches.
const SETTLE: Duration = Duration::from_secs(3);

/// CPU ticks, wake-ups and queries. The requests that ask for the count of queries lie outside of the time whose ticks
/// and wake-ups count.
pub(crate) fn measure(server: &Server, seconds: u64) -> Result<Vec<Figure>> {
    thread::sleep(SETTLE);
    let queries_before = server.database_queries()?;
    let before = (server.process.cpu_ticks()?, server.process.context_switches()?);
    thread::sleep(Duration::from_secs(seconds));
    let after = (server.process.cpu_ticks()?, server.process.context_switches()?);
    let queries = server.database_queries()? - queries_before;
    let figure = |what, count| {
        let name = format!("{what} in {seconds} s of idling");
        Figure { values: vec![count as f64], ..Figure::new(name, "", "0") }
    };
    Ok(vec![
        figure("CPU ticks", after.0 - before.0),
        figure("context switches", after.1.saturating_sub(before.1)),
        figure("database queries", queries),
    ])
}
