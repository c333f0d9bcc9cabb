//! The table `domains`: at which hosts apps answer beside their names below the apps domain. A domain is one app's at
//! most. All of them together are what the ingress reads, and it is told when there is something new to read.

use crate::{Store, StoreError, commit::Change};
use picloud_shared::{domains::DomainName, ids::AppId, limits::APP_DOMAINS, names::AppSlug, time::TimestampMs};
use std::collections::HashMap;

/// A domain of an app.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Domain {
    /// Its name.
    #[sqlx(try_from = "String")]
    pub domain: DomainName,
    /// When it was added.
    pub created_at: TimestampMs,
}

/// A domain that an app has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// When it was added.
    pub created_at: TimestampMs,
    /// Whether that was now.
    pub new: bool,
}

/// Why a domain was not added. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddRefused {
    /// The app was deleted meanwhile.
    #[error("no such app")]
    NoSuchApp,
    /// Another app has it.
    #[error("another app has this domain")]
    Taken,
    /// The app has so many of them already.
    #[error("an app has at most {0} domains")]
    TooMany(usize),
}

impl Store {
    /// The domains of an app, by name.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn domains(&self, app: AppId) -> Result<Vec<Domain>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as("SELECT domain, created_at FROM domains WHERE app_id = $1 ORDER BY domain")
                .bind(app.to_string())
                .fetch_all(db)
                .await?
        }))
    }

    /// Gives an app a domain that no other app has. One that it has already stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_domain(
        &self,
        app: AppId,
        domain: &DomainName,
        now: TimestampMs,
    ) -> Result<Result<Added, AddRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        // Holds the app's row, so that two at once cannot pass the bound together.
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(AddRefused::NoSuchApp)).await;
        }
        let added: Option<TimestampMs> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar(
                "INSERT INTO domains (domain, app_id, created_at) VALUES ($1, $2, $3)
                 ON CONFLICT (domain) DO NOTHING RETURNING created_at",
            )
            .bind(domain.as_str())
            .bind(app.to_string())
            .bind(now)
            .fetch_optional(db)
            .await?
        });
        if added.is_none() {
            let before: Option<TimestampMs> = with_db!(self, &mut transaction, db => {
                sqlx::query_scalar("SELECT created_at FROM domains WHERE domain = $1 AND app_id = $2")
                    .bind(domain.as_str())
                    .bind(app.to_string())
                    .fetch_optional(db)
                    .await?
            });
            let had = |created_at| Added { created_at, new: false };
            return transaction.unchanged(before.map(had).ok_or(AddRefused::Taken)).await;
        }
        let all: i64 = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT COUNT(*) FROM domains WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_one(db)
                .await?
        });
        if usize::try_from(all).unwrap_or(usize::MAX) > APP_DOMAINS {
            return transaction.unchanged(Err(AddRefused::TooMany(APP_DOMAINS))).await;
        }
        self.notify_domains(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps, Change::Domains]).await?;
        Ok(Ok(Added { created_at: now, new: true }))
    }

    /// Takes a domain from an app; any may have it then. `false` when the app has no such domain.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_domain(&self, app: AppId, domain: &DomainName) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_app(&mut transaction, app).await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM domains WHERE domain = $1 AND app_id = $2")
                .bind(domain.as_str())
                .bind(app.to_string())
                .execute(db)
                .await?
                .rows_affected()
        });
        if gone == 0 {
            return transaction.unchanged(false).await;
        }
        self.notify_domains(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps, Change::Domains]).await?;
        Ok(true)
    }

    /// Every domain of every app.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn all_domains(&self) -> Result<HashMap<DomainName, AppSlug>, StoreError> {
        let rows: Vec<(String, String)> = with_db!(self, read, db => {
            sqlx::query_as("SELECT d.domain, a.slug FROM domains d JOIN apps a ON a.id = d.app_id")
                .fetch_all(db)
                .await?
        });
        let parsed = |(domain, slug): (String, String)| {
            let corrupt = || StoreError::Corrupt(format!("the domain {domain:?} of the app {slug:?}"));
            Ok((domain.parse().map_err(|_| corrupt())?, slug.parse().map_err(|_| corrupt())?))
        };
        rows.into_iter().map(parsed).collect()
    }

    /// Whether any app has this domain.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_domain(&self, domain: &DomainName) -> Result<bool, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM domains WHERE domain = $1)")
                .bind(domain.as_str())
                .fetch_one(db)
                .await?
        }))
    }
}
