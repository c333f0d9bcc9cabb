//! The first user: made with the one-time set-up token, or by the binary from a password it was given.

use crate::{
    Manager,
    password::{PasswordError, Passwords},
    token::random_secret,
};
use picloud_shared::{ids::UserId, names::Username, time::now_ms};
use picloud_store::{AuditEntry, NewUser, Store, StoreError};
use serde_json::json;
use std::{fmt, net::IpAddr};
use subtle::ConstantTimeEq;

/// What lets a visitor make the first user: 256 random bits in hexadecimal, of this process alone.
#[derive(Clone)]
pub struct SetupToken(String);

impl SetupToken {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, getrandom::Error> {
        random_secret().map(Self)
    }

    /// For the set-up link.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn is(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for SetupToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupToken").finish_non_exhaustive()
    }
}

/// Why [`create_admin`] failed.
#[derive(Debug, thiserror::Error)]
pub enum CreateAdminError {
    /// The password breaks its rule, or could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error("the first user was not stored")]
    Store(#[from] StoreError),
}

/// Makes the first user, an administrator. `false`, and nothing is changed, when there is a user already.
///
/// # Errors
/// When the password breaks its rule, or the store fails.
pub async fn create_admin(store: &Store, username: Username, password: &str) -> Result<bool, CreateAdminError> {
    if store.has_users().await? {
        return Ok(false);
    }
    let user = first_user(store, &Passwords::new(), username, password, None).await?;
    Ok(user.is_some())
}

/// Why the set-up was refused.
#[derive(Debug)]
pub(crate) enum SetUpRefused {
    /// There is a user.
    Already,
    /// Not the token of this process.
    WrongToken,
    /// The password breaks its rule, or the platform failed.
    Failed(CreateAdminError),
}

impl From<CreateAdminError> for SetUpRefused {
    fn from(error: CreateAdminError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for SetUpRefused {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl Manager {
    /// Whether the set-up is still to be done, and this is the token for it.
    async fn may_set_up(&self, token: &str) -> Result<(), SetUpRefused> {
        match &self.settings.setup_token {
            Some(expected) if !self.store.has_users().await? => {
                if expected.is(token) {
                    Ok(())
                } else {
                    Err(SetUpRefused::WrongToken)
                }
            }
            _ => Err(SetUpRefused::Already),
        }
    }

    /// Makes the first user for whoever has the set-up token.
    pub(crate) async fn set_up(
        &self,
        token: &str,
        username: Username,
        password: &str,
        from: IpAddr,
    ) -> Result<NewUser, SetUpRefused> {
        self.may_set_up(token).await?;
        let user = first_user(&self.store, &self.passwords, username, password, Some(from)).await?;
        user.ok_or(SetUpRefused::Already)
    }
}

/// Atomic in the store, also between two processes: `None` when somebody was first.
async fn first_user(
    store: &Store,
    passwords: &Passwords,
    username: Username,
    password: &str,
    from: Option<IpAddr>,
) -> Result<Option<NewUser>, CreateAdminError> {
    let password_hash = passwords.hash(password).await?;
    let new = NewUser { id: UserId::new(), username, password_hash, now: now_ms() };
    let entry = AuditEntry {
        at: new.now,
        actor: Some((new.id, new.username.clone())),
        token: None,
        address: from,
        action: "set_up".to_owned(),
        app: None,
        target: Some(new.username.to_string()),
        detail: json!({"admin": true}),
    };
    let created = store.audited(entry).create_first_user(new.clone()).await?;
    Ok(created.then_some(new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_token_is_itself_only_and_hides() {
        let token = SetupToken::generate().unwrap();
        assert_eq!(token.reveal().len(), 64);
        assert!(token.is(token.reveal()));
        assert!(!token.is("") && !token.is(&token.reveal()[1..]) && !token.is(&"0".repeat(64)));
        assert!(!format!("{token:?}").contains(token.reveal()));
    }
}
