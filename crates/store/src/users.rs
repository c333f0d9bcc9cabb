//! The table `users`.

use crate::{Store, StoreError};
use picloud_shared::{ids::UserId, names::Username, time::TimestampMs};
use std::fmt;

/// A person who signs in.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    /// The user's id.
    #[sqlx(try_from = "String")]
    pub id: UserId,
    /// Unique on the server.
    #[sqlx(try_from = "String")]
    pub username: Username,
    /// As the caller made it.
    pub password_hash: String,
    /// Whether the user may do everything on this server.
    pub admin: bool,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, username, password_hash: _, admin } = self;
        f.debug_struct("User").field("id", id).field("username", username).field("admin", admin).finish_non_exhaustive()
    }
}

/// A user to be made.
pub struct NewUser {
    /// The user's id.
    pub id: UserId,
    /// Unique on the server.
    pub username: Username,
    /// Kept as it is.
    pub password_hash: String,
    /// When it is made.
    pub now: TimestampMs,
}

impl Store {
    /// Whether there is any user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)").fetch_one(db).await?
        }))
    }

    /// Makes the first user, an administrator. `false` when there is a user already, however many processes try at
    /// once.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_first_user(&self, new: NewUser) -> Result<bool, StoreError> {
        let made = with_db!(self, write, db => {
            sqlx::query(
                "INSERT INTO users (id, username, password_hash, admin, founder, created_at)
                 SELECT $1, $2, $3, TRUE, TRUE, $4 WHERE NOT EXISTS (SELECT 1 FROM users)
                 ON CONFLICT DO NOTHING",
            )
            .bind(new.id.to_string())
            .bind(new.username.as_str())
            .bind(&new.password_hash)
            .bind(new.now)
            .execute(db)
            .await?
            .rows_affected()
        });
        Ok(made == 1)
    }

    /// The user of this name, which may be any text.
    ///
    /// # Errors
    /// When the database fails, or the stored user does not parse.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        // What cannot be a name never reaches PostgreSQL, which refuses a NUL in text.
        let Ok(name) = name.parse::<Username>() else { return Ok(None) };
        Ok(with_db!(self, read, db => {
            sqlx::query_as("SELECT id, username, password_hash, admin FROM users WHERE username = $1")
                .bind(name.as_str())
                .fetch_optional(db)
                .await?
        }))
    }
}
