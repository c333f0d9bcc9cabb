//! Removing dead letters that are too old, and the oldest of an app that has too many. Each call is one small transaction,
//! so that nobody waits long for the writer; whoever calls goes on until nothing is left to remove.

use crate::{
    Store, StoreError,
    gone::{STEP, STEP_BYTES, script_is_there},
    pool::Transaction,
};
use picloud_shared::{ids::AppId, time::TimestampMs};
use sqlx::QueryBuilder;

/// The dead letters of an app together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct KeptDeadLetters {
    /// How many.
    pub letters: i64,
    /// Bytes of their payloads and errors.
    pub bytes: i64,
    /// When the first of them was given up.
    pub oldest: Option<TimestampMs>,
}

/// How many dead letters one call has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovedDeadLetters {
    /// Those that were too old.
    pub too_old: usize,
    /// Those that were younger, and too many.
    pub too_many: usize,
}

/// One that may go.
#[derive(sqlx::FromRow)]
struct Oldest {
    id: String,
    dead_at: TimestampMs,
    bytes: i64,
}

/// From the index alone, as rows are large.
const KEPT: &str = concat!(
    "SELECT COUNT(*) AS letters, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes, MIN(dead_at) AS oldest
    FROM deliveries WHERE app_id = $1 AND dead_at IS NOT NULL AND ",
    script_is_there!(),
);

impl Store {
    /// What there is of an app's dead letters.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kept_dead_letters(&self, app: AppId) -> Result<KeptDeadLetters, StoreError> {
        Ok(with_db!(self, read, db => sqlx::query_as(KEPT).bind(app.to_string()).fetch_one(db).await?))
    }

    /// Removes some of an app's oldest dead letters: those that were given up before `until`, and as many as it has more than
    /// so many, or than have so many bytes together. None are removed when nothing is left to remove, or another process
    /// is about to.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune_dead_letters(
        &self,
        app: AppId,
        letters: i64,
        bytes: i64,
        until: TimestampMs,
    ) -> Result<RemovedDeadLetters, StoreError> {
        let app = app.to_string();
        let mut transaction = self.begin().await?;
        if !self.prunes_alone(&mut transaction, &app).await? {
            return transaction.unchanged(RemovedDeadLetters::default()).await;
        }
        let kept: KeptDeadLetters =
            with_db!(self, &mut transaction, db => sqlx::query_as(KEPT).bind(&app).fetch_one(db).await?);
        let oldest: Vec<Oldest> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(concat!(
                "SELECT id, dead_at, COALESCE(bytes, 0) AS bytes FROM deliveries
                 WHERE app_id = $1 AND dead_at IS NOT NULL AND ",
                script_is_there!(),
                " ORDER BY dead_at, id LIMIT $2",
            ))
            .bind(&app)
            .bind(STEP)
            .fetch_all(db)
            .await?
        });
        let going = going(&oldest, kept.letters.saturating_sub(letters), kept.bytes.saturating_sub(bytes), until);
        let Some(last) = going.last() else {
            // Ended here, not by a rollback some time later: who looks next may look at once.
            transaction.commit().await?;
            return Ok(RemovedDeadLetters::default());
        };
        // Not one that is being replayed: it is dead no more, or died anew.
        let skip = match transaction {
            Transaction::Sqlite(_) => "",
            Transaction::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        };
        let gone: Vec<TimestampMs> = with_db!(self, &mut transaction, db => {
            let mut query = QueryBuilder::new("DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE id IN (");
            push_list!(query, going.iter().map(|letter| &letter.id));
            query.push(") AND dead_at <= ").push_bind(last.dead_at).push(skip).push(") RETURNING dead_at");
            query.build_query_scalar().persistent(false).fetch_all(db).await?
        });
        transaction.commit().await?;
        let too_old = gone.iter().filter(|dead_at| **dead_at < until).count();
        Ok(RemovedDeadLetters { too_old, too_many: gone.len() - too_old })
    }
}

/// Those of the oldest that go in one step: as long as they are too old, or there are too many or too many bytes.
fn going(oldest: &[Oldest], mut letters: i64, mut bytes: i64, until: TimestampMs) -> &[Oldest] {
    let mut step = 0;
    let goes = |(n, letter): &(usize, &Oldest)| {
        step += letter.bytes;
        let goes = (letters > 0 || bytes > 0 || letter.dead_at < until) && (*n == 0 || step <= STEP_BYTES);
        letters = letters.saturating_sub(1);
        bytes = bytes.saturating_sub(letter.bytes);
        goes
    };
    let count = oldest.iter().enumerate().take_while(goes).count();
    &oldest[..count]
}
