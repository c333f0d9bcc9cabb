//! Whether whoever asked for something still may when it is done. Between the look at their token and the change lie the
//! request's body, which may take its time, and whatever is checked before; a token that has ended meanwhile, or a role that was
//! taken, is worth nothing.

use crate::{Store, StoreError, pool::Transaction};
use picloud_shared::{
    api::Role,
    ids::{AppId, TokenId},
};

/// By what somebody may do what they ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warrant {
    /// Their token.
    pub token: TokenId,
    /// What its user needs.
    pub right: Right,
}

/// What whoever asks needs, beside a token that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Nothing else.
    Token,
    /// To be an administrator.
    Administration,
    /// To be somebody who may make apps.
    MakingApps,
    /// A role in an app, or a higher one.
    InApp(AppId, Role),
}

/// What somebody has lost since they asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Revoked {
    /// The token has ended, or its user may not sign in any more.
    #[error("the token has ended meanwhile")]
    Token,
    /// The user may not do such things any more.
    #[error("the user may not do this any more")]
    Right(Right),
    /// The user has no role in the app any more.
    #[error("the user is no member of the app any more")]
    Membership,
}

#[derive(sqlx::FromRow)]
struct Row {
    admin: bool,
    create_apps: bool,
    role: Option<String>,
}

impl Store {
    /// The same store, each of whose transactions begins by looking whether this still holds, and fails with
    /// [`StoreError::Revoked`] when it does not.
    #[must_use]
    pub fn warranted(&self, warrant: Warrant) -> Self {
        Self { warrant: Some(warrant), ..self.clone() }
    }

    /// Looks whether a warrant still holds, for what is no change.
    ///
    /// # Errors
    /// [`StoreError::Revoked`] when it does not; when the database fails.
    pub async fn look_again(&self, warrant: &Warrant) -> Result<(), StoreError> {
        let mut transaction = self.inner.pool.begin_read().await?;
        let honoured = self.honour(&mut transaction, warrant).await?;
        transaction.commit().await?;
        Ok(honoured?)
    }

    /// Looks at it in a transaction, which whoever is told that it does not hold ends by `unchanged`.
    pub(crate) async fn honour(
        &self,
        transaction: &mut Transaction,
        Warrant { token, right }: &Warrant,
    ) -> Result<Result<(), Revoked>, StoreError> {
        let app = match right {
            Right::InApp(app, _) => Some(app.to_string()),
            Right::Token | Right::Administration | Right::MakingApps => None,
        };
        let row: Option<Row> = with_db!(self, transaction, db => {
            // Of the token nothing else changes, and when it expires the request is on its way.
            sqlx::query_as(
                "SELECT u.admin, u.create_apps, m.role FROM tokens t
                 JOIN users u ON u.id = t.user_id
                 LEFT JOIN memberships m ON m.user_id = u.id AND m.app_id = $2
                 WHERE t.id = $1 AND NOT u.disabled",
            )
            .bind(token.to_string())
            .bind(app)
            .fetch_optional(db)
            .await?
        });
        let Some(Row { admin, create_apps, role }) = row else { return Ok(Err(Revoked::Token)) };
        let role = role.map(Role::try_from).transpose().map_err(|why| StoreError::Corrupt(why.to_owned()))?;
        Ok(match right {
            Right::Token => Ok(()),
            _ if admin => Ok(()),
            Right::MakingApps if create_apps => Ok(()),
            Right::InApp(_, needed) if role.is_some_and(|role| role >= *needed) => Ok(()),
            Right::InApp(..) if role.is_none() => Err(Revoked::Membership),
            _ => Err(Revoked::Right(*right)),
        })
    }
}
