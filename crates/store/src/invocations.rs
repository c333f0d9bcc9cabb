//! The table `invocations`, as it is read. It is written by `record`.

use crate::{
    Store, StoreError, StoredLog,
    rows::{Json, Optional, OptionalText},
};
use picloud_shared::{
    api::{Call, Diagnostic, Trigger},
    ids::{AppId, InvocationId},
    names::{InvalidName, ScriptName},
    time::TimestampMs,
};
use sqlx::QueryBuilder;

/// A recorded invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The invocation's id.
    pub id: InvocationId,
    /// The script's name.
    pub script: ScriptName,
    /// The version's number.
    pub version: i64,
    /// What started it.
    pub trigger: Trigger,
    /// The invocation that called it, if one did.
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
    /// Log lines that were not kept.
    pub logs_dropped: u32,
    /// Calls to the platform, in order.
    pub calls: Vec<Call>,
}

/// Which invocations to list.
#[derive(Clone, Debug, Default)]
pub struct InvocationFilter {
    /// Of one script only.
    pub script: Option<ScriptName>,
    /// Only those that failed, or only those that did not.
    pub failed: Option<bool>,
    /// Only those older than this one.
    pub before: Option<InvocationId>,
    /// At most so many.
    pub limit: u32,
}

#[derive(sqlx::FromRow)]
struct InvocationRow {
    #[sqlx(try_from = "String")]
    id: InvocationId,
    #[sqlx(try_from = "String")]
    script: ScriptName,
    version: i64,
    #[sqlx(try_from = "String")]
    trigger_kind: Trigger,
    #[sqlx(try_from = "Option<String>")]
    parent: Optional<InvocationId>,
    #[sqlx(try_from = "Option<Vec<u8>>")]
    request: OptionalText,
    #[sqlx(try_from = "i64")]
    status: u16,
    outcome: String,
    #[sqlx(try_from = "i64")]
    fuel: u64,
    #[sqlx(try_from = "i64")]
    fuel_limit: u64,
    #[sqlx(try_from = "i64")]
    memory_bytes: u64,
    #[sqlx(try_from = "i64")]
    duration_us: u64,
    started_at: TimestampMs,
    node: String,
    #[sqlx(try_from = "Option<Vec<u8>>")]
    error_message: OptionalText,
    #[sqlx(try_from = "Option<String>")]
    error_script: OptionalName,
    #[sqlx(try_from = "Option<i64>")]
    error_line: OptionalPosition,
    #[sqlx(try_from = "Option<i64>")]
    error_column: OptionalPosition,
    #[sqlx(try_from = "i64")]
    logs_dropped: u32,
    #[sqlx(try_from = "String")]
    calls: Json<Vec<Call>>,
}

/// A script's name, or NULL.
struct OptionalName(Option<ScriptName>);

impl TryFrom<Option<String>> for OptionalName {
    type Error = InvalidName;
    fn try_from(name: Option<String>) -> Result<Self, Self::Error> {
        name.map(ScriptName::try_from).transpose().map(Self)
    }
}

/// A line or a column, or NULL.
struct OptionalPosition(Option<u32>);

impl TryFrom<Option<i64>> for OptionalPosition {
    type Error = std::num::TryFromIntError;
    fn try_from(number: Option<i64>) -> Result<Self, Self::Error> {
        number.map(u32::try_from).transpose().map(Self)
    }
}

impl From<InvocationRow> for Invocation {
    fn from(row: InvocationRow) -> Self {
        let (script, line, column) = (row.error_script.0, row.error_line.0, row.error_column.0);
        Self {
            id: row.id,
            script: row.script,
            version: row.version,
            trigger: row.trigger_kind,
            parent: row.parent.0,
            request: row.request.0,
            status: row.status,
            outcome: row.outcome,
            fuel: row.fuel,
            fuel_limit: row.fuel_limit,
            memory_bytes: row.memory_bytes,
            duration_us: row.duration_us,
            started_at: row.started_at,
            node: row.node,
            error: row.error_message.0.map(|message| Diagnostic { message, script, line, column }),
            logs_dropped: row.logs_dropped,
            calls: row.calls.0,
        }
    }
}

const SELECT_INVOCATIONS: &str = "
    SELECT i.id, s.name AS script, i.version, i.trigger_kind, i.parent, i.request, i.status, i.outcome, i.fuel, i.fuel_limit,
        i.memory_bytes, i.duration_us, i.started_at, i.node, i.error_message, i.error_script, i.error_line,
        i.error_column, i.logs_dropped, i.calls
    FROM invocations i JOIN scripts s ON s.id = i.script_id
    WHERE i.app_id = ";

impl Store {
    /// The invocations of an app, newest first.
    ///
    /// # Errors
    /// When the database fails, or a stored invocation does not parse.
    pub async fn invocations(&self, app: AppId, filter: InvocationFilter) -> Result<Vec<Invocation>, StoreError> {
        let rows: Vec<InvocationRow> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(SELECT_INVOCATIONS);
            query.push_bind(app.to_string());
            push_filter!(query, app, filter.script, filter.before);
            match filter.failed {
                Some(true) => query.push(" AND i.outcome <> 'ok'"),
                Some(false) => query.push(" AND i.outcome = 'ok'"),
                None => &mut query,
            };
            query.push(" ORDER BY i.id DESC LIMIT ").push_bind(i64::from(filter.limit));
            query.build_query_as().fetch_all(db).await?
        });
        Ok(rows.into_iter().map(Invocation::from).collect())
    }

    /// One invocation with its log, in the order written.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn invocation(
        &self,
        app: AppId,
        id: InvocationId,
    ) -> Result<Option<(Invocation, Vec<StoredLog>)>, StoreError> {
        let row: Option<InvocationRow> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(SELECT_INVOCATIONS);
            query.push_bind(app.to_string()).push(" AND i.id = ").push_bind(id.to_string());
            query.build_query_as().fetch_optional(db).await?
        });
        let Some(row) = row else { return Ok(None) };
        Ok(Some((row.into(), self.logs_of(id).await?)))
    }
}
