//! Writing the tables `invocations` and `logs` and the scripts' totals, many at a time.

use crate::{
    Store, StoreError,
    pool::Transaction,
    rows::{to_i64, to_json},
};
use picloud_abi::{invocation::Outcome, log::Level};
use picloud_shared::{
    api::{Call, Diagnostic, Totals, Trigger},
    executor::{LogLine, Report},
    ids::{AppId, InvocationId, ScriptId, VersionId},
    outcome,
    time::TimestampMs,
};
use sqlx::QueryBuilder;
use std::collections::{BTreeSet, HashMap};

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

impl InvocationStart {
    /// The record, what it adds to the script's totals, and the outcome, which is not stored.
    pub fn finished(self, report: Report) -> (NewInvocation, Totals, Outcome) {
        let (totals, calls) = (outcome::totals(&report), outcome::calls(&report));
        let Report { outcome, fuel, memory_bytes, duration, logs, logs_dropped, .. } = report;
        let record = NewInvocation {
            id: self.id,
            app: self.app,
            script: self.script,
            version: self.version,
            trigger: self.trigger,
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

/// Rows of one statement: 20 columns of 1,000 rows stay below SQLite's 32,766 parameters and PostgreSQL's 65,535.
const ROWS: usize = 1_000;

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
        let scripts = invocations.iter().map(|i| i.script).chain(totals.iter().map(|(script, _)| *script)).collect();
        let apps = self.lock_scripts(&mut transaction, scripts).await?;
        let numbers = self.version_numbers(&mut transaction, invocations.iter().map(|i| i.version).collect()).await?;
        for (script, totals) in totals.iter().filter(|(script, _)| apps.contains_key(&script.to_string())) {
            self.add_totals(&mut transaction, *script, totals).await?;
        }
        let rows: Vec<(&NewInvocation, i64)> = invocations
            .iter()
            .filter(|i| apps.get(&i.script.to_string()) == Some(&i.app.to_string()))
            .filter_map(|i| Some((i, *numbers.get(&i.version.to_string())?)))
            .collect();
        for rows in rows.chunks(ROWS) {
            self.insert_invocations(&mut transaction, rows).await?;
        }
        let lines: Vec<(InvocationId, i64, &LogLine)> =
            rows.iter().flat_map(|(i, _)| (0..).zip(&i.logs).map(|(n, line)| (i.id, n, line))).collect();
        for lines in lines.chunks(ROWS) {
            self.insert_logs(&mut transaction, lines).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// The apps of those scripts that exist, which keep existing until the transaction ends. Locked in the order of
    /// their ids, so that two nodes recording the same scripts never wait for each other in a circle.
    async fn lock_scripts(
        &self,
        transaction: &mut Transaction,
        scripts: BTreeSet<ScriptId>,
    ) -> Result<HashMap<String, String>, StoreError> {
        let lock = match transaction {
            Transaction::Sqlite(_) => "",
            Transaction::Postgres(_) => " FOR NO KEY UPDATE",
        };
        let scripts: Vec<String> = scripts.iter().map(ScriptId::to_string).collect();
        let mut apps = HashMap::new();
        for scripts in scripts.chunks(ROWS) {
            let found: Vec<(String, String)> = with_db!(self, &mut *transaction, db => {
                let mut query = QueryBuilder::new("SELECT id, app_id FROM scripts WHERE id IN (");
                push_list!(query, scripts);
                query.push(") ORDER BY id").push(lock);
                query.build_query_as().persistent(false).fetch_all(db).await?
            });
            apps.extend(found);
        }
        Ok(apps)
    }

    async fn version_numbers(
        &self,
        transaction: &mut Transaction,
        versions: BTreeSet<VersionId>,
    ) -> Result<HashMap<String, i64>, StoreError> {
        let versions: Vec<String> = versions.iter().map(VersionId::to_string).collect();
        let mut numbers = HashMap::new();
        for versions in versions.chunks(ROWS) {
            let found: Vec<(String, i64)> = with_db!(self, &mut *transaction, db => {
                let mut query = QueryBuilder::new("SELECT id, number FROM versions WHERE id IN (");
                push_list!(query, versions);
                query.push(")");
                query.build_query_as().persistent(false).fetch_all(db).await?
            });
            numbers.extend(found);
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

    async fn insert_invocations(
        &self,
        transaction: &mut Transaction,
        rows: &[(&NewInvocation, i64)],
    ) -> Result<(), StoreError> {
        let calls = rows.iter().map(|(i, _)| to_json(&i.calls)).collect::<Result<Vec<_>, _>>()?;
        with_db!(self, transaction, db => {
            let mut query = QueryBuilder::new(
                "INSERT INTO invocations (id, app_id, script_id, version, trigger_kind, request, status, outcome, fuel,
                    fuel_limit, memory_bytes, duration_us, started_at, node, error_message, error_line, error_column,
                    calls, log_lines, logs_dropped) ",
            );
            query.push_values(rows.iter().zip(calls), |mut row, ((i, version), calls)| {
                let error = i.error.as_ref();
                row.push_bind(i.id.to_string())
                    .push_bind(i.app.to_string())
                    .push_bind(i.script.to_string())
                    .push_bind(*version)
                    .push_bind(i.trigger.as_str())
                    .push_bind(i.request.as_ref().map(String::as_bytes))
                    .push_bind(i64::from(i.status))
                    .push_bind(i.outcome.as_str())
                    .push_bind(to_i64(i.fuel))
                    .push_bind(to_i64(i.fuel_limit))
                    .push_bind(to_i64(i.memory_bytes))
                    .push_bind(to_i64(i.duration_us))
                    .push_bind(i.started_at)
                    .push_bind(i.node.as_str())
                    .push_bind(error.map(|e| e.message.as_bytes()))
                    .push_bind(error.and_then(|e| e.line).map(i64::from))
                    .push_bind(error.and_then(|e| e.column).map(i64::from))
                    .push_bind(calls)
                    .push_bind(to_i64(i.logs.len() as u64))
                    .push_bind(i64::from(i.logs_dropped));
            });
            query.build().persistent(false).execute(db).await?;
        });
        Ok(())
    }

    async fn insert_logs(
        &self,
        transaction: &mut Transaction,
        lines: &[(InvocationId, i64, &LogLine)],
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            let mut query = QueryBuilder::new("INSERT INTO logs (invocation_id, line, at, level, message) ");
            query.push_values(lines, |mut row, (invocation, n, line)| {
                row.push_bind(invocation.to_string())
                    .push_bind(*n)
                    .push_bind(line.at)
                    .push_bind(stored_level(line.level))
                    .push_bind(line.message.as_bytes());
            });
            query.build().persistent(false).execute(db).await?;
        });
        Ok(())
    }
}

const fn stored_level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}
