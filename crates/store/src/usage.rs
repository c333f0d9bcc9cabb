//! How much an app keeps, of each kind that has a bound; and what there is to know of the database itself.

use crate::{Store, StoreError, gone::script_is_there, pool::Pool};
use picloud_shared::{
    api::{DatabaseFacts, DatabaseKind},
    ids::AppId,
};

/// What an app keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct AppUsage {
    /// Scripts.
    pub scripts: i64,
    /// Bytes of its files together.
    pub file_bytes: i64,
    /// Files.
    pub files: i64,
    /// Bytes of its records.
    pub record_bytes: i64,
    /// Bytes of keys and values.
    pub kv_bytes: i64,
    /// Entries of the key-value store.
    pub kv_entries: i64,
    /// Deliveries that wait or run.
    pub deliveries: i64,
}

/// Deliveries of all apps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct DeliveryCounts {
    /// Those that wait or run.
    pub waiting: i64,
    /// Dead letters.
    pub dead: i64,
}

/// Connections of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// What they are for.
    pub name: &'static str,
    /// How many there are.
    pub open: u32,
    /// Those that nobody uses.
    pub idle: usize,
}

impl Store {
    /// What an app keeps.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app_usage(&self, app: AppId) -> Result<AppUsage, StoreError> {
        let usage = with_db!(self, read, db => {
            sqlx::query_as(concat!(
                "SELECT s.scripts, a.file_bytes, a.file_count AS files, s.record_bytes, k.kv_bytes, k.kv_entries,
                    d.deliveries
                 FROM apps a,
                    (SELECT COUNT(*) AS scripts, CAST(COALESCE(SUM(record_bytes), 0) AS BIGINT) AS record_bytes
                        FROM scripts WHERE app_id = $1) AS s,
                    (SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS kv_bytes,
                            CAST(COALESCE(SUM(entries), 0) AS BIGINT) AS kv_entries
                        FROM kv_usage WHERE app_id = $1) AS k,
                    (SELECT COUNT(*) AS deliveries FROM deliveries WHERE app_id = $1 AND dead_at IS NULL AND ",
                script_is_there!(),
                ") AS d WHERE a.id = $1",
            ))
            .bind(app.to_string())
            .fetch_optional(db)
            .await?
        });
        Ok(usage.unwrap_or_default())
    }

    /// How many deliveries there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_counts(&self) -> Result<DeliveryCounts, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(concat!(
                "SELECT (SELECT COUNT(*) FROM deliveries WHERE dead_at IS NULL AND ",
                script_is_there!(),
                ") AS waiting, (SELECT COUNT(*) FROM deliveries WHERE dead_at IS NOT NULL AND ",
                script_is_there!(),
                ") AS dead",
            ))
            .fetch_one(db)
            .await?
        }))
    }

    /// What the database tells of itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn database_facts(&self) -> Result<DatabaseFacts, StoreError> {
        let (kind, ask) = match &self.inner.pool {
            Pool::Sqlite { .. } => (
                DatabaseKind::Sqlite,
                "SELECT sqlite_version(), page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            ),
            Pool::Postgres(_) => (
                DatabaseKind::Postgres,
                "SELECT current_setting('server_version'), pg_database_size(current_database())",
            ),
        };
        let (version, bytes) = with_db!(self, read, db => sqlx::query_as(ask).fetch_one(db).await?);
        Ok(DatabaseFacts { kind, version, bytes })
    }

    /// The connections to the database.
    pub fn pools(&self) -> Vec<PoolUsage> {
        match &self.inner.pool {
            Pool::Sqlite { read, write } => {
                let (open, idle) = write.usage();
                vec![
                    PoolUsage { name: "read", open: read.size(), idle: read.num_idle() },
                    PoolUsage { name: "write", open, idle },
                ]
            }
            Pool::Postgres(pool) => vec![PoolUsage { name: "all", open: pool.size(), idle: pool.num_idle() }],
        }
    }
}
