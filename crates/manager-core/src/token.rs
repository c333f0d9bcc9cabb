//! Bearer tokens: 256 random bits, shown once, known to the store by their SHA-256 only.

use picloud_shared::{
    ids::{TokenId, UserId},
    time::{TimestampMs, now_ms},
};
use picloud_store::{NewToken, Store, StoreError};
use sha2::{Digest, Sha256};

/// What every token starts with, so that scanners for leaked secrets can find one.
const PREFIX: &str = "pic_";

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
    let token = format!("{PREFIX}{}", random_secret()?);
    let now = now_ms();
    let sha256 = Sha256::digest(&token).into();
    store.create_token(NewToken { id: TokenId::new(), user, sha256, now, expires_at: now + LIFETIME_MS }).await?;
    Ok(token)
}

/// The SHA-256 of a text that has a token's form.
pub(crate) fn sha256_of(token: &str) -> Option<[u8; 32]> {
    let secret = token.strip_prefix(PREFIX)?;
    let formed = secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    formed.then(|| Sha256::digest(token).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_have_a_digest() {
        let good = format!("pic_{}", random_secret().unwrap());
        assert!(sha256_of(&good).is_some());
        for bad in ["", "pic_", &good[4..], &good.to_uppercase(), &format!("{good}0"), &good[..67]] {
            assert_eq!(sha256_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(random_secret().unwrap(), random_secret().unwrap());
    }
}
