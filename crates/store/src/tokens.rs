//! The table `tokens`. Only a token's SHA-256 is known here, never the token.

use crate::{Store, StoreError, User, commit::Change};
use picloud_shared::{
    ids::{AppId, TokenId, UserId},
    names::Username,
    time::TimestampMs,
};

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The token's id, which is no secret.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// Of the token's text.
    pub sha256: [u8; 32],
    /// When it is made.
    pub now: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
}

/// Whose token came to an app.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Visitor {
    /// Who it is.
    #[sqlx(try_from = "String")]
    pub username: Username,
    /// Whether the user has a role in the app, as an administrator has in every app.
    pub member: bool,
    /// From when on the token is worth nothing.
    pub expires_at: TimestampMs,
}

impl Store {
    /// Makes a token, and forgets those of the same user that have expired.
    ///
    /// # Errors
    /// When the database fails, or there is no such user.
    pub async fn create_token(&self, new: NewToken) -> Result<(), StoreError> {
        let user = new.user.to_string();
        let mut transaction = self.begin().await?;
        with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM tokens WHERE user_id = $1 AND expires_at <= $2")
                .bind(&user)
                .bind(new.now)
                .execute(db)
                .await?;
        });
        with_db!(self, &mut transaction, db => {
            sqlx::query("INSERT INTO tokens (id, user_id, sha256, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
                .bind(new.id.to_string())
                .bind(&user)
                .bind(&new.sha256[..])
                .bind(new.now)
                .bind(new.expires_at)
                .execute(db)
                .await?;
        });
        Ok(transaction.commit().await?)
    }

    /// Whose token this is; `None` when it is unknown or has expired.
    ///
    /// # Errors
    /// When the database fails, or the stored user does not parse.
    pub async fn user_of_token(&self, sha256: &[u8; 32], now: TimestampMs) -> Result<Option<User>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT u.id, u.username, u.password_hash, u.admin
                 FROM tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.sha256 = $1 AND t.expires_at > $2",
            )
            .bind(&sha256[..])
            .bind(now)
            .fetch_optional(db)
            .await?
        }))
    }

    /// Whose token this is, and whether they are a member of the app; `None` when it is unknown or has expired.
    ///
    /// What this says holds until it expires or the store's revision moves, unless the database [is
    /// shared](Store::is_shared).
    ///
    /// # Errors
    /// When the database fails, or the stored user does not parse.
    pub async fn visitor(
        &self,
        sha256: &[u8; 32],
        app: AppId,
        now: TimestampMs,
    ) -> Result<Option<Visitor>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT u.username, u.admin OR m.role IS NOT NULL AS member, t.expires_at
                 FROM tokens t
                 JOIN users u ON u.id = t.user_id
                 LEFT JOIN memberships m ON m.user_id = u.id AND m.app_id = $2
                 WHERE t.sha256 = $1 AND t.expires_at > $3",
            )
            .bind(&sha256[..])
            .bind(app.to_string())
            .bind(now)
            .fetch_optional(db)
            .await?
        }))
    }

    /// Forgets a token. `false` when it was unknown.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_token(&self, sha256: &[u8; 32]) -> Result<bool, StoreError> {
        let mut transaction = self.inner.pool.begin().await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM tokens WHERE sha256 = $1").bind(&sha256[..]).execute(db).await?.rows_affected()
        });
        self.commit(transaction, if gone == 1 { &[Change::Apps] } else { &[] }).await?;
        Ok(gone == 1)
    }
}
