//! The table `invitations`: one-time links, to an app or to the server. Only a link's SHA-256 is known here. One is good
//! once, and as long as whoever made it could make it again.

use crate::{NewUser, Store, StoreError, commit::Change, pool::Transaction, rows::Optional};
use picloud_shared::{
    api::Role,
    ids::{AppId, InvitationId, UserId},
    limits::INVITATIONS,
    names::{AppSlug, Username},
    time::TimestampMs,
};

/// How long one that is over can be told from one that never was.
const KEPT_MS: TimestampMs = 7 * 24 * 60 * 60 * 1_000;

/// What somebody is invited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitedTo {
    /// An app, with a role there.
    App {
        /// Which.
        app: AppId,
        /// What they will be able to do in it.
        role: Role,
    },
    /// The server.
    Server {
        /// Whether they will be able to do everything on it.
        admin: bool,
        /// Whether they will be able to make apps.
        create_apps: bool,
    },
}

/// An invitation to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewInvitation {
    /// The invitation's id, which is no secret.
    pub id: InvitationId,
    /// Of the link's token.
    pub sha256: [u8; 32],
    /// What to.
    pub to: InvitedTo,
    /// Who invites.
    pub by: UserId,
    /// When it is made.
    pub now: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
}

/// An invitation that can be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The invitation's id.
    pub id: InvitationId,
    /// What to.
    pub to: InvitedTo,
    /// The slug of the app, if it is to one.
    pub app: Option<AppSlug>,
    /// Who invites.
    pub created_by: Username,
    /// When it was made.
    pub created_at: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
}

/// Why no invitation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteRefused {
    /// The app was deleted meanwhile.
    #[error("no such app")]
    NoSuchApp,
    /// Whoever invites may not any more.
    #[error("whoever invites may not any more")]
    NotAllowed,
    /// So many were made lately.
    #[error(
        "at most {0} invitations are kept for one app, and for the server, for two weeks; revoke some that are open, or wait"
    )]
    TooMany(usize),
}

/// Why an invitation was not accepted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptRefused {
    /// There is none with this token, or it was revoked.
    #[error("no such invitation")]
    NoSuchInvitation,
    /// It was accepted, has expired, or whoever made it could not any more.
    #[error("this invitation was accepted already, or has expired")]
    Over,
    /// The name is somebody else's.
    #[error("the user name {0} is taken")]
    UsernameTaken(Username),
    /// The user has this role in the app, or a higher one.
    #[error("you have this role in the app already")]
    AlreadyMember,
    /// It is to the server, where the user is already.
    #[error("this invitation is for somebody who is no user yet")]
    ForNewUser,
}

/// Who accepts.
#[derive(Clone)]
pub enum Accepting {
    /// Somebody who becomes a user by it.
    NewUser(NewUser),
    /// A user.
    User(UserId),
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: InvitationId,
    #[sqlx(try_from = "Option<String>")]
    app_id: Optional<AppId>,
    #[sqlx(try_from = "Option<String>")]
    slug: Optional<AppSlug>,
    #[sqlx(try_from = "Option<String>")]
    role: Optional<Role>,
    admin: bool,
    create_apps: bool,
    #[sqlx(try_from = "String")]
    creator: UserId,
    #[sqlx(try_from = "String")]
    created_by: Username,
    created_at: TimestampMs,
    expires_at: TimestampMs,
    accepted_at: Option<TimestampMs>,
}

impl Row {
    fn to(&self) -> InvitedTo {
        match (self.app_id.0, self.role.0) {
            (Some(app), Some(role)) => InvitedTo::App { app, role },
            _ => InvitedTo::Server { admin: self.admin, create_apps: self.create_apps },
        }
    }
}

impl From<Row> for Invitation {
    fn from(row: Row) -> Self {
        Self {
            to: row.to(),
            id: row.id,
            app: row.slug.0,
            created_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

macro_rules! select_invitations {
    ($rest:literal) => {
        concat!(
            "SELECT i.id, i.app_id, a.slug, i.role, i.admin, i.create_apps, i.created_by AS creator,
                u.username AS created_by, i.created_at, i.expires_at, i.accepted_at
             FROM invitations i JOIN users u ON u.id = i.created_by LEFT JOIN apps a ON a.id = i.app_id ",
            $rest
        )
    };
}

/// `app_id`, where `''` stands for the server.
fn app_or_server(app: Option<AppId>) -> String {
    app.map(|app| app.to_string()).unwrap_or_default()
}

impl Store {
    /// Makes an invitation, and forgets those of the same app, or to the server, that have been over for long.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_invitation(&self, new: NewInvitation) -> Result<Result<(), InviteRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        let (app, role, admin, create_apps) = match new.to {
            InvitedTo::App { app, role } => (Some(app), Some(role), false, false),
            InvitedTo::Server { admin, create_apps } => (None, None, admin, create_apps),
        };
        // Either way two at once cannot pass the bound together.
        match app {
            Some(app) if !self.lock_app(&mut transaction, app).await? => {
                return transaction.unchanged(Err(InviteRefused::NoSuchApp)).await;
            }
            Some(_) => {}
            None => self.lock_users(&mut transaction).await?,
        }
        if !self.may_invite(&mut transaction, app, new.by).await? {
            return transaction.unchanged(Err(InviteRefused::NotAllowed)).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM invitations WHERE COALESCE(app_id, '') = $1 AND expires_at <= $2")
                .bind(app_or_server(app))
                .bind(new.now.saturating_sub(KEPT_MS))
                .execute(db)
                .await?;
        });
        let kept: i64 = with_db!(self, &mut transaction, db => {
            sqlx::query_scalar("SELECT COUNT(*) FROM invitations WHERE COALESCE(app_id, '') = $1")
                .bind(app_or_server(app))
                .fetch_one(db)
                .await?
        });
        if usize::try_from(kept).unwrap_or(usize::MAX) >= INVITATIONS {
            return transaction.unchanged(Err(InviteRefused::TooMany(INVITATIONS))).await;
        }
        with_db!(self, &mut transaction, db => {
            sqlx::query(
                "INSERT INTO invitations
                    (id, sha256, app_id, role, admin, create_apps, created_by, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(new.id.to_string())
            .bind(&new.sha256[..])
            .bind(app.map(|app| app.to_string()))
            .bind(role.map(Role::as_str))
            .bind(admin)
            .bind(create_apps)
            .bind(new.by.to_string())
            .bind(new.now)
            .bind(new.expires_at)
            .execute(db)
            .await?;
        });
        self.commit(transaction, if app.is_some() { &[Change::Apps] } else { &[] }).await?;
        Ok(Ok(()))
    }

    /// At most so many open invitations to an app, or, without one, to the server, the newest first, from before one if
    /// it is given.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn invitations(
        &self,
        app: Option<AppId>,
        before: Option<InvitationId>,
        limit: u32,
        now: TimestampMs,
    ) -> Result<Vec<Invitation>, StoreError> {
        let rows: Vec<Row> = with_db!(self, read, db => {
            sqlx::query_as(select_invitations!(
                "WHERE COALESCE(i.app_id, '') = $1 AND i.accepted_at IS NULL AND i.expires_at > $2
                    AND ($3 IS NULL OR i.id < $3)
                 ORDER BY i.id DESC LIMIT $4"
            ))
            .bind(app_or_server(app))
            .bind(now)
            .bind(before.map(|id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?
        });
        Ok(rows.into_iter().map(Invitation::from).collect())
    }

    /// Revokes an open invitation to an app, or, without one, to the server. `false` when there is none such.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_invitation(&self, app: Option<AppId>, id: InvitationId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let gone = with_db!(self, &mut transaction, db => {
            sqlx::query("DELETE FROM invitations WHERE id = $1 AND COALESCE(app_id, '') = $2 AND accepted_at IS NULL")
                .bind(id.to_string())
                .bind(app_or_server(app))
                .execute(db)
                .await?
                .rows_affected()
        });
        if gone == 0 {
            return transaction.unchanged(false).await;
        }
        self.commit(transaction, &[]).await?;
        Ok(true)
    }

    /// The invitation of a link, if it can be accepted.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn invitation(
        &self,
        sha256: &[u8; 32],
        now: TimestampMs,
    ) -> Result<Result<Invitation, AcceptRefused>, StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let row = match self.invitation_in(&mut transaction, sha256).await? {
            None => return Ok(Err(AcceptRefused::NoSuchInvitation)),
            Some(row) => row,
        };
        let good = row.accepted_at.is_none()
            && row.expires_at > now
            && self.may_invite(&mut transaction, row.app_id.0, row.creator).await?;
        transaction.commit().await?;
        Ok(if good { Ok(row.into()) } else { Err(AcceptRefused::Over) })
    }

    /// Accepts an invitation, once: a new user is made by it, a user becomes a member of its app.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn accept_invitation(
        &self,
        sha256: &[u8; 32],
        who: Accepting,
        now: TimestampMs,
    ) -> Result<Result<Invitation, AcceptRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(row) = self.invitation_in(&mut transaction, sha256).await? else {
            return transaction.unchanged(Err(AcceptRefused::NoSuchInvitation)).await;
        };
        // The app's row before the invitation's, in the order in which an app is deleted.
        match row.app_id.0 {
            Some(app) if !self.lock_app(&mut transaction, app).await? => {
                return transaction.unchanged(Err(AcceptRefused::NoSuchInvitation)).await;
            }
            Some(_) => {}
            None => self.lock_users(&mut transaction).await?,
        }
        let taken = with_db!(self, &mut transaction, db => {
            sqlx::query(
                "UPDATE invitations SET accepted_at = $2 WHERE id = $1 AND accepted_at IS NULL AND expires_at > $2",
            )
            .bind(row.id.to_string())
            .bind(now)
            .execute(db)
            .await?
            .rows_affected()
        });
        if taken == 0 || !self.may_invite(&mut transaction, row.app_id.0, row.creator).await? {
            return transaction.unchanged(Err(AcceptRefused::Over)).await;
        }
        let user = match &who {
            Accepting::NewUser(new) => {
                let flags = if row.app_id.0.is_some() { (false, false) } else { (row.admin, row.create_apps) };
                if !self.insert_user(&mut transaction, new, flags.0, flags.1).await? {
                    return transaction.unchanged(Err(AcceptRefused::UsernameTaken(new.username.clone()))).await;
                }
                new.id
            }
            Accepting::User(user) => *user,
        };
        match row.to() {
            InvitedTo::App { app, role } => {
                let before = self.rights(&mut transaction, app, user).await?.role;
                if before.is_some_and(|before| before >= role) {
                    return transaction.unchanged(Err(AcceptRefused::AlreadyMember)).await;
                }
                self.put_member(&mut transaction, app, user, role).await?;
            }
            InvitedTo::Server { .. } if matches!(who, Accepting::User(_)) => {
                return transaction.unchanged(Err(AcceptRefused::ForNewUser)).await;
            }
            InvitedTo::Server { .. } => {}
        }
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(row.into()))
    }

    async fn invitation_in(&self, transaction: &mut Transaction, sha256: &[u8; 32]) -> Result<Option<Row>, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_as(select_invitations!("WHERE i.sha256 = $1")).bind(&sha256[..]).fetch_optional(db).await?
        }))
    }

    async fn may_invite(
        &self,
        transaction: &mut Transaction,
        app: Option<AppId>,
        user: UserId,
    ) -> Result<bool, StoreError> {
        match app {
            Some(app) => Ok(self.rights(transaction, app, user).await?.owns()),
            None => self.is_admin_in(transaction, user).await,
        }
    }
}
