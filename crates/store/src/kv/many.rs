//! Many keys in one statement. What it brings is bounded in bytes by the database: values that are too many never come.
//! Statements that differ with the number of keys are not kept prepared: they would drive out those that are the same.

use super::{KvEntry, KvFull, KvRoom, KvValue, push_range, size_of};
use crate::{Store, StoreError};
use picloud_shared::{ids::AppId, time::TimestampMs};
use sqlx::QueryBuilder;
use std::collections::{BTreeMap, BTreeSet};

/// The values are more than was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the values together are too large")]
pub struct TooMuch;

/// A row, with how many there are before any is left out for its size.
#[derive(sqlx::FromRow)]
struct Counted {
    found: i64,
    #[sqlx(flatten)]
    entry: KvEntry,
}

impl Store {
    /// Those of the keys that exist, in the order of their bytes, if their values have at most `bytes` together.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_get_many(
        &self,
        app: AppId,
        keys: &BTreeSet<&[u8]>,
        bytes: i64,
        now: TimestampMs,
    ) -> Result<Result<Vec<KvEntry>, TooMuch>, StoreError> {
        if keys.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let rows: Vec<Counted> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT key, json, data, found FROM (
                    SELECT key, json, data, COUNT(*) OVER () AS found, SUM(LENGTH(data)) OVER (ORDER BY key) AS total
                    FROM kv WHERE app_id = ",
            );
            query.push_bind(app.to_string()).push(" AND (expires_at IS NULL OR expires_at > ").push_bind(now);
            query.push(") AND key IN (");
            let mut list = query.separated(", ");
            for key in keys {
                list.push_bind(*key);
            }
            // The first row comes whatever its size, so that there is one to tell how many were found.
            query.push(")) AS entries WHERE total <= ").push_bind(bytes).push(" OR total = LENGTH(data) ORDER BY key");
            query.build_query_as().persistent(false).fetch_all(db).await?
        });
        let total: usize = rows.iter().map(|row| row.entry.value.data.len()).sum();
        let complete = rows.first().is_none_or(|row| usize::try_from(row.found) == Ok(rows.len()));
        if !complete || i64::try_from(total).unwrap_or(i64::MAX) > bytes {
            return Ok(Err(TooMuch));
        }
        Ok(Ok(rows.into_iter().map(|row| row.entry).collect()))
    }

    /// Sets all keys, whatever they were before, or none. They end at `expires_at`.
    ///
    /// # Errors
    /// When the database fails, or there is no such app (any more).
    pub async fn kv_set_many(
        &self,
        app: AppId,
        // Sorted: two that write the same keys lock their rows in the same order.
        values: BTreeMap<&[u8], KvValue>,
        expires_at: Option<TimestampMs>,
        room: KvRoom,
    ) -> Result<Result<(), KvFull>, StoreError> {
        if values.is_empty() {
            return Ok(Ok(()));
        }
        let keys: Vec<&[u8]> = values.keys().copied().collect();
        let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        let size: i64 = values.iter().map(|(key, value)| size_of(key, value.data.len())).sum();
        let set = with_db!(self, write, db => {
            let mut query = QueryBuilder::new(
                "INSERT INTO kv (app_id, key, json, data, expires_at)
                 SELECT column1, column2, column3, column4, column5 FROM (",
            );
            query.push_values(values, |mut row, (key, value)| {
                row.push_bind(app.to_string()).push_bind(key).push_bind(value.json);
                row.push_bind(value.data).push_bind(expires_at);
            });
            // What is there already of these keys, beside what there is of all.
            query.push(") AS new WHERE (SELECT there.bytes >= ").push_bind(size).push(" AND there.entries = ").push_bind(count);
            query.push(" OR (used.bytes - there.bytes + ").push_bind(size).push(" <= ").push_bind(room.bytes);
            query.push(" AND used.entries - there.entries + ").push_bind(count).push(" <= ").push_bind(room.entries);
            query.push(
                ") FROM (SELECT COALESCE(SUM(LENGTH(key) + LENGTH(data)), 0) AS bytes, COUNT(*) AS entries
                    FROM kv WHERE app_id = ",
            );
            query.push_bind(app.to_string()).push(" AND key IN (");
            let mut list = query.separated(", ");
            for key in keys {
                list.push_bind(key);
            }
            query.push(
                ")) AS there, (SELECT COALESCE(SUM(bytes), 0) AS bytes, COALESCE(SUM(entries), 0) AS entries
                    FROM kv_usage WHERE app_id = ",
            );
            query.push_bind(app.to_string()).push(
                ") AS used) ON CONFLICT (app_id, key) DO UPDATE
                  SET json = excluded.json, data = excluded.data, expires_at = excluded.expires_at",
            );
            query.build().persistent(false).execute(db).await?.rows_affected()
        });
        Ok(if set == 0 { Err(KvFull) } else { Ok(()) })
    }

    /// The keys that begin with `prefix` and come after `after`, with their values, in the order of the keys' bytes: at
    /// most `limit`, and fewer where their values would have more than `bytes` together, but one if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kv_entries(
        &self,
        app: AppId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: u32,
        bytes: i64,
        now: TimestampMs,
    ) -> Result<Vec<KvEntry>, StoreError> {
        Ok(with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT key, json, data FROM (
                    SELECT key, json, data, SUM(LENGTH(data)) OVER (ORDER BY key) AS total
                    FROM (SELECT key, json, data",
            );
            push_range!(query, app, prefix, after, limit, now);
            query.push(") AS page) AS entries WHERE total <= ").push_bind(bytes);
            query.push(" OR total = LENGTH(data) ORDER BY key");
            query.build_query_as().fetch_all(db).await?
        }))
    }
}
