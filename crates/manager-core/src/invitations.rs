//! Invitations: making the link, and accepting what it is for.

use crate::{
    Manager,
    password::PasswordError,
    token::{self, DAY_MS, TokenError},
};
use picloud_shared::{
    ids::{InvitationId, UserId},
    names::Username,
    one_time::OneTimeLink,
    time::now_ms,
    token::sha256,
};
use picloud_store::{
    AcceptRefused, Accepting, AuditEntry, Invitation, InviteRefused, InvitedTo, NewInvitation, NewUser, StoreError,
    User, Warrant,
};
use serde_json::{Value, json};
use std::{net::IpAddr, time::Duration};

/// How long a link is good: a week.
const LIFETIME_MS: i64 = 7 * DAY_MS;

/// Why an invitation was not made or accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvitationError {
    /// It was not made.
    #[error(transparent)]
    Invite(#[from] InviteRefused),
    /// It was not accepted.
    #[error(transparent)]
    Accept(#[from] AcceptRefused),
    /// There were too many failures lately from this address.
    #[error("too many failed attempts; try again later")]
    Throttled(Duration),
    /// The password breaks its rule, or could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// There is no secret for the link, or no session of the new user.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A new invitation, and what stands in its link.
pub(crate) struct Invited {
    pub(crate) id: InvitationId,
    pub(crate) created_at: i64,
    pub(crate) expires_at: i64,
    pub(crate) token: String,
}

/// Who accepts an invitation.
pub(crate) enum Guest {
    /// Somebody who becomes a user by it.
    New { username: Username, password: String },
    /// A user, with the entry for the audit log that says how they came, and what they came by.
    User(Box<User>, Box<AuditEntry>, Warrant),
}

impl Manager {
    /// Makes an invitation.
    pub(crate) async fn invite(&self, to: InvitedTo, by: UserId) -> Result<Invited, InvitationError> {
        let token = token::random_secret().map_err(TokenError::Random)?;
        let (id, now) = (InvitationId::new(), now_ms());
        let expires_at = now + LIFETIME_MS;
        let new = NewInvitation { id, sha256: sha256(&token), to, by, now, expires_at };
        self.store.create_invitation(new).await??;
        Ok(Invited { id, created_at: now, expires_at, token })
    }

    /// Where an invitation is accepted in a browser.
    pub(crate) fn invitation_url(&self, token: &str) -> String {
        OneTimeLink::Invitation.at(&self.settings.manager_url, token)
    }

    /// The invitation of a link, if it can be accepted.
    async fn invitation(&self, token: &str) -> Result<Invitation, InvitationError> {
        Ok(self.store.invitation(&sha256(token), now_ms()).await??)
    }

    /// Accepts the invitation of a link; for a new user, with the token of their first session.
    pub(crate) async fn accept_invitation(
        &self,
        token: &str,
        guest: Guest,
        from: IpAddr,
    ) -> Result<(Invitation, Option<String>), InvitationError> {
        let attempt = self.throttle.attempt(None, from).map_err(InvitationError::Throttled)?;
        let accepted = self.accept_once(token, guest, from).await;
        match &accepted {
            // Who tries what there is not, or which names there are.
            Err(InvitationError::Accept(AcceptRefused::NoSuchInvitation | AcceptRefused::UsernameTaken(_))) => {}
            _ => attempt.give_back(),
        }
        accepted
    }

    async fn accept_once(
        &self,
        token: &str,
        guest: Guest,
        from: IpAddr,
    ) -> Result<(Invitation, Option<String>), InvitationError> {
        // Before anything is hashed for it.
        let invitation = self.invitation(token).await?;
        let (entry, who, store) = match guest {
            Guest::User(user, entry, warrant) => (*entry, Accepting::User(user.id), self.store.warranted(warrant)),
            Guest::New { username, password } => {
                let password_hash = self.passwords.hash(&password).await?;
                let new = NewUser { id: UserId::new(), username, password_hash, now: now_ms() };
                let entry = AuditEntry {
                    at: new.now,
                    actor: Some((new.id, new.username.clone())),
                    token: None,
                    address: Some(from),
                    action: "accept_invitation".to_owned(),
                    app: None,
                    target: None,
                    detail: Value::Null,
                };
                (entry, Accepting::NewUser(new), self.store.clone())
            }
        };
        let new = match &who {
            Accepting::NewUser(new) => Some((new.id, new.password_hash.clone())),
            Accepting::User(_) => None,
        };
        let detail = match invitation.to {
            InvitedTo::App { role, .. } => json!({"invited_by": invitation.created_by, "role": role}),
            InvitedTo::Server { admin, create_apps } => {
                json!({"invited_by": invitation.created_by, "admin": admin, "create_apps": create_apps})
            }
        };
        let app = match invitation.to {
            InvitedTo::App { app, .. } => Some(app),
            InvitedTo::Server { .. } => None,
        };
        let entry = AuditEntry {
            app: app.zip(invitation.app.clone()),
            target: entry.actor.as_ref().map(|(_, name)| name.to_string()),
            detail,
            ..entry
        };
        let accepted = store.audited(entry).accept_invitation(&sha256(token), who, now_ms()).await??;
        let session = match new {
            Some((user, hash)) => Some(token::begin_session(&self.store, user, hash).await?),
            None => None,
        };
        Ok((accepted, session))
    }
}
