//! Dead letters: rows of `deliveries` that were given up. What is too old, and what is too much of an app, is removed in
//! `dead_letter_bound`.

use crate::{
    Found, Occasion, Store, StoreError,
    commit::Change,
    gone::script_is_there,
    page::{BYTES, fitting},
    pool::Transaction,
    rows::{Optional, OptionalText},
};
use picloud_shared::{
    ids::{AppId, DeliveryId, InvocationId},
    limits::DELIVERIES_WAITING,
    names::{ScriptName, TopicName},
    time::TimestampMs,
};
use sqlx::QueryBuilder;

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The delivery's id.
    pub id: DeliveryId,
    /// What the event was about.
    pub occasion: Occasion,
    /// The script that it did not reach.
    pub script: ScriptName,
    /// The event's key.
    pub key: Option<String>,
    /// JSON text.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How the last attempt ended.
    pub error: String,
    /// The last attempt's invocation.
    pub last_invocation: Option<InvocationId>,
    /// When it was given up.
    pub dead_at: TimestampMs,
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
    #[sqlx(try_from = "Vec<u8>")]
    payload: String,
    #[sqlx(try_from = "i64")]
    attempts: u32,
    #[sqlx(try_from = "Vec<u8>")]
    error: String,
    last_invocation: Option<String>,
    dead_at: TimestampMs,
}

/// Why nothing was replayed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefused {
    /// There is no such dead letter.
    #[error("there is no such dead letter")]
    NoneSuch,
    /// The app would have more than [`DELIVERIES_WAITING`].
    #[error("with these, more than {DELIVERIES_WAITING} deliveries of the app would wait")]
    QueueFull,
}

impl Store {
    /// The dead letters of an app, the latest event first: those of events before `before`, at most so many, and not more than
    /// fit a page.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn dead_letters(
        &self,
        app: AppId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Found<DeadLetter, DeliveryId>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let candidates: Vec<(String, i64)> = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new(
                "SELECT id, CAST(LENGTH(payload) + LENGTH(error) AS BIGINT) FROM deliveries
                 WHERE dead_at IS NOT NULL AND app_id = ",
            );
            query.push_bind(app.to_string()).push(" AND ").push(script_is_there!());
            if let Some(before) = before {
                query.push(" AND id < ").push_bind(before.to_string());
            }
            query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit) + 1);
            query.build_query_as().fetch_all(db).await?
        });
        let on_page = fitting(&candidates, limit as usize, [BYTES], |(_, bytes)| [*bytes]);
        let (Some((first, _)), Some((last, _))) = (on_page.first(), on_page.last()) else {
            return Ok(Found { items: Vec::new(), next: None });
        };
        let rows: Vec<Row> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT d.id, d.topic, d.scheduled_at, s.name AS script, d.ordering_key, d.payload, d.attempts, d.error,
                    d.last_invocation, d.dead_at
                 FROM deliveries d JOIN scripts s ON s.id = d.script_id AND s.app_id = d.app_id
                 WHERE d.dead_at IS NOT NULL AND d.app_id = $1 AND d.id <= $2 AND d.id >= $3 ORDER BY d.id DESC",
            )
            .bind(app.to_string())
            .bind(first)
            .bind(last)
            .fetch_all(db)
            .await?
        });
        transaction.commit().await?;
        let items = rows.into_iter().map(DeadLetter::try_from).collect::<Result<Vec<_>, _>>()?;
        let next = items.last().map(|last| last.id).filter(|_| on_page.len() < candidates.len());
        Ok(Found { items, next })
    }

    /// Has one dead letter, or all of a topic or of the app, wait again, with their ids and all attempts anew; of one key
    /// behind what waits already, in the order in which they were published. Says how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay(
        &self,
        app: AppId,
        one: Option<DeliveryId>,
        topic: Option<&TopicName>,
    ) -> Result<Result<u64, ReplayRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        // Held from here on: no other replays or publishes meanwhile.
        self.number_events(&mut transaction, app, 0).await?;
        // Nor does anybody remove these.
        let lock = match transaction {
            Transaction::Sqlite(_) => "",
            Transaction::Postgres(_) => " FOR UPDATE",
        };
        let ids: Vec<String> = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new("SELECT id FROM deliveries WHERE dead_at IS NOT NULL AND app_id = ");
            query.push_bind(app.to_string()).push(" AND ").push(script_is_there!());
            if let Some(one) = one {
                query.push(" AND id = ").push_bind(one.to_string());
            }
            if let Some(topic) = topic {
                query.push(" AND topic = ").push_bind(topic.as_str());
            }
            query.push(" ORDER BY seq, id").push(lock);
            query.build_query_scalar().fetch_all(db).await?
        });
        if ids.is_empty() {
            return transaction.unchanged(if one.is_some() { Err(ReplayRefused::NoneSuch) } else { Ok(0) }).await;
        }
        if self.room(&mut transaction, app).await? < ids.len() {
            return transaction.unchanged(Err(ReplayRefused::QueueFull)).await;
        }
        let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let Some(first) = self.number_events(&mut transaction, app, count).await? else {
            return transaction.unchanged(Err(ReplayRefused::NoneSuch)).await;
        };
        let now = self.database_time(&mut transaction).await?;
        for (seq, id) in (first..).zip(&ids) {
            with_db!(self, &mut transaction, db => {
                sqlx::query(
                    "UPDATE deliveries SET dead_at = NULL, error = NULL, bytes = NULL, attempts = 0, seq = $2, not_before = $3,
                        due_at = CASE WHEN EXISTS (SELECT 1 FROM deliveries before
                            WHERE before.script_id = deliveries.script_id
                                AND before.ordering_key = deliveries.ordering_key AND before.dead_at IS NULL)
                        THEN NULL ELSE $3 END
                     WHERE id = $1",
                )
                .bind(id)
                .bind(seq)
                .bind(now)
                .execute(db)
                .await?;
            });
        }
        self.notify_deliveries(&mut transaction).await?;
        self.commit(transaction, &[Change::Deliveries]).await?;
        Ok(Ok(ids.len() as u64))
    }

    /// Deletes one dead letter. `false` when there is no such one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_dead_letter(&self, app: AppId, id: DeliveryId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query(concat!(
                "DELETE FROM deliveries WHERE id = $1 AND app_id = $2 AND dead_at IS NOT NULL AND ",
                script_is_there!(),
            ))
            .bind(id.to_string())
            .bind(app.to_string())
            .execute(db)
            .await?
            .rows_affected()
        });
        if gone == 0 {
            return transaction.unchanged(false).await;
        }
        self.commit(transaction, &[]).await?;
        Ok(true)
    }
}

impl TryFrom<Row> for DeadLetter {
    type Error = StoreError;
    fn try_from(row: Row) -> Result<Self, StoreError> {
        let last = row.last_invocation.map(|id| id.parse()).transpose();
        Ok(Self {
            id: row.id,
            occasion: Occasion::stored(row.id, row.topic.0, row.scheduled_at)?,
            script: row.script,
            key: row.ordering_key.0,
            payload: row.payload,
            attempts: row.attempts,
            error: row.error,
            last_invocation: last
                .map_err(|_| StoreError::Corrupt(format!("dead letter {}: its invocation", row.id)))?,
            dead_at: row.dead_at,
        })
    }
}
