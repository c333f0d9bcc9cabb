//! A password that nobody knows any more, set anew by whoever has the server's machine.

use crate::password::{PasswordError, Passwords};
use picloud_shared::{names::Username, time::now_ms};
use picloud_store::{AuditEntry, Store, StoreError};
use serde_json::json;

/// Letters and digits that are not taken for one another; 32 of them, so that each is 5 bits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 100 bits.
const LENGTH: usize = 20;

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// There is no such user.
    #[error("there is no user {0}")]
    NoSuchUser(Username),
    /// It breaks its rule, or could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A password that nobody guesses, and that can be typed.
///
/// # Errors
/// When the system gives no random bytes.
pub fn generate_password() -> Result<String, getrandom::Error> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// Gives a user another password, enables them, and ends their sessions, tokens and invitations.
///
/// # Errors
/// When there is no such user, the password breaks its rule, or the store fails.
pub async fn reset_password(store: &Store, username: &Username, password: &str) -> Result<(), ResetError> {
    let hash = Passwords::new().hash(password).await?;
    let entry = AuditEntry {
        at: now_ms(),
        actor: None,
        token: None,
        address: None,
        action: "reset_password".to_owned(),
        app: None,
        target: Some(username.to_string()),
        detail: json!({}),
    };
    let found = store.audited(entry).reset_password(username, &hash).await?;
    if found { Ok(()) } else { Err(ResetError::NoSuchUser(username.clone())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_differ_and_can_be_typed() {
        let (one, other) = (generate_password().unwrap(), generate_password().unwrap());
        assert!(one != other && one.len() == LENGTH, "{one} {other}");
        assert!(one.bytes().all(|byte| LETTERS.contains(&byte)), "{one}");
    }
}
