//! The table `users`. Who may do what on the server changes one change after the other, so that the last administrator
//! stays, however many are demoted at once.

use crate::{Store, StoreError, commit::Change, pool::Transaction};
use picloud_shared::{
    ids::{TokenId, UserId},
    names::Username,
    time::TimestampMs,
};
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
    /// Whether the user may make apps, be it as no administrator.
    pub create_apps: bool,
    /// Whether the user can sign in no more.
    pub disabled: bool,
    /// When it was made.
    pub created_at: TimestampMs,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, username, password_hash: _, admin, .. } = self;
        f.debug_struct("User").field("id", id).field("username", username).field("admin", admin).finish_non_exhaustive()
    }
}

/// A user to be made.
#[derive(Clone)]
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

/// What to change of a user; what is absent stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserChanges {
    /// Whether the user may do everything on this server.
    pub admin: Option<bool>,
    /// Whether the user may make apps.
    pub create_apps: Option<bool>,
    /// Whether the user can sign in no more; all tokens end at once.
    pub disabled: Option<bool>,
}

/// Why a user was not changed or deleted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRefused {
    /// There is no such user.
    #[error("there is no such user")]
    NoSuchUser,
    /// Whoever asks is no administrator any more.
    #[error("this needs an administrator")]
    NotAllowed,
    /// Nobody could change anything any more.
    #[error("this is the last administrator who can sign in; make another one first")]
    LastAdmin,
}

/// All columns of a user, from a table that is called `u`.
macro_rules! user_columns {
    () => {
        "u.id, u.username, u.password_hash, u.admin, u.create_apps, u.disabled, u.created_at"
    };
}
pub(crate) use user_columns;

/// What PostgreSQL's advisory lock for changes of users is taken by: any number that nothing else takes.
const USERS_LOCK: i64 = 0x7069_636c_6f75_6401;

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
        let mut transaction = self.begin().await?;
        let made = with_db!(self, &mut transaction, db => {
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
        if made == 0 {
            return transaction.unchanged(false).await;
        }
        self.commit(transaction, &[]).await?;
        Ok(true)
    }

    /// The user of this name, which may be any text.
    ///
    /// # Errors
    /// When the database fails, or the stored user does not parse.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        // What cannot be a name never reaches PostgreSQL, which refuses a NUL in text.
        let Ok(name) = name.parse::<Username>() else { return Ok(None) };
        Ok(with_db!(self, read, db => {
            sqlx::query_as(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.username = $1"))
                .bind(name.as_str())
                .fetch_optional(db)
                .await?
        }))
    }

    /// At most so many users, by name, after one if it is given.
    ///
    /// # Errors
    /// When the database fails, or a stored user does not parse.
    pub async fn users(&self, after: Option<&Username>, limit: u32) -> Result<Vec<User>, StoreError> {
        Ok(with_db!(self, read, db => {
            // No name is empty.
            sqlx::query_as(concat!(
                "SELECT ", user_columns!(), " FROM users u WHERE u.username > $1 ORDER BY u.username LIMIT $2"
            ))
            .bind(after.map_or("", Username::as_str))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?
        }))
    }

    /// Changes what is given, for an administrator. Of a user who is disabled all tokens end.
    ///
    /// # Errors
    /// When the database fails, or the stored user does not parse.
    pub async fn update_user(
        &self,
        username: &Username,
        changes: UserChanges,
        by: UserId,
    ) -> Result<Result<User, UserRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_users(&mut transaction).await?;
        if !self.is_admin_in(&mut transaction, by).await? {
            return transaction.unchanged(Err(UserRefused::NotAllowed)).await;
        }
        let before: Option<User> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(concat!("SELECT ", user_columns!(), " FROM users u WHERE u.username = $1"))
                .bind(username.as_str())
                .fetch_optional(db)
                .await?
        });
        let user: Option<User> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "UPDATE users SET admin = COALESCE($2, admin), create_apps = COALESCE($3, create_apps),
                    disabled = COALESCE($4, disabled)
                 WHERE username = $1
                 RETURNING id, username, password_hash, admin, create_apps, disabled, created_at",
            )
            .bind(username.as_str())
            .bind(changes.admin)
            .bind(changes.create_apps)
            .bind(changes.disabled)
            .fetch_optional(db)
            .await?
        });
        let Some(user) = user else { return transaction.unchanged(Err(UserRefused::NoSuchUser)).await };
        if before.as_ref() == Some(&user) {
            return transaction.unchanged(Ok(user)).await;
        }
        if !self.has_admin(&mut transaction).await? {
            return transaction.unchanged(Err(UserRefused::LastAdmin)).await;
        }
        if user.disabled {
            self.end_tokens(&mut transaction, user.id).await?;
        }
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(user))
    }

    /// Deletes a user with all tokens, memberships and invitations, for an administrator. What the user made stays.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_user(&self, username: &Username, by: UserId) -> Result<Result<(), UserRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        self.lock_users(&mut transaction).await?;
        if !self.is_admin_in(&mut transaction, by).await? {
            return transaction.unchanged(Err(UserRefused::NotAllowed)).await;
        }
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM users WHERE username = $1")
                .bind(username.as_str())
                .execute(db)
                .await?
                .rows_affected()
        });
        if gone == 0 {
            return transaction.unchanged(Err(UserRefused::NoSuchUser)).await;
        }
        if !self.has_admin(&mut transaction).await? {
            return transaction.unchanged(Err(UserRefused::LastAdmin)).await;
        }
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(()))
    }

    /// Gives a user another password, in a session that still is one, and ends all other sessions. `false`, and nothing
    /// is changed, when the session has ended or the password is not the old one any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_password(
        &self,
        user: UserId,
        old_hash: &str,
        new_hash: &str,
        session: TokenId,
        now: TimestampMs,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let changed = with_db!(self, &mut transaction, db => {
            sqlx::query("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND NOT disabled")
                .bind(user.to_string())
                .bind(old_hash)
                .bind(new_hash)
                .execute(db)
                .await?
                .rows_affected()
        });
        if changed == 0 || !self.has_session(&mut transaction, user, session, now).await? {
            return transaction.unchanged(false).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM tokens WHERE user_id = $1 AND name IS NULL AND id <> $2")
                .bind(user.to_string())
                .bind(session.to_string())
                .execute(db)
                .await?;
        });
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(true)
    }

    /// Gives a user another password, lets them sign in again if they could not, and ends all that was made with the old
    /// one: sessions, API tokens, invitations. `false` when there is no such user.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reset_password(&self, username: &Username, hash: &str) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let user: Option<String> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar(
                "UPDATE users SET password_hash = $2, disabled = FALSE WHERE username = $1 RETURNING id",
            )
            .bind(username.as_str())
            .bind(hash)
            .fetch_optional(db)
            .await?
        });
        let Some(user) = user else { return transaction.unchanged(false).await };
        let user = user.parse().map_err(|_| StoreError::Corrupt(format!("the id of the user {username}")))?;
        self.end_tokens(&mut transaction, user).await?;
        with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM invitations WHERE created_by = $1").bind(user.to_string()).execute(db).await?;
        });
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(true)
    }

    /// Makes a user. `false` when the name is taken.
    pub(crate) async fn insert_user(
        &self,
        transaction: &mut Transaction,
        new: &NewUser,
        admin: bool,
        create_apps: bool,
    ) -> Result<bool, StoreError> {
        let made = with_db!(self, transaction, db => {
            sqlx::query(
                "INSERT INTO users (id, username, password_hash, admin, create_apps, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            )
            .bind(new.id.to_string())
            .bind(new.username.as_str())
            .bind(&new.password_hash)
            .bind(admin)
            .bind(create_apps)
            .bind(new.now)
            .execute(db)
            .await?
            .rows_affected()
        });
        Ok(made == 1)
    }

    /// Lets changes of who may do what on the server happen one after the other. With SQLite all transactions do.
    pub(crate) async fn lock_users(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if let Transaction::Postgres(transaction) = transaction {
            self.count_query();
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(USERS_LOCK).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Whether the user is an administrator who can sign in.
    pub(crate) async fn is_admin_in(&self, transaction: &mut Transaction, user: UserId) -> Result<bool, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND admin AND NOT disabled)")
                .bind(user.to_string())
                .fetch_one(db)
                .await?
        }))
    }

    async fn has_admin(&self, transaction: &mut Transaction) -> Result<bool, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users WHERE admin AND NOT disabled)")
                .fetch_one(db)
                .await?
        }))
    }

    async fn end_tokens(&self, transaction: &mut Transaction, user: UserId) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query("DELETE FROM tokens WHERE user_id = $1").bind(user.to_string()).execute(db).await?;
        });
        Ok(())
    }
}
