//! The table `kv`: the apps' own data. Keys and values are bytes. An entry past its time does not exist, whether or not
//! its row is still there; it counts until it is removed. The table `kv_usage` counts what each app has, by triggers. Who writes
//! looks there in the same statement; what others write at that moment is not seen, and may pass an app's bounds by as much.

mod many;

pub use many::TooMuch;

use crate::{Store, StoreError};
use picloud_shared::{ids::AppId, time::TimestampMs};
use sqlx::QueryBuilder;

/// Narrows a query of `kv` down to the keys that begin with `prefix` and come after `after`, in the order of their
/// bytes, at most so many.
macro_rules! push_range {
    ($query:expr, $app:expr, $prefix:expr, $after:expr, $limit:expr, $now:expr) => {
        $query.push(" FROM kv WHERE app_id = ").push_bind($app.to_string());
        // One lower bound, not two: SQLite's index search takes only one.
        match $after.filter(|after| *after >= $prefix) {
            Some(after) => $query.push(" AND key > ").push_bind(after),
            None => $query.push(" AND key >= ").push_bind($prefix),
        };
        if let Some(end) = $crate::kv::end_of_prefix($prefix) {
            $query.push(" AND key < ").push_bind(end);
        }
        $query.push(" AND (expires_at IS NULL OR expires_at > ").push_bind($now);
        $query.push(") ORDER BY key LIMIT ").push_bind(i64::from($limit));
    };
}
use push_range;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KvValue {
    /// Whether the bytes are a JSON text.
    pub json: bool,
    /// The bytes.
    pub data: Vec<u8>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KvEntry {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    #[sqlx(flatten)]
    pub value: KvValue,
}

/// How much an app may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvRoom {
    /// Bytes of keys and values.
    pub bytes: i64,
    /// Entries.
    pub entries: i64,
}

/// The app would have more than it may. Nothing has changed. What does not grow can always be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the app's key-value store is full")]
pub struct KvFull;

/// Why nothing was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IncrRefused {
    /// See there.
    #[error(transparent)]
    NotANumber(#[from] NotANumber),
    /// See there.
    #[error(transparent)]
    Full(#[from] KvFull),
}

/// Holds where the app, $1, has room for a value of the key $2: a parameter each for the bytes of both, and for how many bytes and
/// entries it may have.
macro_rules! room_for {
    ($size:literal, $bytes:literal, $entries:literal) => {
        concat!(
            "(COALESCE((SELECT LENGTH(key) + LENGTH(data) FROM kv WHERE app_id = $1 AND key = $2) >= ",
            $size,
            ", FALSE)
             OR (",
            $size,
            " + COALESCE((SELECT SUM(bytes) FROM kv_usage WHERE app_id = $1), 0)
                    - COALESCE((SELECT LENGTH(key) + LENGTH(data) FROM kv WHERE app_id = $1 AND key = $2), 0) <= ",
            $bytes,
            "
                AND (COALESCE((SELECT SUM(entries) FROM kv_usage WHERE app_id = $1), 0) < ",
            $entries,
            "
                    OR EXISTS (SELECT 1 FROM kv WHERE app_id = $1 AND key = $2))))"
        )
    };
}

/// Most bytes of an integer as JSON.
const INTEGER_BYTES: usize = 20;

fn size_of(key: &[u8], data: usize) -> i64 {
    i64::try_from(key.len() + data).unwrap_or(i64::MAX)
}

/// The value is no integer, or would leave the range of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is not an integer that can be counted")]
pub struct NotANumber;

impl Store {
    /// The value of a key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_get(&self, app: AppId, key: &[u8], now: TimestampMs) -> Result<Option<KvValue>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT json, data FROM kv
                 WHERE app_id = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)",
            )
            .bind(app.to_string())
            .bind(key)
            .bind(now)
            .fetch_optional(db)
            .await?
        }))
    }

    /// Sets a key, whatever it was before. It ends at `expires_at`.
    ///
    /// # Errors
    /// When the database fails, or there is no such app (any more).
    pub async fn kv_set(
        &self,
        app: AppId,
        key: &[u8],
        value: KvValue,
        expires_at: Option<TimestampMs>,
        room: KvRoom,
    ) -> Result<Result<(), KvFull>, StoreError> {
        let size = size_of(key, value.data.len());
        let mut transaction = self.begin_if_audited().await?;
        let set = with_db!(self, maybe transaction, db => {
            sqlx::query(concat!(
                "INSERT INTO kv (app_id, key, json, data, expires_at) SELECT $1, $2, $3, $4, $5 WHERE ",
                room_for!("$6", "$7", "$8"),
                " ON CONFLICT (app_id, key) DO UPDATE
                  SET json = excluded.json, data = excluded.data, expires_at = excluded.expires_at",
            ))
            .bind(app.to_string())
            .bind(key)
            .bind(value.json)
            .bind(value.data)
            .bind(expires_at)
            .bind(size)
            .bind(room.bytes)
            .bind(room.entries)
            .execute(db)
            .await?
            .rows_affected()
        });
        match transaction {
            Some(transaction) if set == 0 => transaction.unchanged(Err(KvFull)).await,
            Some(transaction) => {
                transaction.commit().await?;
                Ok(Ok(()))
            }
            None => Ok(if set == 0 { Err(KvFull) } else { Ok(()) }),
        }
    }

    /// Deletes a key. `false` when it did not exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_delete(&self, app: AppId, key: &[u8], now: TimestampMs) -> Result<bool, StoreError> {
        let mut transaction = self.begin_if_audited().await?;
        let existed: Option<bool> = with_db!(self, maybe transaction, db => {
            sqlx::query_scalar(
                "DELETE FROM kv WHERE app_id = $1 AND key = $2 RETURNING expires_at IS NULL OR expires_at > $3",
            )
            .bind(app.to_string())
            .bind(key)
            .bind(now)
            .fetch_optional(db)
            .await?
        });
        let existed = existed.unwrap_or(false);
        match transaction {
            None => Ok(existed),
            Some(transaction) if !existed => transaction.unchanged(false).await,
            Some(transaction) => {
                transaction.commit().await?;
                Ok(true)
            }
        }
    }

    /// When a key ends: nothing inside when it never does, nothing at all when there is no such key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_end(
        &self,
        app: AppId,
        key: &[u8],
        now: TimestampMs,
    ) -> Result<Option<Option<TimestampMs>>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar(
                "SELECT expires_at FROM kv
                 WHERE app_id = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)",
            )
            .bind(app.to_string())
            .bind(key)
            .bind(now)
            .fetch_optional(db)
            .await?
        }))
    }

    /// Lets a key end at `expires_at`. `false` when it did not exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_expire(
        &self,
        app: AppId,
        key: &[u8],
        expires_at: TimestampMs,
        now: TimestampMs,
    ) -> Result<bool, StoreError> {
        let changed = with_db!(self, write, db => {
            sqlx::query(
                "UPDATE kv SET expires_at = $3
                 WHERE app_id = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $4)",
            )
            .bind(app.to_string())
            .bind(key)
            .bind(expires_at)
            .bind(now)
            .execute(db)
            .await?
            .rows_affected()
        });
        Ok(changed == 1)
    }

    /// Adds to a JSON integer and returns the sum. A missing key counts as 0; one that exists keeps its time to end.
    ///
    /// # Errors
    /// When the database fails, or there is no such app (any more).
    pub async fn kv_incr(
        &self,
        app: AppId,
        key: &[u8],
        by: i64,
        now: TimestampMs,
        room: KvRoom,
    ) -> Result<Result<i64, IncrRefused>, StoreError> {
        let app = app.to_string();
        let mut transaction = self.begin().await?;
        // Makes the row where there is none, and holds it either way, so that the sum is of what others left.
        let value: Option<KvValue> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(concat!(
                "INSERT INTO kv (app_id, key, json, data, expires_at) SELECT $1, $2, TRUE, $3, CAST(NULL AS BIGINT)
                 WHERE EXISTS (SELECT 1 FROM kv WHERE app_id = $1 AND key = $2) OR ",
                room_for!("$5", "$6", "$7"),
                " ON CONFLICT (app_id, key) DO UPDATE SET
                    json = CASE WHEN kv.expires_at <= $4 THEN excluded.json ELSE kv.json END,
                    data = CASE WHEN kv.expires_at <= $4 THEN excluded.data ELSE kv.data END,
                    expires_at = CASE WHEN kv.expires_at <= $4 THEN NULL ELSE kv.expires_at END
                  RETURNING json, data",
            ))
            .bind(&app)
            .bind(key)
            .bind(&b"0"[..])
            .bind(now)
            .bind(size_of(key, INTEGER_BYTES))
            .bind(room.bytes)
            .bind(room.entries)
            .fetch_optional(db)
            .await?
        });
        let Some(value) = value else { return transaction.unchanged(Err(KvFull.into())).await };
        let number = value.json.then(|| serde_json::from_slice::<i64>(&value.data).ok()).flatten();
        let Some(sum) = number.and_then(|number| number.checked_add(by)) else {
            return transaction.unchanged(Err(NotANumber.into())).await;
        };
        with_db!(self, &mut transaction, db => {
            sqlx::query("UPDATE kv SET data = $3 WHERE app_id = $1 AND key = $2")
                .bind(&app)
                .bind(key)
                .bind(sum.to_string().into_bytes())
                .execute(db)
                .await?;
        });
        transaction.commit().await?;
        Ok(Ok(sum))
    }

    /// Sets a key, to a value and the time when it ends, if its value is exactly `expected` (`None`: if it does not exist). Whether it
    /// was set.
    ///
    /// # Errors
    /// When the database fails, or there is no such app (any more).
    pub async fn kv_compare_and_set(
        &self,
        app: AppId,
        key: &[u8],
        expected: Option<&KvValue>,
        (value, expires_at): (KvValue, Option<TimestampMs>),
        now: TimestampMs,
        room: KvRoom,
    ) -> Result<Result<bool, KvFull>, StoreError> {
        let size = size_of(key, value.data.len());
        let mut transaction = self.begin_if_audited().await?;
        let set = match expected {
            None => with_db!(self, maybe transaction, db => {
                sqlx::query(concat!(
                    "INSERT INTO kv (app_id, key, json, data, expires_at) SELECT $1, $2, $3, $4, $5 WHERE ",
                    room_for!("$7", "$8", "$9"),
                    " ON CONFLICT (app_id, key) DO UPDATE
                      SET json = excluded.json, data = excluded.data, expires_at = excluded.expires_at
                      WHERE kv.expires_at <= $6",
                ))
                .bind(app.to_string())
                .bind(key)
                .bind(value.json)
                .bind(value.data)
                .bind(expires_at)
                .bind(now)
                .bind(size)
                .bind(room.bytes)
                .bind(room.entries)
                .execute(db)
                .await?
                .rows_affected()
            }),
            Some(expected) => with_db!(self, maybe transaction, db => {
                sqlx::query(concat!(
                    "UPDATE kv SET json = $3, data = $4, expires_at = $5
                     WHERE app_id = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $6)
                        AND json = $7 AND data = $8 AND ",
                    room_for!("$9", "$10", "$11"),
                ))
                .bind(app.to_string())
                .bind(key)
                .bind(value.json)
                .bind(value.data)
                .bind(expires_at)
                .bind(now)
                .bind(expected.json)
                .bind(&expected.data)
                .bind(size)
                .bind(room.bytes)
                .bind(room.entries)
                .execute(db)
                .await?
                .rows_affected()
            }),
        };
        if set == 1 {
            if let Some(transaction) = transaction {
                transaction.commit().await?;
            }
            return Ok(Ok(true));
        }
        if let Some(transaction) = transaction {
            transaction.unchanged(()).await?;
        }
        // It is another value, or there was no room for a new one.
        let is_expected = self.kv_get(app, key, now).await?.as_ref() == expected;
        Ok(if is_expected && !self.has_room(app, key, size, room).await? { Err(KvFull) } else { Ok(false) })
    }

    async fn has_room(&self, app: AppId, key: &[u8], size: i64, room: KvRoom) -> Result<bool, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar(concat!("SELECT ", room_for!("$3", "$4", "$5")))
                .bind(app.to_string())
                .bind(key)
                .bind(size)
                .bind(room.bytes)
                .bind(room.entries)
                .fetch_one(db)
                .await?
        }))
    }

    /// The keys that begin with `prefix` and come after `after`, in the order of their bytes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_list(
        &self,
        app: AppId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: u32,
        now: TimestampMs,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(with_db!(self, read, db => {
            let mut query = QueryBuilder::new("SELECT key");
            push_range!(query, app, prefix, after, limit, now);
            query.build_query_scalar().fetch_all(db).await?
        }))
    }
}

/// The first key after all those that begin with `prefix`; `None` when there is none.
pub(crate) fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}
