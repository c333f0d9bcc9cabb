//! Removing what is kept for a time or up to a size: records of invocations with their logs, what they came to by time, and
//! entries of the key-value store whose time has passed. Each call is one small transaction, so that nobody waits long for
//! the writer; whoever calls goes on until nothing is left.

use crate::{
    Store, StoreError,
    pool::{Pool, Transaction},
};
use picloud_shared::{
    ids::AppId,
    limit_rules::LimitValues,
    limits::{STATS_HOURS_TIME, STATS_MINUTES_TIME},
    tally::{HOUR, MINUTE},
    time::TimestampMs,
};
use sqlx::QueryBuilder;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Rows of what has expired that one call removes, of each kind.
const EXPIRED: i64 = 500;

/// Log lines that go with invocations in one call, but for those of the first one.
const STEP_LINES: i64 = 2_000;

/// How many records one call removes.
#[derive(Clone, Copy)]
struct Step {
    rows: i64,
    lines: i64,
}

impl Step {
    /// While SQLite removes them, nobody else writes. PostgreSQL lets others write, but has to find its way past all rows
    /// removed before, and waits for those who record: in steps of 500 it removed fewer than a busy node recorded.
    fn of(pool: &Pool) -> Self {
        match pool {
            Pool::Sqlite { .. } => Self { rows: 500, lines: STEP_LINES },
            Pool::Postgres { .. } => Self { rows: 5_000, lines: 20_000 },
        }
    }
}

/// Free pages that SQLite gives back in one call: two MiB.
const STEP_PAGES: i64 = 512;
/// Clocks of other processes may be so late.
const CLOCKS: Duration = Duration::from_secs(60);

/// An app, as it is seen by who prunes its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRecords {
    /// The app.
    pub app: AppId,
    /// The limits that it sets itself, or why they cannot be read, as of a newer program: then nobody knows what may go.
    pub limits: Result<LimitValues, String>,
    /// Bytes of its records.
    pub bytes: i64,
    /// When the oldest of them began.
    pub oldest: Option<TimestampMs>,
}

#[derive(sqlx::FromRow)]
struct KeptRow {
    #[sqlx(try_from = "String")]
    app: AppId,
    limits: String,
    bytes: i64,
    oldest: Option<TimestampMs>,
}

/// One that may go.
#[derive(sqlx::FromRow)]
pub(crate) struct Oldest {
    id: String,
    script_id: String,
    bytes: i64,
    log_lines: i64,
    started_at: TimestampMs,
}

macro_rules! select_kept {
    ($rest:literal) => {
        concat!(
            "SELECT a.id AS app, a.limits, CAST(COALESCE((SELECT SUM(s.record_bytes) FROM scripts s WHERE s.app_id = a.id), 0)
                AS BIGINT) AS bytes,
                (SELECT i.started_at FROM invocations i WHERE i.app_id = a.id ORDER BY i.id LIMIT 1) AS oldest
             FROM apps a WHERE NOT a.gone ",
            $rest
        )
    };
}

impl Store {
    /// What there is of an app. `None` when there is no such app.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn kept_records(&self, app: AppId) -> Result<Option<KeptRecords>, StoreError> {
        let row: Option<KeptRow> = with_db!(self, read, db => {
            sqlx::query_as(select_kept!("AND a.id = $1")).bind(app.to_string()).fetch_optional(db).await?
        });
        Ok(row.map(KeptRecords::from))
    }

    /// The same of the app that comes next, in the order of ids; after the last one, `None`.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn next_kept_records(&self, after: Option<AppId>) -> Result<Option<KeptRecords>, StoreError> {
        let row: Option<KeptRow> = with_db!(self, read, db => {
            sqlx::query_as(select_kept!("AND a.id > $1 ORDER BY a.id LIMIT 1"))
                .bind(after.map_or_else(String::new, |app| app.to_string()))
                .fetch_optional(db)
                .await?
        });
        Ok(row.map(KeptRecords::from))
    }

    /// Removes some of an app's oldest records, if they have more than so many bytes together or began before `until`.
    /// Whether there may be more to remove; not, if another process is about to remove them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_records(&self, app: AppId, bytes: i64, until: TimestampMs) -> Result<bool, StoreError> {
        let step = Step::of(&self.inner.pool);
        let mut transaction = self.begin().await?;
        if !self.prunes_alone(&mut transaction, &app.to_string()).await? {
            return transaction.unchanged(false).await;
        }
        let kept: i64 = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT CAST(COALESCE(SUM(record_bytes), 0) AS BIGINT) FROM scripts WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_one(db)
                .await?
        });
        let oldest: Vec<Oldest> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT id, script_id, bytes, log_lines, started_at FROM invocations WHERE app_id = $1 ORDER BY id LIMIT $2",
            )
            .bind(app.to_string())
            .bind(step.rows)
            .fetch_all(db)
            .await?
        });
        let going = going(&oldest, step.lines, kept.saturating_sub(bytes), until);
        if going.is_empty() {
            // Ended here, not by a rollback some time later: who looks next may look at once.
            transaction.commit().await?;
            return Ok(false);
        }
        self.remove_records(&mut transaction, going).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Whether no other process prunes the app's records until the transaction ends.
    pub(crate) async fn prunes_alone(&self, transaction: &mut Transaction, app: &str) -> Result<bool, StoreError> {
        let Transaction::Postgres(transaction) = transaction else { return Ok(true) };
        self.count_query();
        Ok(sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(app)
            .fetch_one(&mut **transaction)
            .await?)
    }

    pub(crate) async fn remove_records(
        &self,
        transaction: &mut Transaction,
        going: &[Oldest],
    ) -> Result<(), StoreError> {
        let scripts = BTreeSet::from_iter(going.iter().map(|invocation| invocation.script_id.clone()));
        self.lock_rows_of_scripts(&mut *transaction, &scripts.into_iter().collect::<Vec<_>>(), false).await?;
        // What was there, in case a script was deleted before its row was held.
        let gone: Vec<(String, i64)> = with_db!(self, &mut *transaction, db => {
            let mut query = QueryBuilder::new("DELETE FROM invocations WHERE id IN (");
            push_list!(query, going.iter().map(|invocation| &invocation.id));
            query.push(") RETURNING script_id, bytes");
            query.build_query_as().persistent(false).fetch_all(db).await?
        });
        let mut freed: BTreeMap<String, i64> = BTreeMap::new();
        for (script, bytes) in gone {
            *freed.entry(script).or_default() += bytes;
        }
        for (script, bytes) in freed {
            with_db!(self, &mut *transaction, db => {
                sqlx::query("UPDATE scripts SET record_bytes = record_bytes - $2 WHERE id = $1")
                    .bind(script)
                    .bind(bytes)
                    .execute(db)
                    .await?;
            });
        }
        Ok(())
    }

    /// Removes some of what ended before `now`: entries of the key-value store, and what invocations came to. Whether there
    /// may be more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_expired(&self, now: TimestampMs) -> Result<bool, StoreError> {
        let ago = |time: Duration| now.saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        let mut transaction = self.begin().await?;
        // Not after others who hold some of them and wait for more.
        let skip = match transaction {
            Transaction::Sqlite(_) => "",
            Transaction::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        };
        let entries = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new(
                "DELETE FROM kv WHERE (app_id, key) IN (SELECT app_id, key FROM kv WHERE expires_at <= ",
            );
            query.push_bind(ago(CLOCKS)).push(" ORDER BY expires_at LIMIT ").push_bind(EXPIRED).push(skip).push(")");
            query.build().execute(db).await?.rows_affected()
        });
        let mut more = i64::try_from(entries).is_ok_and(|entries| entries == EXPIRED);
        for (width, time) in [(MINUTE, STATS_MINUTES_TIME), (HOUR, STATS_HOURS_TIME)] {
            let rows = with_db!(self, &mut transaction, db => {
                let mut query = QueryBuilder::new(
                    "DELETE FROM stats WHERE (owner, width, start) IN (SELECT owner, width, start FROM stats WHERE width = ",
                );
                query.push_bind(width).push(" AND start < ").push_bind(ago(time));
                query.push(" ORDER BY start LIMIT ").push_bind(EXPIRED).push(skip).push(")");
                query.build().execute(db).await?.rows_affected()
            });
            more |= i64::try_from(rows).is_ok_and(|rows| rows == EXPIRED);
        }
        transaction.commit().await?;
        Ok(more)
    }

    /// Gives some of the file's free pages back to the system, where SQLite has many of them: an eighth of the file stays,
    /// for what comes next. Whether there are more. A database from before this was possible keeps its size, and
    /// uses its free pages again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn give_back(&self) -> Result<bool, StoreError> {
        if self.is_shared() {
            return Ok(false);
        }
        let (free, pages, incremental): (i64, i64, i64) = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT f.freelist_count, p.page_count, a.auto_vacuum
                 FROM pragma_freelist_count f, pragma_page_count p, pragma_auto_vacuum a",
            )
            .fetch_one(db)
            .await?
        });
        if incremental != INCREMENTAL || free - STEP_PAGES < pages / 8 {
            return Ok(false);
        }
        let vacuum = format!("PRAGMA incremental_vacuum({STEP_PAGES})");
        with_db!(self, write, db => {
            sqlx::query(sqlx::AssertSqlSafe(vacuum)).execute(db).await?;
        });
        Ok(true)
    }
}

/// What SQLite says of a database that can give pages back.
const INCREMENTAL: i64 = 2;

impl Oldest {
    /// As many as one call removes.
    pub(crate) fn whatever_their_age(oldest: &[Self]) -> &[Self] {
        going(oldest, STEP_LINES, i64::MAX, 0)
    }
}

/// Those of the oldest that go: as long as there are too many bytes, or they are too old.
fn going(oldest: &[Oldest], most_lines: i64, mut too_many: i64, until: TimestampMs) -> &[Oldest] {
    let mut lines = 0;
    let goes = |(n, invocation): &(usize, &Oldest)| {
        lines += invocation.log_lines;
        let goes = (too_many > 0 || invocation.started_at < until) && (*n == 0 || lines <= most_lines);
        too_many = too_many.saturating_sub(invocation.bytes);
        goes
    };
    let count = oldest.iter().enumerate().take_while(goes).count();
    &oldest[..count]
}

impl From<KeptRow> for KeptRecords {
    fn from(KeptRow { app, limits, bytes, oldest }: KeptRow) -> Self {
        let limits = limits.try_into().map_err(|why: serde_json::Error| why.to_string());
        Self { app, limits, bytes, oldest }
    }
}
