//! What is deleted with all that it has: apps and scripts. Deleting is one small transaction, however much there is: the app
//! stays as a row that nobody finds, and a script is moved to one of its own. What they have is removed afterwards, in steps
//! that are small transactions as well; a process that ends in between leaves the rest to the next. Until then deliveries stay
//! as they are, and whoever looks at those of an app leaves out those of deleted scripts.

use crate::{Store, StoreError, pool::Transaction, retention::Oldest};
use picloud_shared::ids::{AppId, ScriptId};
use tokio::sync::watch;

/// Rows that one call looks at.
pub(crate) const STEP: i64 = 500;
/// Bytes of values that one call removes, but for the first.
pub(crate) const STEP_BYTES: i64 = 4 << 20;

/// What people have set, what leads to an app, and what starts its scripts: little, and not to be found a moment longer.
const AT_ONCE: [&str; 9] = [
    "DELETE FROM secrets WHERE app_id = $1",
    "DELETE FROM vars WHERE app_id = $1",
    "DELETE FROM memberships WHERE app_id = $1",
    "DELETE FROM token_apps WHERE app_id = $1",
    "DELETE FROM invitations WHERE app_id = $1",
    "DELETE FROM domains WHERE app_id = $1",
    "DELETE FROM routes WHERE app_id = $1",
    "DELETE FROM subscriptions WHERE app_id = $1",
    "DELETE FROM schedules WHERE app_id = $1",
];

/// The same of one script.
const AT_ONCE_OF_SCRIPT: [&str; 3] = [
    "DELETE FROM routes WHERE script_id = $1",
    "DELETE FROM subscriptions WHERE script_id = $1",
    "DELETE FROM schedules WHERE script_id = $1",
];

/// Holds of a delivery whose script is there: neither it nor its app was deleted. Where nothing waits to be removed, that is seen
/// once; else the script of each delivery is looked at, so that it counts for nothing how much is deleted.
macro_rules! script_is_there {
    () => {
        "(NOT EXISTS (SELECT 1 FROM apps WHERE gone) OR NOT EXISTS (
            SELECT 1 FROM scripts AS of_it JOIN apps AS of_that ON of_that.id = of_it.app_id
            WHERE of_it.id = script_id AND of_that.gone))"
    };
}
pub(crate) use script_is_there;

/// What is kept by the bytes, each by the columns that name a row within its app, and the one whose bytes count.
const BY_BYTES: [(&str, &str, &str); 3] =
    [("kv", "key", "data"), ("file_contents", "sha256", "data"), ("releases", "number", "manifest")];

impl Store {
    /// Has an app be gone, under its row.
    pub(crate) async fn bury_app(&self, transaction: &mut Transaction, app: AppId) -> Result<(), StoreError> {
        let app = app.to_string();
        // No slug has a colon.
        with_db!(self, &mut *transaction, db => {
            sqlx::query("UPDATE apps SET gone = TRUE, slug = $2 WHERE id = $1")
                .bind(&app)
                .bind(format!(":{app}"))
                .execute(db)
                .await?;
        });
        for statement in AT_ONCE {
            with_db!(self, &mut *transaction, db => {
                sqlx::query(statement).bind(&app).execute(db).await?;
            });
        }
        Ok(())
    }

    /// Moves a script to an app that is gone, under the row of its own.
    pub(crate) async fn bury_script(&self, transaction: &mut Transaction, script: ScriptId) -> Result<(), StoreError> {
        let (script, grave) = (script.to_string(), AppId::new().to_string());
        with_db!(self, &mut *transaction, db => {
            sqlx::query(
                "INSERT INTO apps (id, slug, name, debug, revision, created_at, gone)
                 SELECT $2, $3, a.name, FALSE, 0, a.created_at, TRUE
                 FROM apps a JOIN scripts s ON s.app_id = a.id WHERE s.id = $1",
            )
            .bind(&script)
            .bind(&grave)
            .bind(format!(":{grave}"))
            .execute(db)
            .await?;
        });
        with_db!(self, &mut *transaction, db => {
            sqlx::query("UPDATE scripts SET app_id = $2 WHERE id = $1").bind(&script).bind(&grave).execute(db).await?;
        });
        for statement in AT_ONCE_OF_SCRIPT {
            with_db!(self, &mut *transaction, db => {
                sqlx::query(statement).bind(&script).execute(db).await?;
            });
        }
        Ok(())
    }

    /// Changes when this process has deleted an app or a script.
    pub fn gone(&self) -> watch::Receiver<()> {
        self.inner.gone.subscribe()
    }

    /// Removes some of what deleted apps and scripts have left. Whether there may be more; not, if another process is at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_gone(&self) -> Result<bool, StoreError> {
        let gone: Option<String> = with_db!(self, read, db => {
            sqlx::query_scalar("SELECT id FROM apps WHERE gone ORDER BY id LIMIT 1").fetch_optional(db).await?
        });
        let Some(gone) = gone else { return Ok(false) };
        let mut transaction = self.begin().await?;
        let alone = self.prunes_alone(&mut transaction, &gone).await?;
        if alone {
            let script: Option<String> = with_db!(self, &mut transaction, db => {
                sqlx::query_scalar("SELECT id FROM scripts WHERE app_id = $1 ORDER BY id LIMIT 1")
                    .bind(&gone)
                    .fetch_optional(db)
                    .await?
            });
            match script {
                Some(script) => self.remove_of_script(&mut transaction, &script).await?,
                None => self.remove_of_app(&mut transaction, &gone).await?,
            }
        }
        transaction.commit().await?;
        Ok(alone)
    }

    async fn remove_of_script(&self, transaction: &mut Transaction, script: &str) -> Result<(), StoreError> {
        // First, as whoever looks for what is due goes past them.
        if self.remove_by_bytes(transaction, ("deliveries", "script_id", "id", "payload"), script).await? {
            return Ok(());
        }
        let oldest: Vec<Oldest> = with_db!(self, &mut *transaction, db => {
            sqlx::query_as(
                "SELECT id, script_id, bytes, log_lines, started_at FROM invocations WHERE script_id = $1
                 ORDER BY id LIMIT $2",
            )
            .bind(script)
            .bind(STEP)
            .fetch_all(db)
            .await?
        });
        if !oldest.is_empty() {
            return self.remove_records(transaction, Oldest::whatever_their_age(&oldest)).await;
        }
        // With its versions, and what was recorded of it just now.
        with_db!(self, &mut *transaction, db => {
            sqlx::query("DELETE FROM scripts WHERE id = $1").bind(script).execute(db).await?;
        });
        // After it: who records its invocations holds the script's row.
        self.forget_stats(transaction, script).await
    }

    async fn remove_of_app(&self, transaction: &mut Transaction, app: &str) -> Result<(), StoreError> {
        for (table, key, data) in BY_BYTES {
            // What names a content goes before it.
            if table == "file_contents" && self.remove_files(transaction, app).await? {
                return Ok(());
            }
            if self.remove_by_bytes(transaction, (table, "app_id", key, data), app).await? {
                return Ok(());
            }
        }
        with_db!(self, &mut *transaction, db => {
            sqlx::query("DELETE FROM apps WHERE id = $1").bind(app).execute(db).await?;
        });
        self.forget_stats(transaction, app).await?;
        for statement in ["DELETE FROM app_records WHERE app_id = $1", "DELETE FROM kv_usage WHERE app_id = $1"] {
            with_db!(self, &mut *transaction, db => {
                sqlx::query(statement).bind(app).execute(db).await?;
            });
        }
        Ok(())
    }

    async fn remove_files(&self, transaction: &mut Transaction, app: &str) -> Result<bool, StoreError> {
        let removed = with_db!(self, transaction, db => {
            sqlx::query(
                "DELETE FROM files WHERE app_id = $1 AND path IN (
                    SELECT path FROM files WHERE app_id = $1 ORDER BY path LIMIT $2)",
            )
            .bind(app)
            .bind(STEP)
            .execute(db)
            .await?
            .rows_affected()
        });
        Ok(removed > 0)
    }

    /// Removes the first rows of one owner, as many as have so many bytes together. Whether there were any.
    async fn remove_by_bytes(
        &self,
        transaction: &mut Transaction,
        (table, owner, key, data): (&'static str, &'static str, &'static str, &'static str),
        of: &str,
    ) -> Result<bool, StoreError> {
        // Those before which there are not so many bytes.
        let statement = format!(
            "DELETE FROM {table} WHERE {owner} = $1 AND {key} IN (
                SELECT {key} FROM (
                    SELECT {key}, SUM(bytes) OVER (ORDER BY {key} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                    FROM (SELECT {key}, LENGTH({data}) AS bytes FROM {table} WHERE {owner} = $1 ORDER BY {key} LIMIT $2)
                        AS first) AS counted
                WHERE COALESCE(before, 0) < $3)"
        );
        let removed = with_db!(self, transaction, db => {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .bind(of)
                .bind(STEP)
                .bind(STEP_BYTES)
                .execute(db)
                .await?
                .rows_affected()
        });
        Ok(removed > 0)
    }

    /// Tells this process that there is something to remove. To be called after the commit.
    pub(crate) fn tell_gone(&self) {
        self.inner.gone.send_replace(());
    }
}
