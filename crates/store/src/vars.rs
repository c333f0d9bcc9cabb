//! The table `vars`: what scripts read as variables. Each change is a change of the app, so that whoever keeps them in
//! memory knows when they are outdated.

use crate::{Store, StoreError, commit::Change};
use picloud_shared::{ids::AppId, limits::APP_VARS, names::VarName, time::TimestampMs};
use std::collections::BTreeMap;

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Var {
    /// Its value.
    pub value: String,
    /// When it was last set.
    pub updated_at: TimestampMs,
}

/// Why a variable or a secret was not set. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetRefused {
    /// The app was deleted meanwhile.
    #[error("no such app")]
    NoSuchApp,
    /// The app has so many of them already.
    #[error("an app has at most {0} of them")]
    TooMany(usize),
}

/// As stored.
type Row = (String, Vec<u8>, TimestampMs);

pub(crate) fn from_rows(rows: Vec<Row>) -> Result<BTreeMap<VarName, Var>, StoreError> {
    let var = |(name, value, updated_at): Row| {
        let corrupt = || StoreError::Corrupt(format!("the variable {name:?} has a name or a value that cannot be"));
        let value = String::from_utf8(value).map_err(|_| corrupt())?;
        Ok((name.parse().map_err(|_| corrupt())?, Var { value, updated_at }))
    };
    rows.into_iter().map(var).collect()
}

impl Store {
    /// The variables of an app.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn vars(&self, app: AppId) -> Result<BTreeMap<VarName, Var>, StoreError> {
        from_rows(with_db!(self, read, db => {
            sqlx::query_as("SELECT name, value, updated_at FROM vars WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_all(db)
                .await?
        }))
    }

    /// Sets a variable, whatever it was before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_var(
        &self,
        app: AppId,
        name: &VarName,
        value: &str,
        now: TimestampMs,
    ) -> Result<Result<(), SetRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        // Holds the app's row, so that two at once cannot pass the bound together.
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(SetRefused::NoSuchApp)).await;
        }
        let others: i64 = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT COUNT(*) FROM vars WHERE app_id = $1 AND name <> $2")
                .bind(app.to_string())
                .bind(name.as_str())
                .fetch_one(db)
                .await?
        });
        if usize::try_from(others).unwrap_or(usize::MAX) >= APP_VARS {
            return transaction.unchanged(Err(SetRefused::TooMany(APP_VARS))).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query(
                "INSERT INTO vars (app_id, name, value, updated_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (app_id, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            )
            .bind(app.to_string())
            .bind(name.as_str())
            .bind(value.as_bytes())
            .bind(now)
            .execute(db)
            .await?;
        });
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(()))
    }

    /// Deletes a variable. `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_var(&self, app: AppId, name: &VarName) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_app(&mut transaction, app).await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM vars WHERE app_id = $1 AND name = $2")
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
}
