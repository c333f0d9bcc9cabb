//! The tables `files` and `file_contents`: paths of an app, and what they name, kept once for each app however many
//! paths name it. Who writes holds the app's row, so that an app's files never pass their bounds together, and no
//! content outlives its last file.

use crate::{Store, StoreError, kv::end_of_prefix, pool::Transaction};
use picloud_shared::{
    ids::AppId,
    limits::{APP_FILE_BYTES, APP_FILES},
    names::FilePath,
    time::TimestampMs,
};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, QueryBuilder};

/// A file, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Its path within the app.
    pub path: FilePath,
    /// Bytes of its content.
    pub size: i64,
    /// Of its content.
    pub sha256: [u8; 32],
    /// When it was last written.
    pub updated_at: TimestampMs,
}

/// Why a file was not written. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteRefused {
    /// The app was deleted meanwhile.
    #[error("no such app")]
    NoSuchApp,
    /// The app's files would have more bytes than they may.
    #[error("an app's files have at most {APP_FILE_BYTES} bytes together")]
    StorageFull,
    /// The app has as many files as it may.
    #[error("an app has at most {APP_FILES} files")]
    TooMany,
}

/// As stored.
#[derive(sqlx::FromRow)]
struct Row {
    path: Vec<u8>,
    size: i64,
    sha256: Vec<u8>,
    updated_at: TimestampMs,
}

impl Row {
    fn parsed(self) -> Result<FileInfo, StoreError> {
        let Self { path, size, sha256, updated_at } = self;
        let path = String::from_utf8(path).ok().and_then(|path| FilePath::try_from(path).ok());
        match (path, <[u8; 32]>::try_from(sha256)) {
            (Some(path), Ok(sha256)) => Ok(FileInfo { path, size, sha256, updated_at }),
            _ => Err(StoreError::Corrupt("a file has a path or a hash that cannot be".to_owned())),
        }
    }
}

impl Store {
    /// The content of a file.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_file(&self, app: AppId, path: &FilePath) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(with_db!(self, read, db => {
            let mut connection = db.acquire().await?;
            let data = sqlx::query_scalar(
                "SELECT c.data FROM files f JOIN file_contents c ON c.app_id = f.app_id AND c.sha256 = f.sha256
                 WHERE f.app_id = $1 AND f.path = $2",
            )
            .bind(app.to_string())
            .bind(path.as_str().as_bytes())
            .fetch_optional(&mut *connection)
            .await?;
            // Each connection to PostgreSQL would keep as much memory as the largest content that came by it.
            connection.shrink_buffers();
            data
        }))
    }

    /// The content of a file, if it has at most so many bytes: `Some(None)` stands for one that has more, of which nothing is
    /// read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read_small_file(
        &self,
        app: AppId,
        path: &FilePath,
        most: usize,
    ) -> Result<Option<Option<Vec<u8>>>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar(
                "SELECT CASE WHEN f.size <= $3 THEN c.data END
                 FROM files f JOIN file_contents c ON c.app_id = f.app_id AND c.sha256 = f.sha256
                 WHERE f.app_id = $1 AND f.path = $2",
            )
            .bind(app.to_string())
            .bind(path.as_str().as_bytes())
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_optional(db)
            .await?
        }))
    }

    /// What there is to know of a file beside its content.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn file_info(&self, app: AppId, path: &FilePath) -> Result<Option<FileInfo>, StoreError> {
        let row: Option<Row> = with_db!(self, read, db => {
            sqlx::query_as("SELECT path, size, sha256, updated_at FROM files WHERE app_id = $1 AND path = $2")
                .bind(app.to_string())
                .bind(path.as_str().as_bytes())
                .fetch_optional(db)
                .await?
        });
        row.map(Row::parsed).transpose()
    }

    /// The files whose paths begin with `prefix` and come after `after`, in the order of their bytes.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn files(
        &self,
        app: AppId,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: u32,
    ) -> Result<Vec<FileInfo>, StoreError> {
        let rows: Vec<Row> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new("SELECT path, size, sha256, updated_at FROM files WHERE app_id = ");
            query.push_bind(app.to_string());
            match after.filter(|after| *after >= prefix) {
                Some(after) => query.push(" AND path > ").push_bind(after),
                None => query.push(" AND path >= ").push_bind(prefix),
            };
            if let Some(end) = end_of_prefix(prefix) {
                query.push(" AND path < ").push_bind(end);
            }
            query.push(" ORDER BY path LIMIT ").push_bind(i64::from(limit));
            query.build_query_as().fetch_all(db).await?
        });
        rows.into_iter().map(Row::parsed).collect()
    }

    /// Writes a file, whatever it was before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn write_file(
        &self,
        app: AppId,
        path: &FilePath,
        data: &[u8],
        now: TimestampMs,
    ) -> Result<Result<FileInfo, WriteRefused>, StoreError> {
        let sha256: [u8; 32] = Sha256::digest(data).into();
        let size = i64::try_from(data.len()).unwrap_or(i64::MAX);
        let mut transaction = self.begin().await?;
        let Some((bytes, count)) = self.lock_files(&mut transaction, app).await? else {
            return transaction.unchanged(Err(WriteRefused::NoSuchApp)).await;
        };
        let before = self.file_in(&mut transaction, app, path).await?;
        let (freed, more) = before.as_ref().map_or((0, 1), |before| (before.size, 0));
        let (bytes, count) = (bytes - freed + size, count + more);
        if bytes > APP_FILE_BYTES {
            return transaction.unchanged(Err(WriteRefused::StorageFull)).await;
        }
        if count > APP_FILES {
            return transaction.unchanged(Err(WriteRefused::TooMany)).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query(
                "INSERT INTO file_contents (app_id, sha256, data) VALUES ($1, $2, $3)
                 ON CONFLICT (app_id, sha256) DO NOTHING",
            )
            .bind(app.to_string())
            .bind(&sha256[..])
            .bind(data)
            .execute(&mut *db)
            .await?;
            db.shrink_buffers();
        });
        with_db!(self, &mut transaction, db => {
            sqlx::query(
                "INSERT INTO files (app_id, path, sha256, size, updated_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (app_id, path) DO UPDATE
                 SET sha256 = excluded.sha256, size = excluded.size, updated_at = excluded.updated_at",
            )
            .bind(app.to_string())
            .bind(path.as_str().as_bytes())
            .bind(&sha256[..])
            .bind(size)
            .bind(now)
            .execute(db)
            .await?;
        });
        if let Some(before) = before {
            self.drop_content(&mut transaction, app, &before.sha256).await?;
        }
        self.count_files(&mut transaction, app, bytes, count).await?;
        transaction.commit().await?;
        Ok(Ok(FileInfo { path: path.clone(), size, sha256, updated_at: now }))
    }

    /// Deletes a file. `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_file(&self, app: AppId, path: &FilePath) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let Some((bytes, count)) = self.lock_files(&mut transaction, app).await? else {
            return transaction.unchanged(false).await;
        };
        let Some(before) = self.file_in(&mut transaction, app, path).await? else {
            return transaction.unchanged(false).await;
        };
        with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM files WHERE app_id = $1 AND path = $2")
                .bind(app.to_string())
                .bind(path.as_str().as_bytes())
                .execute(db)
                .await?;
        });
        self.drop_content(&mut transaction, app, &before.sha256).await?;
        self.count_files(&mut transaction, app, bytes - before.size, count - 1).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Bytes and number of an app's files; holds its row, so that they are right until the transaction ends. `None` when
    /// there is no such app.
    async fn lock_files(&self, transaction: &mut Transaction, app: AppId) -> Result<Option<(i64, i64)>, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_as(
                "UPDATE apps SET file_count = file_count WHERE id = $1 AND NOT gone RETURNING file_bytes, file_count",
            )
            .bind(app.to_string())
            .fetch_optional(db)
            .await?
        }))
    }

    async fn count_files(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        bytes: i64,
        count: i64,
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query("UPDATE apps SET file_bytes = $2, file_count = $3 WHERE id = $1")
                .bind(app.to_string())
                .bind(bytes)
                .bind(count)
                .execute(db)
                .await?;
        });
        Ok(())
    }

    async fn file_in(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        path: &FilePath,
    ) -> Result<Option<FileInfo>, StoreError> {
        let row: Option<Row> = with_db!(self, transaction, db => {
            sqlx::query_as("SELECT path, size, sha256, updated_at FROM files WHERE app_id = $1 AND path = $2")
                .bind(app.to_string())
                .bind(path.as_str().as_bytes())
                .fetch_optional(db)
                .await?
        });
        row.map(Row::parsed).transpose()
    }

    /// Deletes a content that no file names any more.
    async fn drop_content(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        sha256: &[u8; 32],
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query(
                "DELETE FROM file_contents WHERE app_id = $1 AND sha256 = $2
                    AND NOT EXISTS (SELECT 1 FROM files WHERE app_id = $1 AND sha256 = $2)",
            )
            .bind(app.to_string())
            .bind(&sha256[..])
            .execute(db)
            .await?;
        });
        Ok(())
    }
}
