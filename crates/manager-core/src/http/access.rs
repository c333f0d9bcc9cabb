//! Who asks, and what they may do. A handler that takes [`Caller`] needs a token; one that takes [`Viewer`],
//! [`Editor`] or [`Owner`] needs that role in the app that its path names. To a stranger an app does not exist.

use super::{error::ApiError, extract::Path};
use crate::Manager;
use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use picloud_shared::{api::Role, names::AppSlug, time::now_ms, token};
use picloud_store::{App, User};
use serde::Deserialize;

/// The SHA-256 of the token that came with the request, be it good or not.
pub(super) struct Bearer(pub(super) [u8; 32]);

impl FromRequestParts<Manager> for Bearer {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &Manager) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        header.and_then(token::sha256_in).map(Self).ok_or(ApiError::Unauthorized)
    }
}

/// Whose token came with the request.
pub(super) struct Caller(pub(super) User);

impl FromRequestParts<Manager> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        let Bearer(sha256) = Bearer::from_request_parts(parts, manager).await?;
        let user = manager.store.user_of_token(&sha256, now_ms()).await?;
        user.map(Self).ok_or(ApiError::Unauthorized)
    }
}

/// An app, as somebody who may do what they ask for.
pub(super) struct Access {
    pub(super) app: App,
    pub(super) role: Role,
    pub(super) caller: User,
}

impl Access {
    async fn needing(role: Role, parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Captured {
            app: String,
        }
        let Caller(caller) = Caller::from_request_parts(parts, manager).await?;
        let Path(Captured { app }) = Path::from_request_parts(parts, manager).await?;
        let slug: AppSlug = app.try_into().map_err(|_| ApiError::NotFound("app"))?;
        let membership = manager.store.app_for(&caller, &slug).await?.ok_or(ApiError::NotFound("app"))?;
        if membership.role < role {
            return Err(ApiError::Forbidden(role));
        }
        Ok(Self { app: membership.app, role: membership.role, caller })
    }
}

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident;)*) => {$(
        $(#[$doc])*
        pub(super) struct $role(pub(super) Access);

        impl FromRequestParts<Manager> for $role {
            type Rejection = ApiError;
            async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
                Access::needing(Role::$role, parts, manager).await.map(Self)
            }
        }
    )*};
}

roles! {
    /// Somebody who may look.
    Viewer;
    /// Somebody who may change scripts and run them.
    Editor;
    /// Somebody who may change the app itself.
    Owner;
}
