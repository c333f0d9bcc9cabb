//! The table `stats`: what invocations come to, by the minute and by the hour, of each script and of each app. Who records
//! invocations adds to it while it holds the rows of their scripts and apps, so that what was read is still so when it is
//! written. Rows are added up here and not by SQL, for the histograms.

use crate::{Store, StoreError, batch::Insert, pool::Transaction, record::Known};
use picloud_shared::{
    histogram::Histogram,
    ids::{AppId, ScriptId},
    names::ScriptName,
    tally::{HOUR, MINUTE, Sums, Tally},
    time::TimestampMs,
};
use sqlx::QueryBuilder;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

/// Whose invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatsOf {
    /// All of an app's that no script called.
    App(AppId),
    /// All of a script's.
    Script(ScriptId),
}

/// A script among those of its app that burnt the most.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct BusyScript {
    /// The script's name.
    #[sqlx(try_from = "String")]
    pub script: ScriptName,
    /// How many invocations there were.
    pub requests: i64,
    /// How many of them failed.
    pub errors: i64,
    /// Fuel burnt, that of the scripts included that it called.
    pub fuel: i64,
}

/// Owner, width, start.
type Key = (Arc<str>, i64, TimestampMs);

#[derive(sqlx::FromRow)]
struct Row {
    owner: String,
    width: i64,
    start: TimestampMs,
    requests: i64,
    errors: i64,
    fuel: i64,
    duration_us: i64,
    memory_bytes: i64,
    #[sqlx(try_from = "Vec<u8>")]
    latency: Histogram,
}

impl Row {
    fn sums(self) -> Sums {
        let Self { requests, errors, fuel, duration_us, memory_bytes, latency, .. } = self;
        Sums { requests, errors, fuel, duration_us, memory_bytes, latency }
    }
}

const SELECT: &str = "SELECT owner, width, start, requests, errors, fuel, duration_us, memory_bytes, latency FROM stats WHERE owner IN (";

static STATS: LazyLock<Insert> = LazyLock::new(|| {
    let columns = "requests, errors, fuel, duration_us, memory_bytes, latency";
    Insert::replacing("stats", "owner, width, start", columns)
});

/// Owners in one list of a statement.
const OWNERS: usize = 500;

impl Store {
    /// Adds what scripts' invocations come to, for them and for their apps.
    pub(crate) async fn add_stats(
        &self,
        transaction: &mut Transaction,
        known: &Known,
        tallies: &HashMap<ScriptId, Tally>,
    ) -> Result<(), StoreError> {
        let mut added: HashMap<Key, Sums> = HashMap::new();
        let mut add = |owner: &Arc<str>, minute: TimestampMs, sums: &Sums| {
            for width in [MINUTE, HOUR] {
                let start = minute - minute.rem_euclid(width);
                added.entry((Arc::clone(owner), width, start)).or_default().merge(sums);
            }
        };
        for (script, tally) in tallies {
            let Some(script) = known.scripts.get(script) else { continue };
            for (&minute, sums) in &tally.own {
                add(&script.text, minute, sums);
                add(&script.app_text, minute, sums);
            }
            for (&minute, sums) in &tally.called {
                add(&script.text, minute, sums);
            }
        }
        for row in self.stats_before(&mut *transaction, &added).await? {
            let key = (Arc::from(row.owner.as_str()), row.width, row.start);
            if let Some(sums) = added.get_mut(&key) {
                sums.merge(&row.sums());
            }
        }
        self.write_stats(transaction, &added.into_iter().collect::<Vec<_>>()).await
    }

    /// The rows that are to be added to, and perhaps some others.
    async fn stats_before(
        &self,
        transaction: &mut Transaction,
        added: &HashMap<Key, Sums>,
    ) -> Result<Vec<Row>, StoreError> {
        let owners: Vec<&str> = BTreeSet::from_iter(added.keys().map(|(owner, ..)| &**owner)).into_iter().collect();
        let starts = BTreeSet::from_iter(added.keys().map(|&(_, _, start)| start));
        let mut rows = Vec::new();
        for owners in owners.chunks(OWNERS) {
            let found: Vec<Row> = with_db!(self, &mut *transaction, db => {
                let mut query = QueryBuilder::new(SELECT);
                let mut list = query.separated(", ");
                owners.iter().for_each(|&owner| {
                    list.push_bind(owner);
                });
                query.push(format_args!(") AND width IN ({MINUTE}, {HOUR}) AND start IN ("));
                let mut list = query.separated(", ");
                starts.iter().for_each(|&start| {
                    list.push_bind(start);
                });
                query.push(")");
                // Of a few owners it is the same each time.
                query.build_query_as().persistent(owners.len() <= 2 && starts.len() <= 2).fetch_all(db).await?
            });
            rows.extend(found);
        }
        Ok(rows)
    }

    async fn write_stats(&self, transaction: &mut Transaction, rows: &[(Key, Sums)]) -> Result<(), StoreError> {
        for (statement, rows) in STATS.split(transaction, rows) {
            with_db!(self, &mut *transaction, db => {
                let mut query = sqlx::query(statement);
                for ((owner, width, start), sums) in rows {
                    query = query
                        .bind(Arc::clone(owner))
                        .bind(*width)
                        .bind(*start)
                        .bind(sums.requests)
                        .bind(sums.errors)
                        .bind(sums.fuel)
                        .bind(sums.duration_us)
                        .bind(sums.memory_bytes)
                        .bind(sums.latency.to_bytes());
                }
                query.execute(db).await?;
            });
        }
        Ok(())
    }

    /// What invocations come to that began between two times, the first included, in order, where there were any: by the
    /// minute or by the hour.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn stats(
        &self,
        of: StatsOf,
        width: i64,
        from: TimestampMs,
        until: TimestampMs,
    ) -> Result<Vec<(TimestampMs, Sums)>, StoreError> {
        let owner = match of {
            StatsOf::App(app) => app.to_string(),
            StatsOf::Script(script) => script.to_string(),
        };
        let rows: Vec<Row> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT owner, width, start, requests, errors, fuel, duration_us, memory_bytes, latency FROM stats
                 WHERE owner = $1 AND width = $2 AND start >= $3 AND start < $4 ORDER BY start",
            )
            .bind(owner)
            .bind(width)
            .bind(from)
            .bind(until)
            .fetch_all(db)
            .await?
        });
        Ok(rows.into_iter().map(|row| (row.start, row.sums())).collect())
    }

    /// The scripts of an app that burnt most between two times, as [`Store::stats`] counts them.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn busiest_scripts(
        &self,
        app: AppId,
        width: i64,
        from: TimestampMs,
        until: TimestampMs,
        limit: u32,
    ) -> Result<Vec<BusyScript>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT s.name AS script, t.requests, t.errors, t.fuel
                 FROM (SELECT s.id, CAST(SUM(t.requests) AS BIGINT) AS requests, CAST(SUM(t.errors) AS BIGINT) AS errors,
                        CAST(SUM(t.fuel) AS BIGINT) AS fuel
                    FROM scripts s JOIN stats t ON t.owner = s.id AND t.width = $2 AND t.start >= $3 AND t.start < $4
                    WHERE s.app_id = $1 GROUP BY s.id) AS t
                 JOIN scripts s ON s.id = t.id
                 ORDER BY t.fuel DESC, s.name LIMIT $5",
            )
            .bind(app.to_string())
            .bind(width)
            .bind(from)
            .bind(until)
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?
        }))
    }

    /// Forgets what is owned by scripts and apps that are deleted.
    pub(crate) async fn forget_stats(&self, transaction: &mut Transaction, owner: &str) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query("DELETE FROM stats WHERE owner = $1").bind(owner).execute(db).await?;
        });
        Ok(())
    }
}
