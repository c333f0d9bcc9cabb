//! The table `memberships`, as it is changed: who may do what in an app. Each change holds the app's row, and looks there
//! whether whoever asks for it still may.

use crate::{Store, StoreError, commit::Change, pool::Transaction};
use picloud_shared::{
    api::Role,
    ids::{AppId, UserId},
    names::Username,
};

/// Somebody with a role in an app.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Member {
    /// Who it is.
    #[sqlx(try_from = "String")]
    pub username: Username,
    /// What they may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
}

/// Why a role was not given or taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefused {
    /// The app was deleted meanwhile.
    #[error("no such app")]
    NoSuchApp,
    /// There is no user of this name, or none who is a member.
    #[error("no such user")]
    NoSuchUser,
    /// Whoever asks is no owner any more.
    #[error("this needs the role owner")]
    NotAllowed,
    /// Only administrators leave an app without an owner.
    #[error("this is the last owner of the app who can sign in; make somebody else an owner first")]
    LastOwner,
}

/// What giving a role has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleGiven {
    /// The user was no member before.
    Added,
    /// The user had another role.
    Changed,
    /// The user had it already.
    Same,
}

/// What somebody may do about an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) admin: bool,
    pub(crate) role: Option<Role>,
}

impl Rights {
    pub(crate) fn owns(self) -> bool {
        self.admin || self.role == Some(Role::Owner)
    }
}

impl Store {
    /// At most so many of an app's members, by name, after one if it is given. Administrators without a role of their own
    /// are not among them.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn members(&self, app: AppId, after: Option<&Username>, limit: u32) -> Result<Vec<Member>, StoreError> {
        Ok(with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT u.username, m.role FROM memberships m JOIN users u ON u.id = m.user_id
                 WHERE m.app_id = $1 AND u.username > $2 ORDER BY u.username LIMIT $3",
            )
            .bind(app.to_string())
            .bind(after.map_or("", Username::as_str))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?
        }))
    }

    /// Gives a user a role in an app, whatever they had before, for an owner.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn set_member(
        &self,
        app: AppId,
        username: &Username,
        role: Role,
        by: UserId,
    ) -> Result<Result<RoleGiven, MemberRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(MemberRefused::NoSuchApp)).await;
        }
        let rights = self.rights(&mut transaction, app, by).await?;
        if !rights.owns() {
            return transaction.unchanged(Err(MemberRefused::NotAllowed)).await;
        }
        let Some(user) = self.hold_user(&mut transaction, username).await? else {
            return transaction.unchanged(Err(MemberRefused::NoSuchUser)).await;
        };
        let before = self.rights(&mut transaction, app, user).await?.role;
        if before == Some(role) {
            return transaction.unchanged(Ok(RoleGiven::Same)).await;
        }
        self.put_member(&mut transaction, app, user, role).await?;
        if before == Some(Role::Owner) && !rights.admin && !self.has_owner(&mut transaction, app).await? {
            return transaction.unchanged(Err(MemberRefused::LastOwner)).await;
        }
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(if before.is_some() { RoleGiven::Changed } else { RoleGiven::Added }))
    }

    /// Takes a user's role in an app, for an owner or for the user.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn remove_member(
        &self,
        app: AppId,
        username: &Username,
        by: UserId,
    ) -> Result<Result<(), MemberRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(MemberRefused::NoSuchApp)).await;
        }
        let rights = self.rights(&mut transaction, app, by).await?;
        let gone: Option<(String, String)> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(
                "DELETE FROM memberships WHERE app_id = $1 AND user_id = (SELECT id FROM users WHERE username = $2)
                 RETURNING user_id, role",
            )
            .bind(app.to_string())
            .bind(username.as_str())
            .fetch_optional(db)
            .await?
        });
        let itself = gone.as_ref().is_some_and(|(user, _)| *user == by.to_string());
        if !rights.owns() && !itself {
            return transaction.unchanged(Err(MemberRefused::NotAllowed)).await;
        }
        let Some((_, role)) = gone else { return transaction.unchanged(Err(MemberRefused::NoSuchUser)).await };
        if role == Role::Owner.as_str() && !rights.admin && !self.has_owner(&mut transaction, app).await? {
            return transaction.unchanged(Err(MemberRefused::LastOwner)).await;
        }
        self.commit(transaction, &[Change::Apps]).await?;
        Ok(Ok(()))
    }

    /// Makes somebody a member, or gives them another role.
    pub(crate) async fn put_member(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        user: UserId,
        role: Role,
    ) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query(
                "INSERT INTO memberships (app_id, user_id, role) VALUES ($1, $2, $3)
                 ON CONFLICT (app_id, user_id) DO UPDATE SET role = excluded.role",
            )
            .bind(app.to_string())
            .bind(user.to_string())
            .bind(role.as_str())
            .execute(db)
            .await?;
        });
        Ok(())
    }

    /// What a user may do about an app: nothing, if there is no such user or they are disabled.
    pub(crate) async fn rights(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        user: UserId,
    ) -> Result<Rights, StoreError> {
        let row: Option<(bool, Option<String>)> = with_db!(self, transaction, db => {
            sqlx::query_as(
                "SELECT u.admin, m.role FROM users u
                 LEFT JOIN memberships m ON m.user_id = u.id AND m.app_id = $2
                 WHERE u.id = $1 AND NOT u.disabled",
            )
            .bind(user.to_string())
            .bind(app.to_string())
            .fetch_optional(db)
            .await?
        });
        let (admin, role) = row.unwrap_or_default();
        let role = role.map(Role::try_from).transpose();
        Ok(Rights { admin, role: role.map_err(|why| StoreError::Corrupt(why.to_owned()))? })
    }

    /// A user's id; holds their row, so that they are not deleted meanwhile.
    pub(crate) async fn hold_user(
        &self,
        transaction: &mut Transaction,
        username: &Username,
    ) -> Result<Option<UserId>, StoreError> {
        let id: Option<String> = with_db!(self, transaction, db => {
            sqlx::query_scalar("UPDATE users SET username = username WHERE username = $1 RETURNING id")
                .bind(username.as_str())
                .fetch_optional(db)
                .await?
        });
        id.map(|id| id.parse().map_err(|_| StoreError::Corrupt(format!("the id of the user {username}")))).transpose()
    }

    async fn has_owner(&self, transaction: &mut Transaction, app: AppId) -> Result<bool, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM memberships m JOIN users u ON u.id = m.user_id
                    WHERE m.app_id = $1 AND m.role = 'owner' AND NOT u.disabled)",
            )
            .bind(app.to_string())
            .fetch_one(db)
            .await?
        }))
    }
}
