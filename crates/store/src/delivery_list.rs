//! Deliveries that have not ended, as they are looked at: what waits, what runs, and what is tried again. They change in
//! `deliveries`.

use crate::{
    Occasion, Store, StoreError,
    gone::script_is_there,
    rows::{Optional, OptionalText},
};
use picloud_shared::{
    api::DeliveryState,
    ids::{AppId, DeliveryId, InvocationId},
    names::{ScriptName, TopicName},
    time::TimestampMs,
};
use sqlx::QueryBuilder;

/// A delivery that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery's id.
    pub id: DeliveryId,
    /// What the event is about.
    pub occasion: Occasion,
    /// The script that gets it.
    pub script: ScriptName,
    /// The event's key.
    pub key: Option<String>,
    /// How far it is.
    pub state: DeliveryState,
    /// Attempts that have begun, one that runs included.
    pub attempts: u32,
    /// When it may be attempted; `None` while it runs, or stands behind another.
    pub due_at: Option<TimestampMs>,
    /// The invocation of the last attempt that failed.
    pub last_invocation: Option<InvocationId>,
    /// How that failed, while its record is kept.
    pub error: Option<String>,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only those of this topic.
    pub topic: Option<TopicName>,
    /// Only those to this script.
    pub script: Option<ScriptName>,
    /// Only those that are so far.
    pub state: Option<DeliveryState>,
    /// Only those of events before this one.
    pub before: Option<DeliveryId>,
    /// At most so many.
    pub limit: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: DeliveryId,
    #[sqlx(try_from = "Option<String>")]
    topic: Optional<TopicName>,
    scheduled_at: Option<TimestampMs>,
    #[sqlx(try_from = "String")]
    script: ScriptName,
    #[sqlx(try_from = "Option<Vec<u8>>")]
    ordering_key: OptionalText,
    leased: bool,
    #[sqlx(try_from = "i64")]
    attempts: u32,
    due_at: Option<TimestampMs>,
    #[sqlx(try_from = "Option<String>")]
    last_invocation: Optional<InvocationId>,
    #[sqlx(try_from = "Option<Vec<u8>>")]
    error_message: OptionalText,
}

#[derive(sqlx::FromRow)]
struct WithPayload {
    #[sqlx(flatten)]
    row: Row,
    #[sqlx(try_from = "Vec<u8>")]
    payload: String,
}

const COLUMNS: &str = "d.id, d.topic, d.scheduled_at, s.name AS script, d.ordering_key, d.leased, d.attempts, d.due_at,
    d.last_invocation, i.error_message";

const OTHERS: &str = " JOIN scripts s ON s.id = d.script_id LEFT JOIN invocations i ON i.id = d.last_invocation AND i.app_id = d.app_id ";

/// Narrows deliveries `d` down to those of an app that are so far, as [`Row::state`] says it.
macro_rules! push_state {
    ($query:expr, $state:expr) => {
        $query.push(match $state {
            DeliveryState::Running => " AND d.leased",
            DeliveryState::Behind => " AND NOT d.leased AND d.due_at IS NULL",
            DeliveryState::Waiting => " AND NOT d.leased AND d.due_at IS NOT NULL AND d.attempts = 0",
            DeliveryState::Retrying => " AND NOT d.leased AND d.due_at IS NOT NULL AND d.attempts > 0",
        });
    };
}

impl Store {
    /// The deliveries of an app that have not ended, the latest event first.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn deliveries(&self, app: AppId, filter: DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<Row> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new("SELECT ");
            query.push(COLUMNS).push(" FROM (SELECT d.id FROM deliveries d WHERE d.app_id = ").push_bind(app.to_string());
            query.push(" AND d.dead_at IS NULL AND ").push(script_is_there!());
            if let Some(topic) = &filter.topic {
                query.push(" AND d.topic = ").push_bind(topic.as_str());
            }
            if let Some(script) = &filter.script {
                query.push(" AND d.script_id = (SELECT id FROM scripts WHERE app_id = ").push_bind(app.to_string());
                query.push(" AND name = ").push_bind(script.as_str()).push(")");
            }
            if let Some(state) = filter.state {
                push_state!(query, state);
            }
            if let Some(before) = filter.before {
                query.push(" AND d.id < ").push_bind(before.to_string());
            }
            query.push(" ORDER BY d.id DESC LIMIT ").push_bind(i64::from(filter.limit));
            query.push(") AS found JOIN deliveries d ON d.id = found.id").push(OTHERS).push("ORDER BY d.id DESC");
            query.build_query_as().fetch_all(db).await?
        });
        rows.into_iter().map(Delivery::try_from).collect()
    }

    /// One delivery that has not ended, with its payload as JSON text.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn delivery(&self, app: AppId, id: DeliveryId) -> Result<Option<(Delivery, String)>, StoreError> {
        let found: Option<WithPayload> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new("SELECT d.payload, ");
            query.push(COLUMNS).push(" FROM (SELECT * FROM deliveries WHERE id = ").push_bind(id.to_string());
            query.push(" AND dead_at IS NULL AND app_id = ").push_bind(app.to_string());
            query.push(" AND ").push(script_is_there!()).push(") AS d").push(OTHERS);
            query.build_query_as().fetch_optional(db).await?
        });
        found.map(|found| Ok((found.row.try_into()?, found.payload))).transpose()
    }
}

impl Row {
    fn state(&self) -> DeliveryState {
        match (self.leased, self.due_at, self.attempts) {
            (true, ..) => DeliveryState::Running,
            (false, None, _) => DeliveryState::Behind,
            (false, Some(_), 0) => DeliveryState::Waiting,
            (false, Some(_), _) => DeliveryState::Retrying,
        }
    }
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;
    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = row.state();
        Ok(Self {
            id: row.id,
            occasion: Occasion::stored(row.id, row.topic.0, row.scheduled_at)?,
            script: row.script,
            key: row.ordering_key.0,
            state,
            attempts: row.attempts,
            // That of one that runs is when its lease ends.
            due_at: row.due_at.filter(|_| state != DeliveryState::Running),
            last_invocation: row.last_invocation.0,
            error: row.error_message.0,
        })
    }
}
