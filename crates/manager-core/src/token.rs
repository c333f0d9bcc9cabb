//! Bearer tokens: 256 random bits, shown once, known to the store by their SHA-256 only.

use picloud_shared::{
    ids::{TokenId, UserId},
    time::{TimestampMs, now_ms},
    token,
};
use picloud_store::{NewToken, Store, StoreError};

/// How long a token is good: 30 days.
const LIFETIME_MS: TimestampMs = 30 * 24 * 60 * 60 * 1_000;

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The system gives no random bytes.
    #[error("no random bytes")]
    Random(#[from] getrandom::Error),
    /// The store failed.
    #[error("a token was not stored")]
    Store(#[from] StoreError),
}

/// So many random bytes in hexadecimal that nobody guesses them.
pub(crate) fn random_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// A new token of the user.
pub(crate) async fn issue(store: &Store, user: UserId) -> Result<String, TokenError> {
    let token = token::of_secret(&random_secret()?);
    let now = now_ms();
    let sha256 = token::sha256(&token);
    store.create_token(NewToken { id: TokenId::new(), user, sha256, now, expires_at: now + LIFETIME_MS }).await?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ() {
        assert_ne!(random_secret().unwrap(), random_secret().unwrap());
    }
}
