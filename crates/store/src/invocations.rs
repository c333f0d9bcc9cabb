//! The table `invocations`, as it is read. It is written by `record`.

use crate::{
    Store, StoreError, StoredLog,
    rows::{Json, Optional, OptionalText},
};
use picloud_shared::{
    api::{Call, Diagnostic, StatusFilter, Trigger},
    ids::{AppId, InvocationId},
    names::{InvalidName, ScriptName},
    outcome,
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
    /// Only those that ended so.
    pub status: Option<StatusFilter>,
    /// Only those with this outcome.
    pub outcome: Option<String>,
    /// Only those that were started so.
    pub trigger: Option<Trigger>,
    /// Only those that this one called.
    pub parent: Option<InvocationId>,
    /// Only those that began then or later.
    pub since: Option<TimestampMs>,
    /// Only those that began then or before.
    pub until: Option<TimestampMs>,
    /// Only those that have this text in their request's line or in their error's message.
    pub text: Option<String>,
    /// Only those older than this one.
    pub before: Option<InvocationId>,
    /// At most so many.
    pub limit: u32,
}

/// Some of what was looked for, the newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T, I = InvocationId> {
    /// What was found.
    pub items: Vec<T>,
    /// Before which one to go on: there are more, or not everything was looked at.
    pub next: Option<I>,
}

/// Invocations that are looked at for one page, so that looking for what is rare takes no longer than for what is frequent.
const LOOKED_AT: i64 = 20_000;

/// So long before an invocation begins its id may have been made, while its request arrives: 30 seconds for the body, some for
/// who sends it.
const ID_BEFORE_START: i64 = 120_000;

impl InvocationFilter {
    /// Whether what is looked for is among what indexes do not tell apart.
    fn is_looked_for(&self) -> bool {
        let Self { status, outcome, trigger, since, until, text, parent, .. } = self;
        let told = [status.is_some(), outcome.is_some(), trigger.is_some(), since.is_some(), until.is_some()];
        told.contains(&true) || text.is_some() || parent.is_some()
    }

    /// Whether all that is looked for went amiss, by which there is an index.
    fn is_amiss(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome != outcome::OK)
            || match self.status {
                Some(StatusFilter::Failed) => true,
                Some(StatusFilter::Class(class)) => class >= 4,
                Some(StatusFilter::Code(code)) => code >= 400,
                Some(StatusFilter::Ok) | None => false,
            }
    }
}

/// Selects ids, and what is looked at, of those invocations among which it is looked, the newest first.
macro_rules! push_candidates {
    ($query:expr, $app:expr, $filter:expr, $limit:expr) => {
        $query.push("SELECT i.id, i.app_id, i.script_id, i.status, i.outcome, i.trigger_kind, i.started_at");
        if $filter.text.is_some() {
            $query.push(", i.request, i.error_message");
        }
        $query.push(" FROM invocations i WHERE ");
        match $filter.parent {
            // Alone, so that its index is taken: those that one has called are few.
            Some(parent) => {
                $query.push("i.parent = ").push_bind(parent.to_string());
            }
            None => {
                $query.push("i.app_id = ").push_bind($app.to_string());
                push_script!($query, $app, $filter.script);
                // As the indexes say it.
                if $filter.is_amiss() {
                    $query.push(" AND (i.outcome <> 'ok' OR i.status >= 400)");
                }
                if $filter.trigger.is_some_and(|trigger| trigger != Trigger::Http) {
                    $query.push(" AND i.trigger_kind <> 'http'");
                }
            }
        }
        if let Some(before) = $filter.before {
            $query.push(" AND i.id < ").push_bind(before.to_string());
        }
        if let Some(until) = $filter.until {
            $query.push(" AND i.id < ").push_bind(InvocationId::least_at(until.saturating_add(1)).to_string());
        }
        if let Some(since) = $filter.since {
            $query
                .push(" AND i.id >= ")
                .push_bind(InvocationId::least_at(since.saturating_sub(ID_BEFORE_START)).to_string());
        }
        $query.push(" ORDER BY i.id DESC LIMIT ").push_bind($limit);
    };
}

/// Narrows candidates down to what is looked for.
macro_rules! push_looked_for {
    ($query:expr, $app:expr, $filter:expr, $is_postgres:expr) => {
        $query.push(" WHERE i.app_id = ").push_bind($app.to_string());
        if $filter.parent.is_some() {
            push_script!($query, $app, $filter.script);
        }
        push_status!($query, $filter.status);
        if let Some(outcome) = &$filter.outcome {
            $query.push(" AND i.outcome = ").push_bind(outcome.as_str());
        }
        if let Some(trigger) = $filter.trigger {
            $query.push(" AND i.trigger_kind = ").push_bind(trigger.as_str());
        }
        if let Some(until) = $filter.until {
            $query.push(" AND i.started_at <= ").push_bind(until);
        }
        if let Some(since) = $filter.since {
            $query.push(" AND i.started_at >= ").push_bind(since);
        }
        if let Some(text) = &$filter.text {
            $query.push(" AND (");
            push_contains!($query, $is_postgres, "i.request", text);
            $query.push(" OR ");
            push_contains!($query, $is_postgres, "i.error_message", text);
            $query.push(")");
        }
    };
}

#[derive(sqlx::FromRow)]
struct InvocationRow {
    #[sqlx(try_from = "String")]
    id: InvocationId,
    /// NULL, where it was deleted.
    #[sqlx(try_from = "Option<String>")]
    script: OptionalName,
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

impl InvocationRow {
    /// `None` where its script was deleted.
    fn shown(self) -> Option<Invocation> {
        let row = self;
        let (script, line, column) = (row.error_script.0, row.error_line.0, row.error_column.0);
        Some(Invocation {
            id: row.id,
            script: row.script.0?,
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
        })
    }
}

const COLUMNS: &str =
    "i.id, s.name AS script, i.version, i.trigger_kind, i.parent, i.request, i.status, i.outcome, i.fuel,
    i.fuel_limit, i.memory_bytes, i.duration_us, i.started_at, i.node, i.error_message, i.error_script, i.error_line,
    i.error_column, i.logs_dropped, i.calls";

impl Store {
    /// The invocations of an app, newest first. Where it is looked for something, at most 20,000 are looked at; and those of
    /// deleted scripts are left out until they are removed: then there may be fewer than wanted, or none, and more to look at
    /// all the same.
    ///
    /// # Errors
    /// When the database fails, or a stored invocation does not parse.
    pub async fn invocations(&self, app: AppId, filter: InvocationFilter) -> Result<Found<Invocation>, StoreError> {
        let wanted = i64::from(filter.limit);
        let looked_at = if filter.is_looked_for() { LOOKED_AT } else { wanted + 1 };
        let rows: Vec<InvocationRow> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM (SELECT i.id FROM (");
            push_candidates!(query, app, filter, looked_at);
            query.push(") AS i");
            push_looked_for!(query, app, filter, self.is_shared());
            query.push(" ORDER BY i.id DESC LIMIT ").push_bind(wanted + 1);
            query.push(
                ") AS found JOIN invocations i ON i.id = found.id
                 LEFT JOIN scripts s ON s.id = i.script_id AND s.app_id = i.app_id ORDER BY i.id DESC",
            );
            query.build_query_as().fetch_all(db).await?
        });
        let on_page = &rows[..rows.len().min(filter.limit as usize)];
        let next = if rows.len() > on_page.len() {
            on_page.last().map(|last| last.id)
        } else if filter.is_looked_for() {
            self.last_looked_at(app, &filter).await?
        } else {
            None
        };
        Ok(Found {
            items: rows.into_iter().take(filter.limit as usize).filter_map(InvocationRow::shown).collect(),
            next,
        })
    }

    /// Before which one there may be others that were not looked at.
    async fn last_looked_at(&self, app: AppId, filter: &InvocationFilter) -> Result<Option<InvocationId>, StoreError> {
        let (last, count): (Option<String>, i64) = with_db!(self, read, db => {
            let mut query = QueryBuilder::new("SELECT MIN(i.id), COUNT(*) FROM (");
            push_candidates!(query, app, filter, LOOKED_AT);
            query.push(") AS i");
            query.build_query_as().fetch_one(db).await?
        });
        let last = last.filter(|_| count == LOOKED_AT);
        last.map(|id| id.parse().map_err(|_| StoreError::Corrupt(format!("invocation {id}: its id")))).transpose()
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
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM invocations i JOIN scripts s ON s.id = i.script_id AND s.app_id = i.app_id WHERE i.app_id = ");
            query.push_bind(app.to_string()).push(" AND i.id = ").push_bind(id.to_string());
            query.build_query_as().fetch_optional(db).await?
        });
        let Some(found) = row.and_then(InvocationRow::shown) else { return Ok(None) };
        Ok(Some((found, self.logs_of(id).await?)))
    }
}
