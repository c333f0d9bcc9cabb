//! Writing the tables `invocations` and `logs`, the scripts' totals and, with `stats`, what they come to by time, many at a
//! time. Rows are locked in the order scripts, `app_records`.

use crate::{
    NewInvocation, Store, StoreError,
    batch::Insert,
    pool::Transaction,
    recorded::Written,
    rows::{to_i64, to_json},
};
use picloud_abi::log::Level;
use picloud_shared::{
    api::{Totals, Trigger},
    executor::LogLine,
    ids::{AppId, InvalidId, ScriptId, VersionId},
    names::ScriptName,
    outcome,
    tally::Tally,
};
use sqlx::QueryBuilder;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    str::FromStr,
    sync::{Arc, LazyLock},
};

/// What every record has.
const COLUMNS: &str = "id, app_id, script_id, version, request, status, fuel, fuel_limit, memory_bytes, duration_us, started_at, node, bytes";
/// What an answered request has that called nothing which may wait, and left no log.
const PLAIN: [(&str, &str); 5] =
    [("trigger_kind", "'http'"), ("outcome", "'ok'"), ("calls", "'[]'"), ("log_lines", "0"), ("logs_dropped", "0")];
/// What others have beside [`COLUMNS`].
const MORE_COLUMNS: &str = "trigger_kind, parent, outcome, error_message, error_script, error_line, error_column, calls, log_lines, logs_dropped, log_seq";

static PLAIN_INVOCATIONS: LazyLock<Insert> = LazyLock::new(|| Insert::with_constants("invocations", COLUMNS, &PLAIN));

static INVOCATIONS: LazyLock<Insert> =
    LazyLock::new(|| Insert::into("invocations", &format!("{COLUMNS}, {MORE_COLUMNS}")));

static LOGS: LazyLock<Insert> =
    LazyLock::new(|| Insert::into("logs", "invocation_id, line, at, level, message, fields"));

/// Ids in one list of a statement, far below the databases' bounds for parameters.
const IDS: usize = 1_000;

/// What a batch's records refer to, where it exists.
pub(crate) struct Known {
    pub(crate) scripts: HashMap<ScriptId, KnownScript>,
    /// The numbers of versions.
    versions: HashMap<VersionId, i64>,
}

/// Its ids as text are shared by all of its rows.
pub(crate) struct KnownScript {
    app: AppId,
    pub(crate) app_text: Arc<str>,
    pub(crate) text: Arc<str>,
}

/// A record whose script and version exist.
struct Row<'a> {
    record: &'a NewInvocation,
    id: Arc<str>,
    app: Arc<str>,
    script: Arc<str>,
    version: i64,
    /// As JSON.
    calls: Arc<str>,
    bytes: i64,
    /// Of one with logs.
    log_seq: Option<i64>,
}

/// Binds [`COLUMNS`].
macro_rules! bind_columns {
    ($query:expr, $row:expr) => {
        $query
            .bind(Arc::clone(&$row.id))
            .bind(Arc::clone(&$row.app))
            .bind(Arc::clone(&$row.script))
            .bind($row.version)
            .bind($row.record.request.as_ref().map(String::as_bytes))
            .bind(i64::from($row.record.status))
            .bind(to_i64($row.record.fuel))
            .bind(to_i64($row.record.fuel_limit))
            .bind(to_i64($row.record.memory_bytes))
            .bind(to_i64($row.record.duration_us))
            .bind($row.record.started_at)
            .bind(Arc::clone(&$row.record.node))
            .bind($row.bytes)
    };
}

impl Row<'_> {
    /// Whether it has nothing but [`COLUMNS`] and what is [`PLAIN`].
    fn is_plain(&self) -> bool {
        // All by name, first those of [`COLUMNS`]: what comes to a record one day has to be put on one side.
        let NewInvocation {
            id: _,
            app: _,
            script: _,
            version: _,
            request: _,
            status: _,
            fuel: _,
            fuel_limit: _,
            memory_bytes: _,
            duration_us: _,
            started_at: _,
            node: _,
            trigger,
            outcome,
            parent,
            error,
            logs,
            logs_dropped,
            calls,
        } = self.record;
        *trigger == Trigger::Http
            && *outcome == outcome::OK
            && (parent.is_none() && error.is_none())
            && (logs.is_empty() && *logs_dropped == 0 && calls.is_empty())
    }
}

/// What an invocation takes beside its texts, and a line of its log, the indexes included: estimates, from the widths of the
/// columns. `cargo xtask bench records` prints what a record is taken for beside what it takes in SQLite's file.
const RECORD_BYTES: usize = 700;
const LINE_BYTES: usize = 100;

/// About what a record takes in the database.
fn record_bytes(record: &NewInvocation, calls: &str) -> i64 {
    let line = |line: &LogLine| LINE_BYTES + line.message.len() + line.fields.as_ref().map_or(0, String::len);
    let texts = record.request.as_ref().map_or(0, String::len)
        + record.error.as_ref().map_or(0, |error| error.message.len())
        + calls.len();
    let bytes = RECORD_BYTES + texts + record.logs.iter().map(line).sum::<usize>();
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

impl Known {
    fn row<'a>(&self, record: &'a NewInvocation, no_calls: &Arc<str>) -> Result<Option<Row<'a>>, StoreError> {
        let script = self.scripts.get(&record.script).filter(|script| script.app == record.app);
        let Some((script, &version)) = script.zip(self.versions.get(&record.version)) else { return Ok(None) };
        let (app, script) = (Arc::clone(&script.app_text), Arc::clone(&script.text));
        let calls = if record.calls.is_empty() { Arc::clone(no_calls) } else { to_json(&record.calls)?.into() };
        let bytes = record_bytes(record, &calls);
        Ok(Some(Row { record, id: record.id.into(), app, script, version, calls, bytes, log_seq: None }))
    }
}

impl Store {
    /// Records invocations, and counts what scripts' invocations come to, all or nothing. What belongs to a script or an app
    /// that has been deleted meanwhile is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(
        &self,
        invocations: &[NewInvocation],
        tallies: &HashMap<ScriptId, Tally>,
    ) -> Result<(), StoreError> {
        if invocations.is_empty() && tallies.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let written = self.record_in(&mut transaction, invocations, tallies).await?;
        transaction.commit().await?;
        self.tell_recorded(&written);
        Ok(())
    }

    /// Records invocations, and counts each of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record_all(&self, invocations: &[NewInvocation]) -> Result<(), StoreError> {
        self.record(invocations, &tallies(invocations)).await
    }

    /// [`Store::record`], together with what else the transaction does. What it gives is for [`Store::tell_recorded`].
    pub(crate) async fn record_in(
        &self,
        transaction: &mut Transaction,
        invocations: &[NewInvocation],
        tallies: &HashMap<ScriptId, Tally>,
    ) -> Result<Vec<Written>, StoreError> {
        let scripts = invocations.iter().map(|i| i.script).chain(tallies.keys().copied()).collect();
        let known = Known {
            scripts: self.lock_scripts(&mut *transaction, scripts).await?,
            versions: self.version_numbers(&mut *transaction, invocations.iter().map(|i| i.version).collect()).await?,
        };
        let no_calls = "[]".into();
        let rows = invocations.iter().filter_map(|record| known.row(record, &no_calls).transpose());
        let mut rows = rows.collect::<Result<Vec<Row>, StoreError>>()?;
        self.add_totals(&mut *transaction, &known, tallies, &rows).await?;
        let written = self.hold_records(&mut *transaction, &known, &mut rows).await?;
        self.insert_invocations(&mut *transaction, &rows).await?;
        let lines: Vec<(&Arc<str>, i64, &LogLine)> =
            rows.iter().flat_map(|row| (0..).zip(&row.record.logs).map(|(n, line)| (&row.id, n, line))).collect();
        self.insert_logs(&mut *transaction, &lines).await?;
        self.add_stats(transaction, &known, tallies).await?;
        Ok(written)
    }

    /// Holds the rows of the apps, in the order of their ids, so that what is counted of an app is counted by one at a time,
    /// and numbers those of its records that have logs in the order in which they are committed.
    async fn hold_records(
        &self,
        transaction: &mut Transaction,
        known: &Known,
        rows: &mut [Row<'_>],
    ) -> Result<Vec<Written>, StoreError> {
        let nothing = |app| (Written { app, bytes: 0, logs: false }, 0_i64);
        let mut apps: BTreeMap<&str, (Written, i64)> =
            known.scripts.values().map(|script| (&*script.app_text, nothing(script.app))).collect();
        for row in rows.iter() {
            if let Some((written, with_logs)) = apps.get_mut(&*row.app) {
                written.bytes += row.bytes;
                *with_logs += i64::from(!row.record.logs.is_empty());
            }
        }
        let mut before = HashMap::new();
        for (app, (written, with_logs)) in &mut apps {
            let last: i64 = with_db!(self, &mut *transaction, db => {
                sqlx::query_scalar(
                    "INSERT INTO app_records (app_id, log_seq) VALUES ($1, $2)
                     ON CONFLICT (app_id) DO UPDATE SET log_seq = app_records.log_seq + $2
                     RETURNING log_seq",
                )
                .bind(*app)
                .bind(*with_logs)
                .fetch_one(db)
                .await?
            });
            before.insert(written.app, last - *with_logs);
            written.logs = *with_logs > 0;
        }
        for row in rows.iter_mut().filter(|row| !row.record.logs.is_empty()) {
            if let Some(before) = before.get_mut(&row.record.app) {
                *before += 1;
                row.log_seq = Some(*before);
            }
        }
        Ok(apps.into_values().map(|(written, _)| written).collect())
    }

    async fn lock_scripts(
        &self,
        transaction: &mut Transaction,
        scripts: BTreeSet<ScriptId>,
    ) -> Result<HashMap<ScriptId, KnownScript>, StoreError> {
        let scripts: Vec<String> = scripts.iter().map(ScriptId::to_string).collect();
        let mut known = HashMap::new();
        for (script, app) in self.lock_rows_of_scripts(transaction, &scripts, true).await? {
            let (id, app_id) = (stored_id(&script)?, stored_id(&app)?);
            known.insert(id, KnownScript { app: app_id, app_text: app.into(), text: script.into() });
        }
        Ok(known)
    }

    /// Those of the scripts that exist, with their apps, which keep existing until the transaction ends. They are given, and
    /// locked, in the order of their ids, so that two nodes recording the same scripts never wait for each other in a circle.
    /// Where it is asked for what `lives`, those that were deleted and wait to be removed do not exist.
    pub(crate) async fn lock_rows_of_scripts(
        &self,
        transaction: &mut Transaction,
        scripts: &[String],
        lives: bool,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let lock = match transaction {
            Transaction::Sqlite(_) => "",
            Transaction::Postgres(_) => " FOR NO KEY UPDATE",
        };
        let mut rows = Vec::with_capacity(scripts.len());
        for scripts in scripts.chunks(IDS) {
            let found: Vec<(String, String)> = with_db!(self, &mut *transaction, db => {
                let mut query = QueryBuilder::new("SELECT id, app_id FROM scripts WHERE id IN (");
                push_list!(query, scripts);
                query.push(if lives { ") AND app_id IN (SELECT id FROM apps WHERE NOT gone)" } else { ")" });
                query.push(" ORDER BY id").push(lock);
                query.build_query_as().persistent(false).fetch_all(db).await?
            });
            rows.extend(found);
        }
        Ok(rows)
    }

    async fn version_numbers(
        &self,
        transaction: &mut Transaction,
        versions: BTreeSet<VersionId>,
    ) -> Result<HashMap<VersionId, i64>, StoreError> {
        let versions: Vec<String> = versions.iter().map(VersionId::to_string).collect();
        let mut numbers = HashMap::new();
        for versions in versions.chunks(IDS) {
            let found: Vec<(String, i64)> = with_db!(self, &mut *transaction, db => {
                let mut query = QueryBuilder::new("SELECT id, number FROM versions WHERE id IN (");
                push_list!(query, versions);
                query.push(")");
                query.build_query_as().persistent(false).fetch_all(db).await?
            });
            for (version, number) in found {
                numbers.insert(stored_id(&version)?, number);
            }
        }
        Ok(numbers)
    }

    async fn add_totals(
        &self,
        transaction: &mut Transaction,
        known: &Known,
        tallies: &HashMap<ScriptId, Tally>,
        rows: &[Row<'_>],
    ) -> Result<(), StoreError> {
        let mut added: HashMap<ScriptId, (Totals, i64)> =
            tallies.iter().map(|(script, tally)| (*script, (tally.totals(), 0))).collect();
        for row in rows {
            added.entry(row.record.script).or_default().1 += row.bytes;
        }
        for (script, (totals, bytes)) in added {
            let Some(KnownScript { text, .. }) = known.scripts.get(&script) else { continue };
            with_db!(self, &mut *transaction, db => {
                sqlx::query(
                    "UPDATE scripts SET invocations = invocations + $2, failures = failures + $3, fuel = fuel + $4,
                        duration_us = duration_us + $5, dropped_records = dropped_records + $6,
                        dropped_logs = dropped_logs + $7, record_bytes = record_bytes + $8
                     WHERE id = $1",
                )
                .bind(Arc::clone(text))
                .bind(totals.invocations)
                .bind(totals.failures)
                .bind(totals.fuel)
                .bind(totals.duration_us)
                .bind(totals.dropped_records)
                .bind(totals.dropped_logs)
                .bind(bytes)
                .execute(db)
                .await?;
            });
        }
        Ok(())
    }

    async fn insert_invocations(&self, transaction: &mut Transaction, rows: &[Row<'_>]) -> Result<(), StoreError> {
        // Most records have the same few words in common.
        let mut words = Words::default();
        // Most are plain, and each value that is bound is copied twice.
        let (plain, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_plain());
        for (statement, rows) in PLAIN_INVOCATIONS.split(transaction, &plain) {
            with_db!(self, &mut *transaction, db => {
                let mut query = sqlx::query(statement);
                for row in rows {
                    query = bind_columns!(query, row);
                }
                query.execute(db).await?;
            });
        }
        for (statement, rows) in INVOCATIONS.split(transaction, &others) {
            with_db!(self, &mut *transaction, db => {
                let mut query = sqlx::query(statement);
                for row in rows {
                    let Row { record, calls, log_seq, .. } = row;
                    let error = record.error.as_ref();
                    query = bind_columns!(query, row)
                        .bind(words.shared(record.trigger.as_str()))
                        .bind(record.parent.map(|parent| parent.to_string()))
                        .bind(words.shared(record.outcome))
                        .bind(error.map(|e| e.message.as_bytes()))
                        .bind(error.and_then(|e| e.script.as_ref()).map(ScriptName::as_str))
                        .bind(error.and_then(|e| e.line).map(i64::from))
                        .bind(error.and_then(|e| e.column).map(i64::from))
                        .bind(Arc::clone(calls))
                        .bind(to_i64(record.logs.len() as u64))
                        .bind(i64::from(record.logs_dropped))
                        .bind(*log_seq);
                }
                query.execute(db).await?;
            });
        }
        Ok(())
    }

    async fn insert_logs(
        &self,
        transaction: &mut Transaction,
        lines: &[(&Arc<str>, i64, &LogLine)],
    ) -> Result<(), StoreError> {
        let mut words = Words::default();
        for (statement, lines) in LOGS.split(transaction, lines) {
            with_db!(self, &mut *transaction, db => {
                let mut query = sqlx::query(statement);
                for &(invocation, n, line) in lines {
                    query = query
                        .bind(Arc::clone(invocation))
                        .bind(n)
                        .bind(line.at)
                        .bind(words.shared(stored_level(line.level)))
                        .bind(line.message.as_bytes())
                        .bind(line.fields.as_ref().map(String::as_bytes));
                }
                query.execute(db).await?;
            });
        }
        Ok(())
    }
}

/// What each script's invocations come to.
pub(crate) fn tallies(invocations: &[NewInvocation]) -> HashMap<ScriptId, Tally> {
    let mut tallies: HashMap<ScriptId, Tally> = HashMap::new();
    for invocation in invocations {
        tallies.entry(invocation.script).or_default().add(&invocation.counted());
    }
    tallies
}

/// The texts that a batch repeats, each allocated once.
#[derive(Default)]
struct Words(Vec<Arc<str>>);

impl Words {
    fn shared(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| known.as_ref() == word) {
            return Arc::clone(known);
        }
        let word: Arc<str> = word.into();
        // A batch has a handful; one that has many gains nothing by being searched.
        if self.0.len() < MOST_WORDS {
            self.0.push(Arc::clone(&word));
        }
        word
    }
}

/// Triggers, outcomes and the node's name: more than most batches have.
const MOST_WORDS: usize = 16;

/// An id as it was read from the database.
fn stored_id<T: FromStr<Err = InvalidId>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error: InvalidId| StoreError::from(sqlx::Error::Decode(error.into())))
}

const fn stored_level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}
