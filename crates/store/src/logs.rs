//! The table `logs`, as it is read. It is written by `record`.

use crate::{Store, StoreError};
use picloud_shared::{
    ids::{AppId, InvocationId},
    names::ScriptName,
    time::TimestampMs,
};
use sqlx::QueryBuilder;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredLog {
    /// Whose line it is.
    #[sqlx(try_from = "String")]
    pub invocation: InvocationId,
    /// The script's name.
    #[sqlx(try_from = "String")]
    pub script: ScriptName,
    /// When it was written.
    pub at: TimestampMs,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text; may hold any character.
    #[sqlx(try_from = "Vec<u8>")]
    pub message: String,
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
        Ok(with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT l.invocation_id AS invocation, s.name AS script, l.at, l.level, l.message
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
        }))
    }

    pub(crate) async fn logs_of(&self, invocation: InvocationId) -> Result<Vec<StoredLog>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT l.invocation_id AS invocation, s.name AS script, l.at, l.level, l.message
                 FROM logs l
                 JOIN invocations i ON i.id = l.invocation_id
                 JOIN scripts s ON s.id = i.script_id
                 WHERE l.invocation_id = $1 ORDER BY l.line",
            )
            .bind(invocation.to_string())
            .fetch_all(db)
            .await?
        }))
    }
}
