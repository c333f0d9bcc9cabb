//! The table `deliveries`, as those work on it who deliver: leases, and how each attempt ended. What is due is looked for in
//! `due`; dead ones are in `dead_letters`.
//!
//! A delivery may be claimed when it is due. A claim leases it and puts its due time at the lease's end, so one that is
//! never settled comes back by itself. Each lease has a number; what is said of an older one is refused. Of those that a
//! script has of one key only the first is due at all; when it goes, whoever settles it makes the next one due.
//!
//! Rows are locked in the order app, script, delivery, schedule, so that no two transactions wait for each other. Who claims holds
//! scripts and apps behind deliveries, by a lock that nobody waits for but who deletes them, and that holds no delivery.

use crate::{
    NewInvocation, Store, StoreError,
    gone::script_is_there,
    pool::Transaction,
    record::tallies,
    rows::{Optional, UNREADABLE_MS, Unreadable, each_by_itself},
};
use picloud_shared::{
    ids::{AppId, DeliveryId, InvocationId, ScriptId, VersionId},
    names::{ScriptName, TopicName},
    time::TimestampMs,
};
use sqlx::QueryBuilder;

/// The right to deliver, until the lease ends or another begins.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Lease {
    /// The delivery's id.
    #[sqlx(try_from = "String")]
    pub delivery: DeliveryId,
    /// Which of its leases this is.
    lease: i64,
    #[sqlx(try_from = "String")]
    app: AppId,
    #[sqlx(try_from = "String")]
    script: ScriptId,
    ordering_key: Option<Vec<u8>>,
    schedule_id: Option<String>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody published it.
    Topic(TopicName),
    /// A slot of a schedule.
    Slot(TimestampMs),
}

impl Occasion {
    /// As it was read from a row of `deliveries`.
    pub(crate) fn stored(
        delivery: DeliveryId,
        topic: Option<TopicName>,
        scheduled_at: Option<TimestampMs>,
    ) -> Result<Self, StoreError> {
        let slot = scheduled_at.map(Self::Slot);
        let neither = || StoreError::Corrupt(format!("delivery {delivery}: it has neither a topic nor a slot"));
        topic.map(Self::Topic).or(slot).ok_or_else(neither)
    }
}

/// A delivery to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// To settle it with.
    pub lease: Lease,
    /// Which script gets it.
    pub script_id: ScriptId,
    /// The script's name.
    pub name: ScriptName,
    /// The script's active version.
    pub version: VersionId,
    /// What the event is about.
    pub occasion: Occasion,
    /// JSON text.
    pub payload: String,
    /// Counted from 1.
    pub attempt: u32,
    /// How many events caused one another, this one included.
    pub depth: u32,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    #[sqlx(flatten)]
    lease: Lease,
    #[sqlx(try_from = "String")]
    name: ScriptName,
    #[sqlx(try_from = "String")]
    version: VersionId,
    #[sqlx(try_from = "Option<String>")]
    topic: Optional<TopicName>,
    scheduled_at: Option<TimestampMs>,
    #[sqlx(try_from = "Vec<u8>")]
    payload: String,
    #[sqlx(try_from = "i64")]
    attempt: u32,
    #[sqlx(try_from = "i64")]
    depth: u32,
}

impl TryFrom<ClaimedRow> for Claimed {
    type Error = StoreError;
    fn try_from(row: ClaimedRow) -> Result<Self, StoreError> {
        Ok(Self {
            script_id: row.lease.script,
            occasion: Occasion::stored(row.lease.delivery, row.topic.0, row.scheduled_at)?,
            lease: row.lease,
            name: row.name,
            version: row.version,
            payload: row.payload,
            attempt: row.attempt,
            depth: row.depth,
        })
    }
}

/// What was claimed at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// In the order in which they were published.
    pub claimed: Vec<Claimed>,
    /// Deliveries that cannot be read, and why: they are looked at again in an hour.
    pub unreadable: Vec<String>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It arrived.
    Done,
    /// It did not begin, and does not count; it may be claimed again in so many milliseconds.
    NotBegun {
        /// Milliseconds.
        after_ms: i64,
    },
    /// It failed, and may be tried again in so many milliseconds.
    Retry {
        /// Milliseconds.
        after_ms: i64,
    },
    /// It is given up.
    Dead {
        /// Why.
        error: String,
        /// Whether this attempt began, and counts.
        begun: bool,
    },
}

impl Store {
    /// Leases at most so many of an app's deliveries that are due, for so many milliseconds; what cannot be read holds up no
    /// other, but for those of its key.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn claim_deliveries(&self, app: AppId, limit: usize, lease_ms: i64) -> Result<Claims, StoreError> {
        let mut transaction = self.begin().await?;
        let now = self.database_time(&mut transaction).await?;
        // Whoever is about to delete the script or the app goes first, or waits: either takes such a lock.
        let (skip, hold) = match transaction {
            Transaction::Sqlite(_) => ("", ""),
            Transaction::Postgres(_) => (" FOR UPDATE SKIP LOCKED", " FOR KEY SHARE OF s, a"),
        };
        let ids: Vec<String> = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new("UPDATE deliveries SET leased = TRUE, lease = lease + 1");
            query.push(", attempts = attempts + 1, due_at = ").push_bind(now.saturating_add(lease_ms));
            query.push(" WHERE id IN (SELECT id FROM deliveries WHERE app_id = ").push_bind(app.to_string());
            query.push(" AND dead_at IS NULL AND due_at <= ").push_bind(now).push(" AND ").push(script_is_there!());
            query.push(" ORDER BY due_at, seq LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
            query.push(skip).push(") RETURNING id");
            query.build_query_scalar().fetch_all(db).await?
        });
        if ids.is_empty() {
            return transaction.unchanged(Claims::default()).await;
        }
        let rows: Vec<Result<ClaimedRow, Unreadable>> = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new(
                "SELECT d.id AS delivery, d.lease, d.app_id AS app, d.script_id AS script, d.ordering_key,
                    d.schedule_id, s.name, v.id AS version, d.topic, d.scheduled_at, d.payload, d.attempts AS attempt, d.depth
                 FROM deliveries d
                 JOIN scripts s ON s.id = d.script_id AND s.app_id = d.app_id
                 JOIN apps a ON a.id = s.app_id AND NOT a.gone
                 JOIN versions v ON v.script_id = s.id AND v.number = s.active
                 WHERE d.id IN (",
            );
            push_list!(query, &ids);
            query.push(") ORDER BY d.seq").push(hold);
            each_by_itself(&query.build().persistent(false).fetch_all(db).await?)?
        });
        let mut claims = Claims::default();
        for row in rows {
            let claimed = row.and_then(|row| {
                let id = row.lease.delivery.to_string();
                Claimed::try_from(row).map_err(|why| Unreadable { id, why })
            });
            match claimed {
                Ok(claimed) => claims.claimed.push(claimed),
                Err(Unreadable { id, why }) => {
                    self.put_off(&mut transaction, &id, now.saturating_add(UNREADABLE_MS)).await?;
                    claims.unreadable.push(format!("delivery {id}: {why}"));
                }
            }
        }
        transaction.commit().await?;
        Ok(claims)
    }

    /// Ends a lease that was never given.
    async fn put_off(&self, transaction: &mut Transaction, id: &str, due_at: i64) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query("UPDATE deliveries SET leased = FALSE, attempts = attempts - 1, due_at = $2 WHERE id = $1")
                .bind(id)
                .bind(due_at)
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// Has leases end so many milliseconds from now. Those that were lost are left alone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn extend_leases(&self, leases: &[Lease], lease_ms: i64) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let ends = self.database_time(&mut transaction).await?.saturating_add(lease_ms);
        // In one order, so that two that do so never wait for each other.
        let mut leases: Vec<_> = leases.iter().collect();
        leases.sort_by_key(|lease| lease.delivery);
        for lease in leases {
            with_db!(self, &mut transaction, db => {
                sqlx::query(concat!(
                    "UPDATE deliveries SET due_at = $3 WHERE id = $1 AND lease = $2 AND leased AND ",
                    script_is_there!(),
                ))
                .bind(lease.delivery.to_string())
                .bind(lease.lease)
                .bind(ends)
                .execute(db)
                .await?;
            });
        }
        Ok(transaction.commit().await?)
    }

    /// Ends a lease, and records the invocation, the first of the records, in the same transaction. `false` when the lease was lost to another
    /// before, or the script was deleted: then the delivery is as it was, and the invocation, which did take place, is recorded all the same. What
    /// may be due from now on the caller looks for itself; other processes are told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle_delivery(
        &self,
        lease: &Lease,
        settlement: Settlement,
        records: &[NewInvocation],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let dies = matches!(settlement, Settlement::Dead { .. });
        let key = lease.ordering_key.as_ref().filter(|_| dies || settlement == Settlement::Done);
        if key.is_some() {
            self.hold_events(&mut transaction, lease.app).await?;
        }
        let last = records.first().map(|record| record.id);
        let written = match last {
            Some(_) => self.record_in(&mut transaction, records, &tallies(records)).await?,
            None => Vec::new(),
        };
        let now = self.database_time(&mut transaction).await?;
        let held = self.settle(&mut transaction, lease, settlement, last, now).await?;
        if let Some(key) = key.filter(|_| held) {
            self.make_next_due(&mut transaction, lease.script, key, now).await?;
            self.notify_deliveries(&mut transaction).await?;
        }
        if let Some((schedule, last)) = lease.schedule_id.as_ref().zip(last).filter(|_| held) {
            self.remember_run(&mut transaction, schedule, last).await?;
        }
        transaction.commit().await?;
        self.tell_recorded(&written);
        if dies && held {
            self.tell_died(lease.app);
        }
        Ok(held)
    }

    /// Ends all leases where one process alone works on the database, which is so with SQLite: what was leased when it
    /// ended is due at once, and the attempt counts. With PostgreSQL leases end by themselves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reclaim_leases(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        if matches!(transaction, Transaction::Sqlite(_)) {
            with_db!(self, &mut transaction, db => {
                sqlx::query("UPDATE deliveries SET due_at = not_before, leased = FALSE WHERE leased")
                    .execute(db)
                    .await?;
            });
        }
        Ok(transaction.commit().await?)
    }

    async fn settle(
        &self,
        transaction: &mut Transaction,
        lease: &Lease,
        settlement: Settlement,
        last: Option<InvocationId>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let settled = with_db!(self, &mut *transaction, db => {
            let mut query = match settlement {
                Settlement::Done => QueryBuilder::new("DELETE FROM deliveries"),
                Settlement::NotBegun { after_ms } => {
                    let mut query = QueryBuilder::new("UPDATE deliveries SET leased = FALSE, attempts = attempts - 1");
                    query.push(", due_at = ").push_bind(now.saturating_add(after_ms));
                    query
                }
                Settlement::Retry { after_ms } => {
                    let mut query = QueryBuilder::new("UPDATE deliveries SET leased = FALSE");
                    query.push(", due_at = ").push_bind(now.saturating_add(after_ms));
                    query.push(", last_invocation = ").push_bind(last.map(|id| id.to_string()));
                    query
                }
                Settlement::Dead { error, begun } => {
                    let mut query = QueryBuilder::new("UPDATE deliveries SET leased = FALSE, due_at = NULL");
                    query.push(", attempts = attempts - ").push_bind(i64::from(!begun));
                    query.push(", dead_at = ").push_bind(now).push(", bytes = LENGTH(payload) + ");
                    query.push_bind(i64::try_from(error.len()).unwrap_or(i64::MAX));
                    query.push(", error = ").push_bind(error.into_bytes());
                    query.push(", last_invocation = COALESCE(").push_bind(last.map(|id| id.to_string()));
                    query.push(", last_invocation)");
                    query
                }
            };
            query.push(" WHERE id = ").push_bind(lease.delivery.to_string());
            query.push(" AND lease = ").push_bind(lease.lease).push(" AND leased AND ").push(script_is_there!());
            query.build().execute(db).await?.rows_affected()
        });
        Ok(settled == 1)
    }

    /// The first of a key that is left may be claimed from now on.
    async fn make_next_due(
        &self,
        transaction: &mut Transaction,
        script: ScriptId,
        key: &[u8],
        now: i64,
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query(
                "UPDATE deliveries SET due_at = CASE WHEN not_before > $3 THEN not_before ELSE $3 END
                 WHERE due_at IS NULL AND id = (
                    SELECT id FROM deliveries WHERE script_id = $1 AND ordering_key = $2 AND dead_at IS NULL
                    ORDER BY seq LIMIT 1)",
            )
            .bind(script.to_string())
            .bind(key)
            .bind(now)
            .execute(db)
            .await?;
        });
        Ok(())
    }

    /// Holds the app's row, so that nobody publishes behind what is about to leave. On SQLite nobody else writes anyway.
    async fn hold_events(&self, transaction: &mut Transaction, app: AppId) -> Result<(), StoreError> {
        if let Transaction::Postgres(transaction) = transaction {
            self.count_query();
            sqlx::query("SELECT 1 FROM apps WHERE id = $1 FOR NO KEY UPDATE")
                .bind(app.to_string())
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }
}
