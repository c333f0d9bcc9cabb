//! Whether somebody is who they say: a name and a password, compared at the same cost whoever they are, and not as often as
//! one likes.

use crate::{Manager, password::PasswordError};
use picloud_shared::time::now_ms;
use picloud_store::{AuditEntry, StoreError, User};
use serde_json::json;
use std::{net::IpAddr, time::Duration};

/// Why somebody was not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignInError {
    /// No such user, or another password.
    #[error("wrong user name or password")]
    Wrong,
    /// It is the password of somebody who may not sign in.
    #[error("this user is disabled; ask an administrator")]
    Disabled,
    /// There were too many failures lately, or are too many attempts now; nothing was compared.
    #[error("too many attempts; try again in {} s", .0.as_secs() + 1)]
    Throttled(Duration),
    /// The password could not be compared.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Manager {
    /// The user of this name and password, which may be any texts.
    pub(crate) async fn believe(&self, username: &str, password: &str, from: IpAddr) -> Result<User, SignInError> {
        let attempt = self.throttle.attempt(Some(username), from).map_err(SignInError::Throttled)?;
        match self.compare(username, password).await {
            Ok((Some(user), true)) => {
                attempt.give_back();
                if user.disabled { Err(SignInError::Disabled) } else { Ok(user) }
            }
            Ok((user, _)) => {
                self.note_failure(user, from).await?;
                Err(SignInError::Wrong)
            }
            Err(error) => {
                attempt.give_back();
                Err(error)
            }
        }
    }

    async fn compare(&self, username: &str, password: &str) -> Result<(Option<User>, bool), SignInError> {
        let user = self.store.user_by_name(username).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let right = self.passwords.verify(password, hash).await?;
        Ok((user, right))
    }

    /// Only names of users are kept: others may be passwords, typed in the wrong place.
    async fn note_failure(&self, user: Option<User>, from: IpAddr) -> Result<(), StoreError> {
        if !self.throttle.may_note() {
            return Ok(());
        }
        let entry = AuditEntry {
            at: now_ms(),
            actor: None,
            token: None,
            address: Some(from),
            action: "login_failed".to_owned(),
            app: None,
            target: user.map(|user| user.username.to_string()),
            detail: json!({}),
        };
        self.store.note(entry).await
    }
}
