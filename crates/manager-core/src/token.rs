//! Bearer tokens: 256 random bits, shown once, known to the store by their SHA-256 only. Links of invitations have secrets
//! of the same kind.

use picloud_shared::{
    ids::{TokenId, UserId},
    time::{TimestampMs, now_ms},
    token,
};
use picloud_store::{NewToken, NewTokenKind, Store, StoreError, TokenRefused};

/// A day.
pub(crate) const DAY_MS: TimestampMs = 24 * 60 * 60 * 1_000;
/// How long a session is good: 30 days.
const SESSION_MS: TimestampMs = 30 * DAY_MS;

/// Why no token was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// The system gives no random bytes.
    #[error("no random bytes")]
    Random(#[from] getrandom::Error),
    /// What was shown to get it is worth nothing any more, or there are too many.
    #[error(transparent)]
    Refused(#[from] TokenRefused),
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

/// A new session of the user whose password has this hash.
pub(crate) async fn begin_session(store: &Store, user: UserId, password_hash: String) -> Result<String, TokenError> {
    let now = now_ms();
    let kind = NewTokenKind::Session { password_hash };
    issue(store, TokenId::new(), user, kind, now, now + SESSION_MS).await
}

/// A new token.
pub(crate) async fn issue(
    store: &Store,
    id: TokenId,
    user: UserId,
    kind: NewTokenKind,
    now: TimestampMs,
    expires_at: TimestampMs,
) -> Result<String, TokenError> {
    let token = token::of_secret(&random_secret()?);
    let sha256 = token::sha256(&token);
    store.create_token(NewToken { id, user, sha256, kind, now, expires_at }).await??;
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
