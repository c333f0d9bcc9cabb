//! Who asks, and what they may do. A handler that takes [`Caller`] needs a token; one that takes [`Unscoped`], [`Session`]
//! or [`Admin`] one that has all rights of its user; one that takes [`Viewer`], [`Editor`] or [`Owner`] needs that role in
//! the app that its path names. To a stranger an app does not exist. Whoever changes something does it through
//! [`Caller::audited`] or [`Access::audited`], and with a right that they still have then.

use super::{error::ApiError, extract::Path};
use crate::Manager;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header::AUTHORIZATION, request::Parts},
};
use picloud_shared::{api::Role, names::AppSlug, time::now_ms, token};
use picloud_store::{App, AuditEntry, Credential, Right, Store, Warrant};
use serde::Deserialize;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(super) struct Address(pub(super) IpAddr);

impl FromRequestParts<Manager> for Address {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        let ConnectInfo(peer) = ConnectInfo::<SocketAddr>::from_request_parts(parts, manager)
            .await
            .map_err(|error| ApiError::Internal(error.body_text().into()))?;
        Ok(Self(manager.settings.trusted_proxies.client(peer.ip(), &parts.headers)))
    }
}

/// Whose token came with the request, and what of their rights it has.
pub(super) struct Caller {
    pub(super) who: Credential,
    pub(super) address: IpAddr,
    /// What they were let in by.
    pub(super) right: Right,
}

impl FromRequestParts<Manager> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let sha256 = header.and_then(token::sha256_in).ok_or(ApiError::Unauthorized)?;
        let now = now_ms();
        let who = manager.store.credential(&sha256, now).await?.ok_or(ApiError::Unauthorized)?;
        if Store::is_use_news(who.last_used_at, now)
            && let Err(error) = manager.store.note_use(who.token, now).await
        {
            tracing::warn!(%error, "when a token was used is not kept");
        }
        let Address(address) = Address::from_request_parts(parts, manager).await?;
        Ok(Self { who, address, right: Right::Token })
    }
}

impl Caller {
    /// An entry for the audit log about what this caller does, outside of apps.
    pub(super) fn entry(&self, action: &str, target: Option<String>, detail: Value) -> AuditEntry {
        AuditEntry {
            at: now_ms(),
            actor: Some((self.who.user.id, self.who.user.username.clone())),
            token: Some(self.who.token),
            address: Some(self.address),
            action: action.to_owned(),
            app: None,
            target,
            detail,
        }
    }

    /// Whoever's next change is kept as what this caller did, outside of apps.
    pub(super) fn audited(&self, manager: &Manager, action: &str, target: &impl ToString, detail: Value) -> Manager {
        manager.audited(self.entry(action, Some(target.to_string()), detail), self.warrant())
    }

    /// To be looked at once more when what they ask for is done.
    pub(super) const fn warrant(&self) -> Warrant {
        Warrant { token: self.who.token, right: self.right }
    }

    /// Refuses API tokens: what somebody makes by one would outlive it.
    pub(super) fn in_session(&self) -> Result<(), ApiError> {
        if self.who.session { Ok(()) } else { Err(ApiError::NeedsSession) }
    }

    /// Refuses tokens that are for less than their user may.
    pub(super) fn unscoped(&self) -> Result<(), ApiError> {
        if self.who.is_scoped() { Err(ApiError::ScopedToken) } else { Ok(()) }
    }
}

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident, $right:expr, $refuse:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name(pub(super) Caller);

        impl FromRequestParts<Manager> for $name {
            type Rejection = ApiError;
            async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
                let caller = Caller::from_request_parts(parts, manager).await?;
                caller.unscoped()?;
                let refuse: fn(&Credential) -> Option<ApiError> = $refuse;
                refuse(&caller.who).map_or(Ok(Self(Caller { right: $right, ..caller })), Err)
            }
        }
    )*};
}

callers! {
    /// Somebody with all of their rights.
    Unscoped, Right::Token, |_| None;
    /// Somebody who has signed in themselves.
    Session, Right::Token, |who| (!who.session).then_some(ApiError::NeedsSession);
    /// An administrator of the server.
    Admin, Right::Administration, |who| (!who.is_admin()).then_some(ApiError::AdministratorsOnly);
    /// An administrator who has signed in.
    AdminSession, Right::Administration, |who| match (who.is_admin(), who.session) {
        (false, _) => Some(ApiError::AdministratorsOnly),
        (true, false) => Some(ApiError::NeedsSession),
        (true, true) => None,
    };
}

/// An app, as somebody who may do what they ask for.
pub(super) struct Access {
    pub(super) app: App,
    pub(super) role: Role,
    pub(super) caller: Caller,
}

impl Access {
    async fn needing(role: Role, parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Captured {
            app: String,
        }
        let caller = Caller::from_request_parts(parts, manager).await?;
        let Path(Captured { app }) = Path::from_request_parts(parts, manager).await?;
        let slug: AppSlug = app.try_into().map_err(|_| ApiError::NotFound("app"))?;
        let membership = manager.store.app_for(&caller.who, &slug).await?.ok_or(ApiError::NotFound("app"))?;
        if membership.role < role {
            return Err(match caller.who.role {
                Some(most) if most < role => ApiError::TokenForbidden { needed: role, most },
                _ => ApiError::Forbidden(role),
            });
        }
        let caller = Caller { right: Right::InApp(membership.app.id, role), ..caller };
        Ok(Self { app: membership.app, role: membership.role, caller })
    }

    /// Whoever's next change is kept as what this caller did, to something of this app.
    pub(super) fn audited(&self, manager: &Manager, action: &str, target: &impl ToString, detail: Value) -> Manager {
        self.audited_as(manager, action, Some(target.to_string()), detail)
    }

    /// The same, to the app itself.
    pub(super) fn audited_itself(&self, manager: &Manager, action: &str, detail: Value) -> Manager {
        self.audited_as(manager, action, None, detail)
    }

    /// For what is no change, once the body has come.
    pub(super) async fn look_again(&self, manager: &Manager) -> Result<(), ApiError> {
        Ok(manager.store.look_again(&self.caller.warrant()).await?)
    }

    fn audited_as(&self, manager: &Manager, action: &str, target: Option<String>, detail: Value) -> Manager {
        let app = Some((self.app.id, self.app.slug.clone()));
        manager.audited(AuditEntry { app, ..self.caller.entry(action, target, detail) }, self.caller.warrant())
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

/// An owner with all of their rights.
pub(super) struct UnscopedOwner(pub(super) Access);

impl FromRequestParts<Manager> for UnscopedOwner {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        let Owner(access) = Owner::from_request_parts(parts, manager).await?;
        access.caller.unscoped()?;
        Ok(Self(access))
    }
}

/// An owner who has signed in.
pub(super) struct OwnerSession(pub(super) Access);

impl FromRequestParts<Manager> for OwnerSession {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        let UnscopedOwner(access) = UnscopedOwner::from_request_parts(parts, manager).await?;
        access.caller.in_session()?;
        Ok(Self(access))
    }
}
