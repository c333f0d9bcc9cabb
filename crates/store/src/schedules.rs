//! The table `schedules`: which slot each fires next, and firing. A slot that fires becomes one row of `deliveries` in the
//! transaction that moves its schedule on to the next slot, so it fires once, however many processes look.
//!
//! Whoever fires or replaces schedules holds the rows of their apps.

use crate::{
    Store, StoreError,
    batch::Insert,
    commit::Change,
    pool::Transaction,
    rows::{Optional, UNREADABLE_MS, Unreadable, each_by_itself},
};
use picloud_shared::{
    ids::{AppId, DeliveryId, InvocationId, ScheduleId},
    limits::{APP_SCHEDULES, DELIVERIES_WAITING},
    names::ScriptName,
    schedule::{Due, Schedule},
    time::TimestampMs,
};
use sqlx::QueryBuilder;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

/// A schedule of an active version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSchedule {
    /// Stays while its script has the same schedule.
    pub id: ScheduleId,
    /// Whose it is.
    pub script: ScriptName,
    /// When it fires.
    pub schedule: Schedule,
    /// The slot that comes next.
    pub next_at: Option<TimestampMs>,
    /// The slot that fired last, or when it was run by hand if that was later.
    pub last_at: Option<TimestampMs>,
    /// The latest invocation that it led to, with its outcome, while that is recorded.
    pub last: Option<(InvocationId, String)>,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: ScheduleId,
    #[sqlx(try_from = "String")]
    script: ScriptName,
    #[sqlx(try_from = "String")]
    schedule: Schedule,
    next_at: Option<TimestampMs>,
    last_at: Option<TimestampMs>,
    #[sqlx(try_from = "Option<String>")]
    invocation: Optional<InvocationId>,
    outcome: Option<String>,
}

/// What was done about the slots that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// Slots that became deliveries.
    pub fired: usize,
    /// Schedules of which slots were missed and are not made up for.
    pub missed: usize,
    /// Slots that were dropped, as their app has [`DELIVERIES_WAITING`].
    pub dropped: usize,
    /// Schedules that cannot be read, and why: they are looked at again in an hour.
    pub unreadable: Vec<String>,
    /// Milliseconds until the next slot; not positive when there are more that are due. `None` when there is none.
    pub next_in_ms: Option<i64>,
}

/// Why a schedule was not run. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunRefused {
    /// The app has no such schedule.
    #[error("there is no such schedule")]
    NoSuchSchedule,
    /// It would have more than [`DELIVERIES_WAITING`].
    #[error("the app has {DELIVERIES_WAITING} deliveries waiting, as many as it may")]
    QueueFull,
}

/// A slot that is due, its app's row held.
#[derive(sqlx::FromRow)]
struct Slot {
    id: String,
    #[sqlx(try_from = "String")]
    app_id: AppId,
    script_id: String,
    #[sqlx(try_from = "String")]
    schedule: Schedule,
    next_at: TimestampMs,
}

/// A delivery that a slot becomes.
struct Delivery {
    id: DeliveryId,
    app: AppId,
    script: String,
    schedule: String,
    at: TimestampMs,
    seq: i64,
}

/// What stays of an app's numbers and of its room while slots of it are fired.
struct Budget {
    next_seq: i64,
    room: usize,
}

static DELIVERIES: LazyLock<Insert> = LazyLock::new(|| {
    Insert::into(
        "deliveries",
        "id, app_id, script_id, schedule_id, scheduled_at, seq, payload, depth, not_before, due_at",
    )
});

/// What the script sees as `event.payload`.
const PAYLOAD: &[u8] = b"null";

impl Store {
    /// The schedules of an app, by script.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn schedules(&self, app: AppId) -> Result<Vec<StoredSchedule>, StoreError> {
        let rows: Vec<Row> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT h.id, s.name AS script, h.schedule, h.next_at, h.last_at, i.id AS invocation, i.outcome
                 FROM schedules h JOIN scripts s ON s.id = h.script_id
                 LEFT JOIN invocations i ON i.id = h.last_invocation
                 WHERE h.app_id = $1 ORDER BY s.name, h.schedule",
            )
            .bind(app.to_string())
            .fetch_all(db)
            .await?
        });
        let seen = |row: Row| StoredSchedule {
            id: row.id,
            script: row.script,
            schedule: row.schedule,
            next_at: row.next_at,
            last_at: row.last_at,
            last: row.invocation.0.zip(row.outcome),
        };
        Ok(rows.into_iter().map(seen).collect())
    }

    /// Fires what is due, at most so many slots: the earliest of each app, then the second of each, and so on, so that none
    /// of an app waits for more than the earlier ones of the app itself and as many of each other. What cannot be read holds up
    /// no other. It has reached the disk when this returns.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn fire_schedules(&self, limit: usize) -> Result<Fired, StoreError> {
        let mut looking = self.inner.pool.begin_read().await?;
        let now = self.database_time(&mut looking).await?;
        let due: Vec<(String, String)> = with_db!(self, &mut looking, db => {
            sqlx::query_as(
                "SELECT id, app_id FROM (
                    SELECT id, app_id, next_at, ROW_NUMBER() OVER (PARTITION BY app_id ORDER BY next_at, id) AS place
                    FROM schedules WHERE next_at <= $1
                 ) AS due ORDER BY place, next_at, id LIMIT $2",
            )
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(db)
            .await?
        });
        if due.is_empty() {
            let next_in_ms = self.next_slot(&mut looking).await?.map(|slot| slot - now);
            looking.commit().await?;
            return Ok(Fired { next_in_ms, ..Fired::default() });
        }
        looking.commit().await?;

        let mut transaction = self.begin().await?;
        let mut budgets = self.budgets(&mut transaction, &due).await?;
        let now = self.database_time(&mut transaction).await?;
        // Again, as somebody else may have fired some until the apps' rows were held.
        let slots: Vec<Result<Slot, Unreadable>> = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new("SELECT id, app_id, script_id, schedule, next_at FROM schedules");
            query.push(" WHERE next_at <= ").push_bind(now).push(" AND id IN (");
            push_list!(query, due.iter().map(|(id, _)| id));
            each_by_itself(&query.push(") ORDER BY next_at, id").build().persistent(false).fetch_all(db).await?)?
        });
        let mut done = Fired::default();
        let (mut deliveries, mut moves) = (Vec::new(), Vec::with_capacity(slots.len()));
        for slot in slots {
            let slot = match slot {
                Ok(slot) => slot,
                Err(Unreadable { id, why }) => {
                    done.unreadable.push(format!("schedule {id}: {why}"));
                    moves.push((id, Some(now.saturating_add(UNREADABLE_MS)), None));
                    continue;
                }
            };
            let Due { fire, next } = slot.schedule.due(slot.next_at, now);
            // Those of an app that is gone are gone as well.
            let Some(budget) = budgets.get_mut(&slot.app_id) else { continue };
            let fire = fire.filter(|_| budget.room > 0).inspect(|&at| {
                deliveries.push(Delivery {
                    id: DeliveryId::new(),
                    app: slot.app_id,
                    script: slot.script_id,
                    schedule: slot.id.clone(),
                    at,
                    seq: budget.next_seq,
                });
                (budget.next_seq, budget.room) = (budget.next_seq + 1, budget.room - 1);
            });
            match (fire, budget.room) {
                (Some(_), _) => done.fired += 1,
                (None, 0) => done.dropped += 1,
                (None, _) => done.missed += 1,
            }
            moves.push((slot.id, next, fire));
        }
        self.insert_slots(&mut transaction, &deliveries, now).await?;
        for (id, next, last) in moves {
            with_db!(self, &mut transaction, db => {
                sqlx::query("UPDATE schedules SET next_at = $2, last_at = COALESCE($3, last_at) WHERE id = $1")
                    .bind(id)
                    .bind(next)
                    .bind(last)
                    .execute(db)
                    .await?;
            });
        }
        done.next_in_ms = self.next_slot(&mut transaction).await?.map(|slot| slot - now);
        if done.fired > 0 {
            self.notify_deliveries(&mut transaction).await?;
        }
        self.commit(transaction, if done.fired > 0 { &[Change::Deliveries] } else { &[] }).await?;
        Ok(done)
    }

    /// Makes a delivery of a schedule now, as if a slot were due; those that are to come stay as they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn run_schedule(&self, app: AppId, id: ScheduleId) -> Result<Result<DeliveryId, RunRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(seq) = self.number_events(&mut transaction, app, 1).await? else {
            return transaction.unchanged(Err(RunRefused::NoSuchSchedule)).await;
        };
        let script: Option<String> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT script_id FROM schedules WHERE id = $1 AND app_id = $2")
                .bind(id.to_string())
                .bind(app.to_string())
                .fetch_optional(db)
                .await?
        });
        let Some(script) = script else { return transaction.unchanged(Err(RunRefused::NoSuchSchedule)).await };
        if self.room(&mut transaction, app).await? == 0 {
            return transaction.unchanged(Err(RunRefused::QueueFull)).await;
        }
        let now = self.database_time(&mut transaction).await?;
        let delivery = Delivery { id: DeliveryId::new(), app, script, schedule: id.to_string(), at: now, seq };
        let delivered = delivery.id;
        self.insert_slots(&mut transaction, &[delivery], now).await?;
        with_db!(self, &mut transaction, db => {
            sqlx::query("UPDATE schedules SET last_at = $2 WHERE id = $1")
                .bind(id.to_string())
                .bind(now)
                .execute(db)
                .await?;
        });
        self.notify_deliveries(&mut transaction).await?;
        self.commit(transaction, &[Change::Deliveries]).await?;
        Ok(Ok(delivered))
    }

    /// Replaces a script's schedules. Those that stay go on as they were; new ones begin with their first slot from now.
    /// `false` when that would be more than [`APP_SCHEDULES`] of the app, whose row is held.
    pub(crate) async fn reschedule(
        &self,
        transaction: &mut Transaction,
        app: &str,
        script: &str,
        schedules: &[Schedule],
    ) -> Result<bool, StoreError> {
        let known = self.unschedule(&mut *transaction, script, schedules).await?;
        let added: Vec<&Schedule> = schedules.iter().filter(|schedule| !known.contains(schedule.as_str())).collect();
        if added.is_empty() {
            return Ok(true);
        }
        let others: i64 = with_db!(self, &mut *transaction, db => {
            sqlx::query_scalar("SELECT COUNT(*) FROM schedules WHERE app_id = $1").bind(app).fetch_one(db).await?
        });
        if usize::try_from(others).unwrap_or(usize::MAX).saturating_add(added.len()) > APP_SCHEDULES {
            return Ok(false);
        }
        let now = self.database_time(&mut *transaction).await?;
        for schedule in added {
            with_db!(self, &mut *transaction, db => {
                sqlx::query(
                    "INSERT INTO schedules (id, app_id, script_id, schedule, next_at) VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(ScheduleId::new().to_string())
                .bind(app)
                .bind(script)
                .bind(schedule.as_str())
                .bind(schedule.next_after(now))
                .execute(db)
                .await?;
            });
        }
        self.notify_schedules(transaction).await?;
        Ok(true)
    }

    /// Takes those of a script's schedules from it that are not among these; gives those that stay.
    pub(crate) async fn unschedule(
        &self,
        transaction: &mut Transaction,
        script: &str,
        staying: &[Schedule],
    ) -> Result<BTreeSet<String>, StoreError> {
        let stored: Vec<(String, String)> = with_db!(self, &mut *transaction, db => {
            sqlx::query_as("SELECT id, schedule FROM schedules WHERE script_id = $1").bind(script).fetch_all(db).await?
        });
        let staying: BTreeSet<&str> = staying.iter().map(Schedule::as_str).collect();
        let mut known = BTreeSet::new();
        for (id, schedule) in stored {
            if staying.contains(schedule.as_str()) {
                known.insert(schedule);
                continue;
            }
            with_db!(self, &mut *transaction, db => {
                sqlx::query("DELETE FROM schedules WHERE id = $1").bind(id).execute(db).await?;
            });
        }
        Ok(known)
    }

    /// Remembers to which invocation a schedule led, if it is still there.
    pub(crate) async fn remember_run(
        &self,
        transaction: &mut Transaction,
        schedule: &str,
        invocation: InvocationId,
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query("UPDATE schedules SET last_invocation = $2 WHERE id = $1")
                .bind(schedule)
                .bind(invocation.to_string())
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// Holds the rows of the apps that have something due, in the order of their ids, and takes numbers for their events.
    async fn budgets(
        &self,
        transaction: &mut Transaction,
        due: &[(String, String)],
    ) -> Result<BTreeMap<AppId, Budget>, StoreError> {
        let mut counts: BTreeMap<AppId, i64> = BTreeMap::new();
        for (_, app) in due {
            // Whose app's id is none cannot be read itself.
            let Ok(app) = app.parse() else { continue };
            *counts.entry(app).or_default() += 1;
        }
        let mut budgets = BTreeMap::new();
        for (app, count) in counts {
            let Some(next_seq) = self.number_events(&mut *transaction, app, count).await? else { continue };
            budgets.insert(app, Budget { next_seq, room: self.room(&mut *transaction, app).await? });
        }
        Ok(budgets)
    }

    async fn insert_slots(
        &self,
        transaction: &mut Transaction,
        deliveries: &[Delivery],
        now: TimestampMs,
    ) -> Result<(), StoreError> {
        for (statement, deliveries) in DELIVERIES.split(transaction, deliveries) {
            with_db!(self, &mut *transaction, db => {
                let mut query = sqlx::query(statement);
                for delivery in deliveries {
                    query = query
                        .bind(delivery.id.to_string())
                        .bind(delivery.app.to_string())
                        .bind(delivery.script.as_str())
                        .bind(delivery.schedule.as_str())
                        .bind(delivery.at)
                        .bind(delivery.seq)
                        .bind(PAYLOAD)
                        // No event caused this one.
                        .bind(1_i64)
                        .bind(now)
                        .bind(now);
                }
                query.execute(db).await?;
            });
        }
        Ok(())
    }

    async fn next_slot(&self, transaction: &mut Transaction) -> Result<Option<TimestampMs>, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT MIN(next_at) FROM schedules").fetch_one(db).await?
        }))
    }
}
