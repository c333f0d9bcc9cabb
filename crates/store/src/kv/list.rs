//! Keys in the order of their bytes. No statement looks at more than a bounded number of entries, however many there are whose time
//! has passed.

use crate::{Store, StoreError};
use picloud_shared::{ids::AppId, time::TimestampMs};
use sqlx::QueryBuilder;

/// Entries that one statement of a list looks at, beside those that it may give. Those whose time has passed are there until they
/// are removed, as many as an app may have; and whoever looks holds one of SQLite's few readers meanwhile.
const LOOK: i64 = 1_000;

/// Narrows a query of `kv` down to the keys that begin with `prefix` and come after `after`, in the order of their bytes,
/// whether or not their time has passed. Of pairs PostgreSQL expects many whatever it knows of the app, and goes along the index; of
/// conditions for each column it may expect few, and then it reads all that there are and sorts them.
macro_rules! push_range {
    ($query:expr, $app:expr, $prefix:expr, $after:expr) => {
        let app = $app.to_string();
        // One lower bound, not two: SQLite's index search takes only one.
        let (above, from) = match $after.filter(|after| *after >= $prefix) {
            Some(after) => (" > (", after),
            None => (" >= (", $prefix),
        };
        $query.push(" FROM kv WHERE (app_id, key)").push(above).push_bind(app.clone()).push(", ").push_bind(from);
        match end_of_prefix($prefix) {
            Some(end) => $query.push(") AND (app_id, key) < (").push_bind(app).push(", ").push_bind(end).push(")"),
            None => $query.push(") AND app_id <= ").push_bind(app),
        };
        $query.push(" ORDER BY app_id, key LIMIT ");
    };
}

impl Store {
    /// The keys that begin with `prefix` and come after `after`, in the order of their bytes, at most `limit`: fewer only where
    /// there are no more.
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
        let (mut keys, mut after) = (Vec::new(), after.map(<[u8]>::to_vec));
        loop {
            let left = i64::from(limit) - i64::try_from(keys.len()).unwrap_or(i64::MAX);
            let (found, last) = self.look_for_keys(app, prefix, after.as_deref(), left, now).await?;
            keys.extend(found);
            if last.is_none() {
                return Ok(keys);
            }
            self.tell_expired();
            after = last;
        }
    }

    /// Those among the next [`LOOK`] and `limit` keys that have not ended, at most `limit`. If they are fewer, and there may be more
    /// behind all that were looked at, also the last of these.
    async fn look_for_keys(
        &self,
        app: AppId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: i64,
        now: TimestampMs,
    ) -> Result<(Vec<Vec<u8>>, Option<Vec<u8>>), StoreError> {
        let rows: Vec<(Vec<u8>, bool)> = with_db!(self, read, db => {
            // What was looked at comes in its order; asked for it again, SQLite would sort all of it first.
            let mut query = QueryBuilder::new("WITH page AS MATERIALIZED (SELECT key FROM (SELECT key, expires_at");
            push_range!(query, app, prefix, after);
            query.push_bind(limit + LOOK).push(") AS looked_at WHERE expires_at IS NULL OR expires_at > ").push_bind(now);
            query.push(" LIMIT ").push_bind(limit).push(") SELECT key, TRUE FROM page UNION ALL SELECT key, FALSE FROM (SELECT key");
            push_range!(query, app, prefix, after);
            query.push("CASE WHEN (SELECT COUNT(*) FROM page) < ").push_bind(limit).push(" THEN 1 ELSE 0 END OFFSET ");
            query.push_bind(limit + LOOK - 1).push(") AS last");
            query.build_query_as().fetch_all(db).await?
        });
        let (found, last): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, found)| *found);
        Ok((found.into_iter().map(|(key, _)| key).collect(), last.into_iter().map(|(key, _)| key).next()))
    }
}

/// The first key after all those that begin with `prefix`; `None` when there is none.
pub(crate) fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}
