//! The table `logs`, as it is read. It is written by `record`.

use crate::{Store, StoreError};
use picloud_shared::{
    ids::{AppId, InvocationId},
    names::ScriptName,
    time::TimestampMs,
};
use serde_json::Value;
use sqlx::QueryBuilder;
use std::collections::BTreeMap;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLog {
    /// Whose line it is.
    pub invocation: InvocationId,
    /// The script's name.
    pub script: ScriptName,
    /// When it was written.
    pub at: TimestampMs,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text; may hold any character.
    pub message: String,
    /// What stands beside it, by name.
    pub fields: BTreeMap<String, Value>,
}

#[derive(sqlx::FromRow)]
struct LogRow {
    #[sqlx(try_from = "String")]
    invocation: InvocationId,
    #[sqlx(try_from = "String")]
    script: ScriptName,
    at: TimestampMs,
    level: String,
    #[sqlx(try_from = "Vec<u8>")]
    message: String,
    #[sqlx(try_from = "Option<Vec<u8>>")]
    fields: Fields,
}

/// A JSON object, or NULL for an empty one.
struct Fields(BTreeMap<String, Value>);

impl TryFrom<Option<Vec<u8>>> for Fields {
    type Error = serde_json::Error;
    fn try_from(json: Option<Vec<u8>>) -> Result<Self, serde_json::Error> {
        json.map_or(Ok(BTreeMap::new()), |json| serde_json::from_slice(&json)).map(Self)
    }
}

impl From<LogRow> for StoredLog {
    fn from(LogRow { invocation, script, at, level, message, fields: Fields(fields) }: LogRow) -> Self {
        Self { invocation, script, at, level, message, fields }
    }
}

/// Which logs to read.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Of one script only.
    pub script: Option<ScriptName>,
    /// Only of invocations older than this one.
    pub before: Option<InvocationId>,
    /// At most of so many invocations; those that wrote nothing do not count.
    pub limit: u32,
}

impl Store {
    /// The logs of an app's newest invocations that wrote any: newest invocation first, its lines in the order written.
    ///
    /// # Errors
    /// When the database fails, or a stored line does not parse.
    pub async fn logs(&self, app: AppId, filter: LogFilter) -> Result<Vec<StoredLog>, StoreError> {
        let rows: Vec<LogRow> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT l.invocation_id AS invocation, s.name AS script, l.at, l.level, l.message, l.fields
                 FROM (SELECT i.id, i.script_id FROM invocations i WHERE i.log_lines > 0 AND i.app_id = ",
            );
            query.push_bind(app.to_string());
            push_filter!(query, app, filter.script, filter.before);
            query.push(" ORDER BY i.id DESC LIMIT ").push_bind(i64::from(filter.limit));
            query.push(
                ") AS i JOIN logs l ON l.invocation_id = i.id JOIN scripts s ON s.id = i.script_id
                 ORDER BY i.id DESC, l.line",
            );
            query.build_query_as().fetch_all(db).await?
        });
        Ok(rows.into_iter().map(StoredLog::from).collect())
    }

    pub(crate) async fn logs_of(&self, invocation: InvocationId) -> Result<Vec<StoredLog>, StoreError> {
        let rows: Vec<LogRow> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT l.invocation_id AS invocation, s.name AS script, l.at, l.level, l.message, l.fields
                 FROM logs l
                 JOIN invocations i ON i.id = l.invocation_id
                 JOIN scripts s ON s.id = i.script_id
                 WHERE l.invocation_id = $1 ORDER BY l.line",
            )
            .bind(invocation.to_string())
            .fetch_all(db)
            .await?
        });
        Ok(rows.into_iter().map(StoredLog::from).collect())
    }
}
