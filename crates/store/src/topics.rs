//! The table `subscriptions`, and publishing: an event becomes one row of `deliveries` for each script that is
//! subscribed.

use crate::{Store, StoreError, commit::Change, gone::script_is_there, pool::Transaction};
use picloud_shared::{
    ids::{AppId, DeliveryId},
    limits::DELIVERIES_WAITING,
    names::{ScriptName, TopicName},
};
use std::collections::BTreeMap;

/// An event to be published.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its topic.
    pub topic: TopicName,
    /// Events of one key reach a script one after the other.
    pub key: Option<String>,
    /// JSON text.
    pub payload: String,
    /// How long to hold it back, in milliseconds.
    pub delay_ms: i64,
    /// How many events caused one another, this one included.
    pub depth: u32,
}

/// Why an event was not published. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// The app was deleted meanwhile.
    #[error("there is no such app")]
    NoSuchApp,
    /// It would have more than [`DELIVERIES_WAITING`].
    #[error("the app has {DELIVERIES_WAITING} deliveries waiting, as many as it may")]
    QueueFull,
}

/// A topic that scripts are subscribed to, or that has deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// By name.
    pub subscribers: Vec<ScriptName>,
    /// Deliveries that wait or run.
    pub waiting: i64,
    /// Dead letters.
    pub dead: i64,
}

/// A name as it was read from the database.
fn stored_name<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| StoreError::Corrupt(format!("{text:?}: {error}")))
}

/// Of one topic.
const SUBSCRIBERS: &str = "SELECT script_id FROM subscriptions WHERE app_id = $1 AND topic = $2 ORDER BY script_id";

impl Store {
    /// Publishes an event, and gives the ids of its deliveries: one for each script that is subscribed now. It has
    /// reached the disk when this returns.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publish(
        &self,
        app: AppId,
        event: NewEvent,
    ) -> Result<Result<Vec<DeliveryId>, PublishRefused>, StoreError> {
        let scripts: Vec<String> = with_db!(self, read, db => {
            sqlx::query_scalar(SUBSCRIBERS)
                .bind(app.to_string())
                .bind(event.topic.as_str())
                .fetch_all(db)
                .await?
        });
        // What goes to nobody needs no transaction.
        if scripts.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let mut transaction = self.begin().await?;
        let Some(seq) = self.number_events(&mut transaction, app, 1).await? else {
            return transaction.unchanged(Err(PublishRefused::NoSuchApp)).await;
        };
        // Again, as deploys wait for the app's row from here on.
        let scripts: Vec<String> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar(SUBSCRIBERS)
                .bind(app.to_string())
                .bind(event.topic.as_str())
                .fetch_all(db)
                .await?
        });
        if self.room(&mut transaction, app).await? < scripts.len() {
            return transaction.unchanged(Err(PublishRefused::QueueFull)).await;
        }
        let not_before = self.database_time(&mut transaction).await?.saturating_add(event.delay_ms);
        let mut ids = Vec::with_capacity(scripts.len());
        for script in scripts {
            let id = DeliveryId::new();
            with_db!(self, &mut transaction, db => {
                sqlx::query(
                    "INSERT INTO deliveries
                        (id, app_id, script_id, topic, ordering_key, seq, payload, depth, not_before, due_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
                        CASE WHEN EXISTS (SELECT 1 FROM deliveries before
                            WHERE before.script_id = $3 AND before.ordering_key = $5 AND before.dead_at IS NULL)
                        THEN NULL ELSE $9 END)",
                )
                .bind(id.to_string())
                .bind(app.to_string())
                .bind(script)
                .bind(event.topic.as_str())
                .bind(event.key.as_ref().map(String::as_bytes))
                .bind(seq)
                .bind(event.payload.as_bytes())
                .bind(i64::from(event.depth))
                .bind(not_before)
                .execute(db)
                .await?;
            });
            ids.push(id);
        }
        self.notify_deliveries(&mut transaction).await?;
        self.commit(transaction, &[Change::Deliveries]).await?;
        Ok(Ok(ids))
    }

    /// The topics of an app: those that scripts are subscribed to, and those that have deliveries.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn topics(&self, app: AppId) -> Result<BTreeMap<TopicName, Topic>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let subscribed: Vec<(String, String)> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT u.topic, s.name FROM subscriptions u JOIN scripts s ON s.id = u.script_id
                 WHERE u.app_id = $1 ORDER BY s.name",
            )
            .bind(app.to_string())
            .fetch_all(db)
            .await?
        });
        let counted: Vec<(String, i64, i64)> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(concat!(
                "SELECT topic, COUNT(*), COUNT(dead_at) FROM deliveries
                 WHERE app_id = $1 AND topic IS NOT NULL AND ",
                script_is_there!(),
                " GROUP BY topic",
            ))
            .bind(app.to_string())
            .fetch_all(db)
            .await?
        });
        transaction.commit().await?;
        let mut topics: BTreeMap<TopicName, Topic> = BTreeMap::new();
        for (topic, script) in subscribed {
            topics.entry(stored_name(&topic)?).or_default().subscribers.push(stored_name(&script)?);
        }
        for (topic, all, dead) in counted {
            let topic = topics.entry(stored_name(&topic)?).or_default();
            (topic.waiting, topic.dead) = (all - dead, dead);
        }
        Ok(topics)
    }

    /// Replaces what a script is subscribed to.
    pub(crate) async fn subscribe(
        &self,
        transaction: &mut Transaction,
        app: &str,
        script: &str,
        topics: &[TopicName],
    ) -> Result<(), StoreError> {
        with_db!(self, &mut *transaction, db => {
            sqlx::query("DELETE FROM subscriptions WHERE script_id = $1").bind(script).execute(db).await?;
        });
        for topic in topics {
            with_db!(self, &mut *transaction, db => {
                sqlx::query("INSERT INTO subscriptions (app_id, topic, script_id) VALUES ($1, $2, $3)")
                    .bind(app)
                    .bind(topic.as_str())
                    .bind(script)
                    .execute(db)
                    .await?;
            });
        }
        Ok(())
    }

    /// Takes the next numbers for events of an app, and gives the first; holds the app's row, so that they are in the
    /// order of the commits. `None` when there is no such app.
    pub(crate) async fn number_events(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        count: i64,
    ) -> Result<Option<i64>, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar("UPDATE apps SET published = published + $2 WHERE id = $1 AND NOT gone RETURNING published - $2 + 1")
                .bind(app.to_string())
                .bind(count)
                .fetch_optional(db)
                .await?
        }))
    }

    /// How many more deliveries of an app may wait.
    pub(crate) async fn room(&self, transaction: &mut Transaction, app: AppId) -> Result<usize, StoreError> {
        let waiting: i64 = with_db!(self, transaction, db => {
            sqlx::query_scalar(concat!(
                "SELECT COUNT(*) FROM deliveries WHERE app_id = $1 AND dead_at IS NULL AND ",
                script_is_there!(),
            ))
            .bind(app.to_string())
            .fetch_one(db)
            .await?
        });
        Ok(DELIVERIES_WAITING.saturating_sub(usize::try_from(waiting).unwrap_or(usize::MAX)))
    }
}
