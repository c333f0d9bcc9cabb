//! The table `logs`, as it is read, backwards page by page. It is written by `record`, and followed by `tail`.

use crate::{
    Found, Store, StoreError,
    page::{BYTES, fitting},
};
use picloud_shared::{
    api::{LogLevel, StatusFilter},
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
pub(crate) struct LogRow {
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
    /// Of one invocation only.
    pub invocation: Option<InvocationId>,
    /// Only of invocations that ended so.
    pub status: Option<StatusFilter>,
    /// Only lines that are at least so important.
    pub level: Option<LogLevel>,
    /// Only lines that have this in their text.
    pub text: Option<String>,
    /// Only lines written then or later.
    pub since: Option<TimestampMs>,
    /// Only of invocations older than this one.
    pub before: Option<InvocationId>,
    /// At most of so many invocations; those without such lines do not count.
    pub limit: u32,
}

/// Invocations whose lines are looked at for one page, and how many lines these may have: what is rare takes no longer to look
/// for than what is frequent, and no page is larger than that, but for one that one invocation alone fills.
const LOOKED_AT: i64 = 2_000;
/// See [`LOOKED_AT`].
const LINES: i64 = 20_000;

/// So long may an invocation have run when it writes a line. Longer, and `since` may leave out its first lines.
const LONGEST: i64 = 600_000;

impl LogFilter {
    fn is_looked_for(&self) -> bool {
        self.status.is_some() || self.level.is_some() || self.text.is_some() || self.since.is_some()
    }
}

impl Store {
    /// The logs of an app's newest invocations that wrote any: newest invocation first, its lines in the order written. Not
    /// more is looked at than fits a page; so there may be fewer than wanted, or none, and more to look at all the same.
    ///
    /// # Errors
    /// When the database fails, or a stored line does not parse.
    pub async fn logs(&self, app: AppId, filter: LogFilter) -> Result<Found<StoredLog>, StoreError> {
        let wanted = if filter.is_looked_for() { LOOKED_AT } else { i64::from(filter.limit) };
        let candidates: Vec<(String, i64, i64)> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT i.id, i.log_lines, i.bytes FROM invocations i WHERE i.log_lines > 0 AND i.app_id = ",
            );
            query.push_bind(app.to_string());
            push_script!(query, app, filter.script);
            if let Some(before) = filter.before {
                query.push(" AND i.id < ").push_bind(before.to_string());
            }
            if let Some(invocation) = filter.invocation {
                query.push(" AND i.id = ").push_bind(invocation.to_string());
            }
            if let Some(since) = filter.since {
                query.push(" AND i.id >= ").push_bind(InvocationId::least_at(since.saturating_sub(LONGEST)).to_string());
            }
            query.push(" ORDER BY i.id DESC LIMIT ").push_bind(wanted + 1);
            query.build_query_as().fetch_all(db).await?
        });
        let most = usize::try_from(wanted).unwrap_or(usize::MAX);
        let looked_at = fitting(&candidates, most, [LINES, BYTES], |(_, lines, bytes)| [*lines, *bytes]);
        let (Some((first, ..)), Some((last, ..))) = (looked_at.first(), looked_at.last()) else {
            return Ok(Found { items: Vec::new(), next: None });
        };
        let rows: Vec<LogRow> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT l.invocation_id AS invocation, s.name AS script, l.at, l.level, l.message, l.fields
                 FROM invocations i JOIN logs l ON l.invocation_id = i.id JOIN scripts s ON s.id = i.script_id AND s.app_id = i.app_id
                 WHERE i.log_lines > 0 AND i.app_id = ",
            );
            query.push_bind(app.to_string());
            push_script!(query, app, filter.script);
            query.push(" AND i.id <= ").push_bind(first).push(" AND i.id >= ").push_bind(last);
            push_status!(query, filter.status);
            push_lines!(query, filter.level, filter.text, self.is_shared());
            if let Some(since) = filter.since {
                query.push(" AND l.at >= ").push_bind(since);
            }
            query.push(" ORDER BY i.id DESC, l.line");
            query.build_query_as().fetch_all(db).await?
        });
        let mut items: Vec<StoredLog> = rows.into_iter().map(StoredLog::from).collect();
        let shown =
            items.chunk_by(|a, b| a.invocation == b.invocation).take(filter.limit as usize).map(<[_]>::len).sum();
        let next = if items.len() > shown {
            items.truncate(shown);
            items.last().map(|last| last.invocation)
        } else {
            let corrupt = |_| StoreError::Corrupt(format!("invocation {last}: its id"));
            (looked_at.len() < candidates.len()).then(|| last.parse().map_err(corrupt)).transpose()?
        };
        Ok(Found { items, next })
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
