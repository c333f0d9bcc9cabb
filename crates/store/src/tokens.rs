//! The tables `tokens` and `token_apps`: sessions, which signing in makes, and API tokens, which have a name and may be for
//! less than their user may do. Only a token's SHA-256 is known here, never the token.

use crate::{
    Store, StoreError, User,
    commit::Change,
    pool::Transaction,
    rows::{Optional, OptionalText},
    users::user_columns,
};
use picloud_shared::{
    api::Role,
    ids::{AppId, TokenId, UserId},
    limits::{USER_API_TOKENS, USER_SESSIONS},
    names::{AppSlug, Username},
    time::TimestampMs,
};
use std::collections::HashMap;

/// How exactly it is known when a token was last used.
const USE_MS: TimestampMs = 60 * 60 * 1_000;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The token's id, which is no secret.
    pub id: TokenId,
    /// Whose it is.
    pub user: UserId,
    /// Of the token's text.
    pub sha256: [u8; 32],
    /// What it is for.
    pub kind: NewTokenKind,
    /// When it is made.
    pub now: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
}

/// What a token is for.
#[derive(Clone)]
pub enum NewTokenKind {
    /// A session, of whoever has shown the password of this hash, which still has to be the user's.
    Session {
        /// As it was when it was compared.
        password_hash: String,
    },
    /// An API token.
    Api {
        /// The session that makes it, which still has to be one.
        session: TokenId,
        /// For people; any text.
        name: String,
        /// The most that it may do in any app.
        role: Option<Role>,
        /// The apps that it is for; `None`: all of its user's.
        apps: Option<Vec<AppId>>,
    },
}

impl std::fmt::Debug for NewTokenKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Session { .. } => f.debug_struct("Session").finish_non_exhaustive(),
            Self::Api { name, .. } => f.debug_struct("Api").field("name", name).finish_non_exhaustive(),
        }
    }
}

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// The user is gone, is disabled, has another password, or the session has ended.
    #[error("what was shown to get this token is worth nothing any more")]
    Ended,
    /// The user has so many API tokens already.
    #[error("a user has at most {0} API tokens; delete one first")]
    TooMany(usize),
}

/// A token as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token's id.
    pub id: TokenId,
    /// Of an API token; a session has none.
    pub name: Option<String>,
    /// The most that it may do in any app; `None`: what its user may.
    pub role: Option<Role>,
    /// The apps that it is for, by slug; `None`: all of its user's.
    pub apps: Option<Vec<AppSlug>>,
    /// When it was made.
    pub created_at: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
    /// When it was used, to within an hour.
    pub last_used_at: Option<TimestampMs>,
}

/// Whose token came with a request, and what of their rights it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Whose it is.
    pub user: User,
    /// The token's id.
    pub token: TokenId,
    /// Whether it was made by signing in.
    pub session: bool,
    /// The most that it may do in any app; `None`: what its user may.
    pub role: Option<Role>,
    /// Whether it is for some apps alone.
    pub some_apps: bool,
    /// When it was used, to within an hour.
    pub last_used_at: Option<TimestampMs>,
}

impl Credential {
    /// Whether it has less than all rights of its user. Then it has none outside of apps.
    pub const fn is_scoped(&self) -> bool {
        self.role.is_some() || self.some_apps
    }

    /// Whether its bearer may do everything on this server.
    pub const fn is_admin(&self) -> bool {
        self.user.admin && !self.is_scoped()
    }

    /// Whether its bearer may make apps.
    pub const fn may_create_apps(&self) -> bool {
        (self.user.admin || self.user.create_apps) && !self.is_scoped()
    }
}

/// Whose token came to an app.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Visitor {
    /// Who it is.
    #[sqlx(try_from = "String")]
    pub username: Username,
    /// Whether the user has a role in the app, as an administrator has in every app, and the token is for it.
    pub member: bool,
    /// The token's id.
    #[sqlx(try_from = "String")]
    pub token: TokenId,
    /// From when on the token is worth nothing.
    pub expires_at: TimestampMs,
    /// When it was used, to within an hour.
    pub last_used_at: Option<TimestampMs>,
}

#[derive(sqlx::FromRow)]
struct CredentialRow {
    #[sqlx(flatten)]
    user: User,
    #[sqlx(try_from = "String")]
    token_id: TokenId,
    session: bool,
    #[sqlx(try_from = "Option<String>")]
    role: Optional<Role>,
    some_apps: bool,
    last_used_at: Option<TimestampMs>,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    #[sqlx(try_from = "String")]
    id: TokenId,
    #[sqlx(try_from = "Option<Vec<u8>>")]
    name: OptionalText,
    #[sqlx(try_from = "Option<String>")]
    role: Optional<Role>,
    some_apps: bool,
    created_at: TimestampMs,
    expires_at: TimestampMs,
    last_used_at: Option<TimestampMs>,
}

impl Store {
    /// Makes a token, and forgets those of the same user that have expired. Of sessions past [`USER_SESSIONS`] the oldest
    /// end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_token(&self, new: NewToken) -> Result<Result<(), TokenRefused>, StoreError> {
        let user = new.user.to_string();
        let mut transaction = self.begin().await?;
        // Holds the user's row: who is disabled or gets another password meanwhile is so before or after.
        let hash: Option<String> = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar(
                "UPDATE users SET username = username WHERE id = $1 AND NOT disabled RETURNING password_hash",
            )
            .bind(&user)
            .fetch_optional(db)
            .await?
        });
        let Some(hash) = hash else { return transaction.unchanged(Err(TokenRefused::Ended)).await };
        with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM tokens WHERE user_id = $1 AND expires_at <= $2")
                .bind(&user)
                .bind(new.now)
                .execute(db)
                .await?;
        });
        let (name, role, apps) = match &new.kind {
            NewTokenKind::Session { password_hash } if *password_hash != hash => {
                return transaction.unchanged(Err(TokenRefused::Ended)).await;
            }
            NewTokenKind::Session { .. } => (None, None, None),
            NewTokenKind::Api { session, name, role, apps } => {
                if !self.has_session(&mut transaction, new.user, *session, new.now).await? {
                    return transaction.unchanged(Err(TokenRefused::Ended)).await;
                }
                let before: i64 = with_db!(self, &mut transaction, db => {
                    sqlx::query_scalar("SELECT COUNT(*) FROM tokens WHERE user_id = $1 AND name IS NOT NULL")
                        .bind(&user)
                        .fetch_one(db)
                        .await?
                });
                if usize::try_from(before).unwrap_or(usize::MAX) >= USER_API_TOKENS {
                    return transaction.unchanged(Err(TokenRefused::TooMany(USER_API_TOKENS))).await;
                }
                (Some(name), *role, apps.as_ref())
            }
        };
        with_db!(self, &mut transaction, db => {
            sqlx::query(
                "INSERT INTO tokens (id, user_id, sha256, created_at, expires_at, name, role, some_apps, last_used_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(new.id.to_string())
            .bind(&user)
            .bind(&new.sha256[..])
            .bind(new.now)
            .bind(new.expires_at)
            .bind(name.map(|name| name.as_bytes()))
            .bind(role.map(Role::as_str))
            .bind(apps.is_some())
            // Signing in is a use of the session.
            .bind(name.is_none().then_some(new.now))
            .execute(db)
            .await?;
        });
        for app in apps.into_iter().flatten() {
            with_db!(self, &mut transaction, db => {
                sqlx::query(
                    "INSERT INTO token_apps (token_id, app_id) SELECT $1, id FROM apps WHERE id = $2 AND NOT gone
                     ON CONFLICT DO NOTHING",
                )
                .bind(new.id.to_string())
                .bind(app.to_string())
                .execute(db)
                .await?;
            });
        }
        let ended = if name.is_none() { self.end_oldest_sessions(&mut transaction, &user).await? } else { 0 };
        if ended > 0 {
            self.notify_changed(&mut transaction).await?;
        }
        self.commit(transaction, if ended > 0 { &[Change::Apps] } else { &[] }).await?;
        Ok(Ok(()))
    }

    /// Those past [`USER_SESSIONS`]; how many they were.
    async fn end_oldest_sessions(&self, transaction: &mut Transaction, user: &str) -> Result<u64, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query(
                "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE user_id = $1 AND name IS NULL
                    ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3)",
            )
            .bind(user)
            .bind(i64::MAX)
            .bind(USER_SESSIONS)
            .execute(db)
            .await?
            .rows_affected()
        }))
    }

    /// Whether a session is one still.
    pub(crate) async fn has_session(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        session: TokenId,
        now: TimestampMs,
    ) -> Result<bool, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM tokens
                    WHERE id = $1 AND user_id = $2 AND name IS NULL AND expires_at > $3)",
            )
            .bind(session.to_string())
            .bind(user.to_string())
            .bind(now)
            .fetch_one(db)
            .await?
        }))
    }

    /// Whose token this is; `None` when it is unknown or has expired.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn credential(&self, sha256: &[u8; 32], now: TimestampMs) -> Result<Option<Credential>, StoreError> {
        let row: Option<CredentialRow> = with_db!(self, read, db => {
            sqlx::query_as(concat!(
                "SELECT ", user_columns!(), ", t.id AS token_id, t.name IS NULL AS session, t.role, t.some_apps,
                    t.last_used_at
                 FROM tokens t JOIN users u ON u.id = t.user_id
                 WHERE t.sha256 = $1 AND t.expires_at > $2 AND NOT u.disabled",
            ))
            .bind(&sha256[..])
            .bind(now)
            .fetch_optional(db)
            .await?
        });
        Ok(row.map(|row| Credential {
            user: row.user,
            token: row.token_id,
            session: row.session,
            role: row.role.0,
            some_apps: row.some_apps,
            last_used_at: row.last_used_at,
        }))
    }

    /// Whose token this is, and whether it opens the app to them; `None` when it is unknown or has expired.
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
                "SELECT u.username, t.id AS token, t.expires_at, t.last_used_at,
                    (u.admin OR m.role IS NOT NULL) AND (NOT t.some_apps OR s.app_id IS NOT NULL) AS member
                 FROM tokens t
                 JOIN users u ON u.id = t.user_id
                 LEFT JOIN memberships m ON m.user_id = u.id AND m.app_id = $2
                 LEFT JOIN token_apps s ON s.token_id = t.id AND s.app_id = $2
                 WHERE t.sha256 = $1 AND t.expires_at > $3 AND NOT u.disabled",
            )
            .bind(&sha256[..])
            .bind(app.to_string())
            .bind(now)
            .fetch_optional(db)
            .await?
        }))
    }

    /// Whether it is time to tell by [`note_use`](Store::note_use) that a token was used.
    pub fn is_use_news(last_used_at: Option<TimestampMs>, now: TimestampMs) -> bool {
        last_used_at.is_none_or(|last| now.saturating_sub(last) >= USE_MS)
    }

    /// Keeps that a token was used. Nobody hears of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_use(&self, token: TokenId, now: TimestampMs) -> Result<(), StoreError> {
        with_db!(self, write, db => {
            sqlx::query("UPDATE tokens SET last_used_at = $2 WHERE id = $1")
                .bind(token.to_string())
                .bind(now)
                .execute(db)
                .await?;
        });
        Ok(())
    }

    /// At most so many of a user's tokens that are worth something, the newest first, from before one if it is given.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn tokens(
        &self,
        user: UserId,
        before: Option<TokenId>,
        limit: u32,
        now: TimestampMs,
    ) -> Result<Vec<Token>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let rows: Vec<TokenRow> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT id, name, role, some_apps, created_at, expires_at, last_used_at FROM tokens
                 WHERE user_id = $1 AND expires_at > $2 AND ($3 IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
            )
            .bind(user.to_string())
            .bind(now)
            .bind(before.map(|id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?
        });
        let apps: Vec<(String, String)> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "SELECT s.token_id, a.slug FROM tokens t JOIN token_apps s ON s.token_id = t.id
                 JOIN apps a ON a.id = s.app_id AND NOT a.gone WHERE t.user_id = $1 ORDER BY a.slug",
            )
            .bind(user.to_string())
            .fetch_all(db)
            .await?
        });
        transaction.commit().await?;
        let mut by_token: HashMap<String, Vec<AppSlug>> = HashMap::new();
        for (token, slug) in apps {
            let slug = slug.parse().map_err(|_| StoreError::Corrupt(format!("the slug {slug:?}")))?;
            by_token.entry(token).or_default().push(slug);
        }
        let token = |row: TokenRow| Token {
            id: row.id,
            name: row.name.0,
            role: row.role.0,
            apps: row.some_apps.then(|| by_token.remove(&row.id.to_string()).unwrap_or_default()),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        };
        Ok(rows.into_iter().map(token).collect())
    }

    /// Ends a token of a user. `false` when the user has no such token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_token(&self, user: UserId, token: TokenId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM tokens WHERE id = $1 AND user_id = $2")
                .bind(token.to_string())
                .bind(user.to_string())
                .execute(db)
                .await?
                .rows_affected()
        });
        if gone == 0 {
            return transaction.unchanged(false).await;
        }
        self.notify_changed(&mut transaction).await?;
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(true)
    }
}
