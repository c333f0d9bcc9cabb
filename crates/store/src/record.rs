//! Writing the tables `invocations` and `logs` and the scripts' totals, many at a time.

use crate::{
    Store, StoreError,
    batch::Insert,
    pool::Transaction,
    rows::{to_i64, to_json},
};
use picloud_abi::{invocation::Outcome, log::Level};
use picloud_shared::{
    api::{Call, Diagnostic, Totals, Trigger},
    executor::{Called, LogLine, Report},
    ids::{AppId, InvalidId, InvocationId, ScriptId, VersionId},
    names::ScriptName,
    outcome,
    time::TimestampMs,
};
use sqlx::QueryBuilder;
use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
    sync::{Arc, LazyLock},
};

/// An invocation to be recorded.
#[derive(Clone, Debug)]
pub struct NewInvocation {
    /// The invocation's id.
    pub id: InvocationId,
    /// The script's app.
    pub app: AppId,
    /// What ran.
    pub script: ScriptId,
    /// Which version of it.
    pub version: VersionId,
    /// What started it.
    pub trigger: Trigger,
    /// The invocation that called it.
    pub parent: Option<InvocationId>,
    /// `GET /path` of an HTTP request.
    pub request: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// `ok`, or the code of what went wrong.
    pub outcome: String,
    /// Fuel burnt.
    pub fuel: u64,
    /// Fuel it might have burnt.
    pub fuel_limit: u64,
    /// Peak of linear memory.
    pub memory_bytes: u64,
    /// Wall time in microseconds.
    pub duration_us: u64,
    /// When it began.
    pub started_at: TimestampMs,
    /// The machine that ran it.
    pub node: String,
    /// What went wrong.
    pub error: Option<Diagnostic>,
    /// Its log, in the order written.
    pub logs: Vec<LogLine>,
    /// Log lines that were not kept.
    pub logs_dropped: u32,
    /// Calls to the platform, in order.
    pub calls: Vec<Call>,
}

/// What is known of an invocation when it begins.
#[derive(Clone, Debug)]
pub struct InvocationStart {
    /// The invocation's id.
    pub id: InvocationId,
    /// The script's app.
    pub app: AppId,
    /// What runs.
    pub script: ScriptId,
    /// Which version of it.
    pub version: VersionId,
    /// What starts it.
    pub trigger: Trigger,
    /// `GET /path` of an HTTP request.
    pub request: Option<String>,
    /// Fuel it may burn.
    pub fuel_limit: u64,
    /// When it begins.
    pub started_at: TimestampMs,
    /// The machine that runs it.
    pub node: String,
}

/// An invocation that is over.
#[derive(Debug)]
pub struct Finished {
    /// Its record.
    pub record: NewInvocation,
    /// What it adds to its script's totals.
    pub totals: Totals,
    /// How it ended, which is not stored.
    pub outcome: Outcome,
    /// The same of each script that it called.
    pub called: Vec<(NewInvocation, Totals)>,
}

/// Records, and what they add to their scripts' totals.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// That of what was started first, then those of the scripts that it called.
    pub invocations: Vec<NewInvocation>,
    /// A script may come more than once.
    pub totals: Vec<(ScriptId, Totals)>,
}

impl Finished {
    /// What is to be stored, and how it ended.
    pub fn apart(self) -> (Records, Outcome) {
        let all = [(self.record, self.totals)].into_iter().chain(self.called);
        let apart = |(record, totals): (NewInvocation, Totals)| ((record.script, totals), record);
        let (totals, invocations) = all.map(apart).unzip();
        (Records { invocations, totals }, self.outcome)
    }
}

impl InvocationStart {
    /// What is to be stored.
    pub fn finished(self, mut report: Report) -> Finished {
        let called = std::mem::take(&mut report.called);
        let called = called.into_iter().map(|called| self.called(called)).collect();
        let (record, totals, outcome) = self.recorded(report, None);
        Finished { record, totals, outcome, called }
    }

    /// The record of a script that this invocation called, itself or through others.
    fn called(&self, called: Called) -> (NewInvocation, Totals) {
        let start = Self {
            id: called.id,
            app: self.app,
            script: called.script,
            version: called.version,
            trigger: Trigger::Invoke,
            request: None,
            fuel_limit: called.fuel_limit,
            started_at: called.started_at,
            node: self.node.clone(),
        };
        let (record, totals, _) = start.recorded(called.report, Some(called.parent));
        (record, totals)
    }

    fn recorded(self, report: Report, parent: Option<InvocationId>) -> (NewInvocation, Totals, Outcome) {
        let (totals, calls) = (outcome::totals(&report), outcome::calls(&report));
        let Report { outcome, fuel, memory_bytes, duration, logs, logs_dropped, .. } = report;
        let record = NewInvocation {
            id: self.id,
            app: self.app,
            script: self.script,
            version: self.version,
            trigger: self.trigger,
            parent,
            request: self.request,
            status: outcome::status(&outcome),
            outcome: outcome::word(&outcome).to_owned(),
            fuel,
            fuel_limit: self.fuel_limit,
            memory_bytes,
            duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            started_at: self.started_at,
            node: self.node,
            error: outcome::error(&outcome),
            logs,
            logs_dropped,
            calls,
        };
        (record, totals, outcome)
    }
}

static INVOCATIONS: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "invocations",
        "id, app_id, script_id, version, trigger_kind, parent, request, status, outcome, fuel, fuel_limit, memory_bytes,
            duration_us, started_at, node, error_message, error_script, error_line, error_column, calls, log_lines,
            logs_dropped",
    )
});

static LOGS: LazyLock<Insert> =
    LazyLock::new(|| Insert::into("logs", "invocation_id, line, at, level, message, fields"));

/// Ids in one list of a statement, far below the databases' bounds for parameters.
const IDS: usize = 1_000;

/// What a batch's records refer to, where it exists.
struct Known {
    scripts: HashMap<ScriptId, KnownScript>,
    /// The numbers of versions.
    versions: HashMap<VersionId, i64>,
}

/// Its ids as text are shared by all of its rows.
struct KnownScript {
    app: AppId,
    app_text: Arc<str>,
    text: Arc<str>,
}

/// A record whose script and version exist.
struct Row<'a> {
    record: &'a NewInvocation,
    id: Arc<str>,
    app: Arc<str>,
    script: Arc<str>,
    version: i64,
}

impl Known {
    fn row<'a>(&self, record: &'a NewInvocation) -> Option<Row<'a>> {
        let script = self.scripts.get(&record.script).filter(|script| script.app == record.app)?;
        let version = *self.versions.get(&record.version)?;
        let (app, script) = (Arc::clone(&script.app_text), Arc::clone(&script.text));
        Some(Row { record, id: record.id.to_string().into(), app, script, version })
    }
}

impl Store {
    /// Records invocations and adds to scripts' totals, all or nothing. What belongs to a script or an app that has
    /// been deleted meanwhile is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn record(&self, invocations: &[NewInvocation], totals: &[(ScriptId, Totals)]) -> Result<(), StoreError> {
        if invocations.is_empty() && totals.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        self.record_in(&mut transaction, invocations, totals).await?;
        Ok(transaction.commit().await?)
    }

    /// [`Store::record`], together with what else the transaction does.
    pub(crate) async fn record_in(
        &self,
        transaction: &mut Transaction,
        invocations: &[NewInvocation],
        totals: &[(ScriptId, Totals)],
    ) -> Result<(), StoreError> {
        let scripts = invocations.iter().map(|i| i.script).chain(totals.iter().map(|(script, _)| *script)).collect();
        let known = Known {
            scripts: self.lock_scripts(&mut *transaction, scripts).await?,
            versions: self.version_numbers(&mut *transaction, invocations.iter().map(|i| i.version).collect()).await?,
        };
        for (script, totals) in totals.iter().filter(|(script, _)| known.scripts.contains_key(script)) {
            self.add_totals(&mut *transaction, *script, totals).await?;
        }
        let rows: Vec<Row> = invocations.iter().filter_map(|record| known.row(record)).collect();
        self.insert_invocations(&mut *transaction, &rows).await?;
        let lines: Vec<(&Arc<str>, i64, &LogLine)> =
            rows.iter().flat_map(|row| (0..).zip(&row.record.logs).map(|(n, line)| (&row.id, n, line))).collect();
        self.insert_logs(transaction, &lines).await
    }

    /// Those of the scripts that exist, which keep existing until the transaction ends. Locked in the order of
    /// their ids, so that two nodes recording the same scripts never wait for each other in a circle.
    async fn lock_scripts(
        &self,
        transaction: &mut Transaction,
        scripts: BTreeSet<ScriptId>,
    ) -> Result<HashMap<ScriptId, KnownScript>, StoreError> {
        let lock = match transaction {
            Transaction::Sqlite(_) => "",
            Transaction::Postgres(_) => " FOR NO KEY UPDATE",
        };
        let scripts: Vec<String> = scripts.iter().map(ScriptId::to_string).collect();
        let mut known = HashMap::new();
        for scripts in scripts.chunks(IDS) {
            let found: Vec<(String, String)> = with_db!(self, &mut *transaction, db => {
                let mut query = QueryBuilder::new("SELECT id, app_id FROM scripts WHERE id IN (");
                push_list!(query, scripts);
                query.push(") ORDER BY id").push(lock);
                query.build_query_as().persistent(false).fetch_all(db).await?
            });
            for (script, app) in found {
                let (id, app_id) = (stored_id(&script)?, stored_id(&app)?);
                known.insert(id, KnownScript { app: app_id, app_text: app.into(), text: script.into() });
            }
        }
        Ok(known)
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
        script: ScriptId,
        totals: &Totals,
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query(
                "UPDATE scripts SET invocations = invocations + $2, failures = failures + $3, fuel = fuel + $4,
                    duration_us = duration_us + $5, dropped_records = dropped_records + $6,
                    dropped_logs = dropped_logs + $7
                 WHERE id = $1",
            )
            .bind(script.to_string())
            .bind(totals.invocations)
            .bind(totals.failures)
            .bind(totals.fuel)
            .bind(totals.duration_us)
            .bind(totals.dropped_records)
            .bind(totals.dropped_logs)
            .execute(db)
            .await?;
        });
        Ok(())
    }

    async fn insert_invocations(&self, transaction: &mut Transaction, rows: &[Row<'_>]) -> Result<(), StoreError> {
        // Most records have the same few words in common.
        let mut words = Words::default();
        for (statement, rows) in INVOCATIONS.split(transaction, rows) {
            with_db!(self, &mut *transaction, db => {
                let mut query = sqlx::query(statement);
                for Row { record, id, app, script, version } in rows {
                    let error = record.error.as_ref();
                    query = query
                        .bind(Arc::clone(id))
                        .bind(Arc::clone(app))
                        .bind(Arc::clone(script))
                        .bind(*version)
                        .bind(words.shared(record.trigger.as_str()))
                        .bind(record.parent.map(|parent| parent.to_string()))
                        .bind(record.request.as_ref().map(String::as_bytes))
                        .bind(i64::from(record.status))
                        .bind(words.shared(&record.outcome))
                        .bind(to_i64(record.fuel))
                        .bind(to_i64(record.fuel_limit))
                        .bind(to_i64(record.memory_bytes))
                        .bind(to_i64(record.duration_us))
                        .bind(record.started_at)
                        .bind(words.shared(&record.node))
                        .bind(error.map(|e| e.message.as_bytes()))
                        .bind(error.and_then(|e| e.script.as_ref()).map(ScriptName::as_str))
                        .bind(error.and_then(|e| e.line).map(i64::from))
                        .bind(error.and_then(|e| e.column).map(i64::from))
                        .bind(if record.calls.is_empty() { words.shared("[]") } else { to_json(&record.calls)?.into() })
                        .bind(to_i64(record.logs.len() as u64))
                        .bind(i64::from(record.logs_dropped));
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
