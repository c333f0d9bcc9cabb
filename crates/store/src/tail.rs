//! Following an app's logs: the lines that were recorded after a place, in the order in which they were recorded. That is
//! not the order of the invocations' ids: one that began earlier may end later, on another machine. So invocations that
//! wrote logs are numbered when they are recorded, by who holds the app's row of `app_records` until the commit: who has seen
//! a number has seen all before it.

use crate::{Store, StoreError, StoredLog, logs::LogRow};
use picloud_shared::{
    api::{LogLevel, StatusFilter},
    ids::{AppId, InvocationId},
    names::ScriptName,
};
use sqlx::QueryBuilder;
use std::{fmt, str::FromStr};

/// A place in an app's log: behind a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    seq: i64,
    line: i64,
}

/// A text that is no place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such place in a log")]
pub struct InvalidPlace;

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.seq, self.line)
    }
}

impl FromStr for LogPlace {
    type Err = InvalidPlace;
    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (seq, line) = text.split_once('.').ok_or(InvalidPlace)?;
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0).ok_or(InvalidPlace);
        Ok(Self { seq: number(seq)?, line: number(line)? })
    }
}

/// Which lines to follow.
#[derive(Clone, Debug, Default)]
pub struct TailFilter {
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
}

/// Some lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Each with the place behind it, in the order in which they were recorded.
    pub lines: Vec<(LogPlace, StoredLog)>,
    /// Where to go on.
    pub place: LogPlace,
    /// Whether there is more to look at already.
    pub more: bool,
}

/// Invocations that one look goes through, and how many lines and bytes they may have, but for the first one.
const LOOKED_AT: i64 = 200;
/// See [`LOOKED_AT`].
const LINES: i64 = 2_000;
/// See [`LOOKED_AT`].
const BYTES: i64 = 1 << 20;

#[derive(sqlx::FromRow)]
struct Row {
    log_seq: i64,
    line: i64,
    #[sqlx(flatten)]
    log: LogRow,
}

impl Store {
    /// The place behind all that is recorded of an app by now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_of_logs(&self, app: AppId) -> Result<LogPlace, StoreError> {
        let seq: Option<i64> = with_db!(self, read, db => {
            sqlx::query_scalar("SELECT log_seq FROM app_records WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_optional(db)
                .await?
        });
        Ok(LogPlace { seq: seq.unwrap_or(0), line: i64::MAX })
    }

    /// Lines recorded behind a place.
    ///
    /// # Errors
    /// When the database fails, or a stored line does not parse.
    pub async fn lines_after(&self, app: AppId, place: LogPlace, filter: &TailFilter) -> Result<Lines, StoreError> {
        let found: Vec<(i64, i64, i64)> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT log_seq, log_lines, bytes FROM invocations WHERE app_id = $1 AND log_seq >= $2
                 ORDER BY log_seq LIMIT $3",
            )
            .bind(app.to_string())
            .bind(if place.line == i64::MAX { place.seq.saturating_add(1) } else { place.seq })
            .bind(LOOKED_AT)
            .fetch_all(db)
            .await?
        });
        let (mut lines, mut bytes, mut count) = (0, 0, 0);
        for (_, more_lines, more_bytes) in &found {
            (lines, bytes) = (lines + more_lines, bytes + more_bytes);
            if count > 0 && (lines > LINES || bytes > BYTES) {
                break;
            }
            count += 1;
        }
        let (Some((first, ..)), Some((last, ..))) = (found.first(), found[..count].last()) else {
            return Ok(Lines { lines: Vec::new(), place, more: false });
        };
        let rows: Vec<Row> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT i.log_seq, l.line, l.invocation_id AS invocation, s.name AS script, l.at, l.level, l.message, l.fields
                 FROM invocations i JOIN logs l ON l.invocation_id = i.id JOIN scripts s ON s.id = i.script_id AND s.app_id = i.app_id
                 WHERE i.app_id = ",
            );
            query.push_bind(app.to_string());
            query.push(" AND i.log_seq >= ").push_bind(first).push(" AND i.log_seq <= ").push_bind(last);
            if let Some(script) = &filter.script {
                query.push(" AND s.name = ").push_bind(script.as_str());
            }
            if let Some(invocation) = filter.invocation {
                query.push(" AND i.id = ").push_bind(invocation.to_string());
            }
            push_status!(query, filter.status);
            push_lines!(query, filter.level, filter.text, self.is_shared());
            query.push(" ORDER BY i.log_seq, l.line");
            query.build_query_as().fetch_all(db).await?
        });
        let lines = rows.into_iter().map(|row| (LogPlace { seq: row.log_seq, line: row.line }, row.log.into()));
        Ok(Lines {
            lines: lines.filter(|(behind, _)| *behind > place).collect(),
            place: LogPlace { seq: *last, line: i64::MAX },
            more: count < found.len() || i64::try_from(found.len()).is_ok_and(|found| found == LOOKED_AT),
        })
    }
}
