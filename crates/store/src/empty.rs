//! What an app keeps, removed at once: its data, and not its scripts.

use crate::{Store, StoreError, commit::Change};
use picloud_shared::ids::AppId;

impl Store {
    /// Leaves an app as it was before anything ran in it: without entries in the key-value store, files, deliveries and dead
    /// letters, variables and secrets. What has run stays recorded.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn empty_app(&self, app: AppId) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        // Before what others write under it.
        self.lock_app(&mut transaction, app).await?;
        let removed = [
            "DELETE FROM kv WHERE app_id = $1",
            "DELETE FROM files WHERE app_id = $1",
            "DELETE FROM file_contents WHERE app_id = $1",
            "UPDATE apps SET file_bytes = 0, file_count = 0 WHERE id = $1",
            "DELETE FROM deliveries WHERE app_id = $1",
            "DELETE FROM vars WHERE app_id = $1",
            "DELETE FROM secrets WHERE app_id = $1",
        ];
        for statement in removed {
            with_db!(self, &mut transaction, db => {
                sqlx::query(statement).bind(app.to_string()).execute(db).await?;
            });
        }
        self.commit(transaction, &[Change::Apps]).await
    }
}
