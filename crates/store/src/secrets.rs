//! The table `secrets`: sealed values, which the store neither seals nor opens. Each change is a change of the app, as
//! with `vars`.

use crate::{SetRefused, Store, StoreError, Var, commit::Change, vars};
use picloud_shared::{
    ids::AppId,
    limits::APP_SECRETS,
    names::{SecretName, VarName},
    sealed::{KeyId, Sealed},
    time::TimestampMs,
};
use std::collections::BTreeMap;

/// What an app's scripts read, as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    /// The app's revision at that moment.
    pub revision: i64,
    /// The variables.
    pub vars: BTreeMap<VarName, Var>,
    /// The secrets.
    pub secrets: BTreeMap<SecretName, Sealed>,
}

/// A sealed secret as stored.
#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    key_id: String,
    sealed: Vec<u8>,
}

impl Row {
    fn parsed(self) -> Result<(SecretName, Sealed), StoreError> {
        let Self { name, key_id, sealed } = self;
        Ok((parsed_name(name)?, Sealed { key: parsed_key(key_id)?, bytes: sealed }))
    }
}

fn parsed_name(name: String) -> Result<SecretName, StoreError> {
    SecretName::try_from(name).map_err(|error| StoreError::Corrupt(format!("the name of a secret: {error}")))
}

fn parsed_key(id: String) -> Result<KeyId, StoreError> {
    KeyId::try_from(id).map_err(|error| StoreError::Corrupt(format!("the key of a secret: {error}")))
}

impl Store {
    /// The secrets of an app by name, and when each was last set.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn secrets(&self, app: AppId) -> Result<BTreeMap<SecretName, TimestampMs>, StoreError> {
        let rows: Vec<(String, TimestampMs)> = with_db!(self, read, db => {
            sqlx::query_as("SELECT name, updated_at FROM secrets WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_all(db)
                .await?
        });
        rows.into_iter().map(|(name, updated_at)| Ok((parsed_name(name)?, updated_at))).collect()
    }

    /// Sets a secret, whatever it was before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_secret(
        &self,
        app: AppId,
        name: &SecretName,
        sealed: &Sealed,
        now: TimestampMs,
    ) -> Result<Result<(), SetRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        // Holds the app's row, so that two at once cannot pass the bound together.
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(SetRefused::NoSuchApp)).await;
        }
        let others: i64 = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT COUNT(*) FROM secrets WHERE app_id = $1 AND name <> $2")
                .bind(app.to_string())
                .bind(name.as_str())
                .fetch_one(db)
                .await?
        });
        if usize::try_from(others).unwrap_or(usize::MAX) >= APP_SECRETS {
            return transaction.unchanged(Err(SetRefused::TooMany(APP_SECRETS))).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query(
                "INSERT INTO secrets (app_id, name, key_id, sealed, updated_at) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (app_id, name) DO UPDATE
                 SET key_id = excluded.key_id, sealed = excluded.sealed, updated_at = excluded.updated_at",
            )
            .bind(app.to_string())
            .bind(name.as_str())
            .bind(sealed.key.as_str())
            .bind(&sealed.bytes)
            .bind(now)
            .execute(db)
            .await?;
        });
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(()))
    }

    /// Deletes a secret. `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_secret(&self, app: AppId, name: &SecretName) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_app(&mut transaction, app).await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM secrets WHERE app_id = $1 AND name = $2")
                .bind(app.to_string())
                .bind(name.as_str())
                .execute(db)
                .await?
                .rows_affected()
        });
        if gone == 0 {
            return transaction.unchanged(false).await;
        }
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(true)
    }

    /// The variables and sealed secrets of an app. `None` when there is no such app.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn app_settings(&self, app: AppId) -> Result<Option<AppSettings>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let revision: Option<i64> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT revision FROM apps WHERE id = $1 AND NOT gone")
                .bind(app.to_string())
                .fetch_optional(db)
                .await?
        });
        let Some(revision) = revision else { return Ok(None) };
        let vars = with_db!(self, &mut transaction, db => {
            sqlx::query_as("SELECT name, value, updated_at FROM vars WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_all(db)
                .await?
        });
        let secrets: Vec<Row> = with_db!(self, &mut transaction, db => {
            sqlx::query_as("SELECT name, key_id, sealed FROM secrets WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_all(db)
                .await?
        });
        transaction.commit().await?;
        let secrets = secrets.into_iter().map(Row::parsed).collect::<Result<_, _>>()?;
        Ok(Some(AppSettings { revision, vars: vars::from_rows(vars)?, secrets }))
    }

    /// The revision of an app, by its id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app_revision_by_id(&self, app: AppId) -> Result<Option<i64>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar("SELECT revision FROM apps WHERE id = $1 AND NOT gone")
                .bind(app.to_string())
                .fetch_optional(db)
                .await?
        }))
    }

    /// The keys under which secrets are sealed, and how many each.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn secret_keys(&self) -> Result<BTreeMap<KeyId, i64>, StoreError> {
        let rows: Vec<(String, i64)> = with_db!(self, read, db => {
            sqlx::query_as("SELECT key_id, COUNT(*) FROM secrets GROUP BY key_id").fetch_all(db).await?
        });
        rows.into_iter().map(|(id, count)| Ok((parsed_key(id)?, count))).collect()
    }

    /// At most so many of the secrets that are sealed under a key.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn secrets_under(&self, key: &KeyId, limit: u32) -> Result<Vec<(AppId, SecretName, Sealed)>, StoreError> {
        let rows: Vec<(String, String, Vec<u8>)> = with_db!(self, read, db => {
            sqlx::query_as("SELECT app_id, name, sealed FROM secrets WHERE key_id = $1 LIMIT $2")
                .bind(key.as_str())
                .bind(i64::from(limit))
                .fetch_all(db)
                .await?
        });
        let parsed = |(app, name, bytes): (String, String, Vec<u8>)| {
            let app = app.parse().map_err(|_| StoreError::Corrupt(format!("the app of a secret: {app:?}")))?;
            Ok((app, parsed_name(name)?, Sealed { key: key.clone(), bytes }))
        };
        rows.into_iter().map(parsed).collect()
    }

    /// Puts one sealed value in the place of another; what was set or deleted meanwhile stays so. Nothing that scripts
    /// see changes.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reseal(&self, app: AppId, name: &SecretName, old: &Sealed, new: &Sealed) -> Result<(), StoreError> {
        with_db!(self, write, db => {
            sqlx::query(
                "UPDATE secrets SET key_id = $5, sealed = $6
                 WHERE app_id = $1 AND name = $2 AND key_id = $3 AND sealed = $4",
            )
            .bind(app.to_string())
            .bind(name.as_str())
            .bind(old.key.as_str())
            .bind(&old.bytes)
            .bind(new.key.as_str())
            .bind(&new.bytes)
            .execute(db)
            .await?;
        });
        Ok(())
    }
}
