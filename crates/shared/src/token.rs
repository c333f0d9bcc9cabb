//! The form of bearer tokens, and what is known of one: its SHA-256. Making tokens is the manager's.

use sha2::{Digest, Sha256};

/// What every token starts with, so that scanners for leaked secrets can find one.
const PREFIX: &str = "pic_";

/// The token of a secret, which is 32 random bytes in hexadecimal.
pub fn of_secret(secret: &str) -> String {
    format!("{PREFIX}{secret}")
}

/// By which a token is known.
pub fn sha256(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The SHA-256 of the token in an `authorization` header; `None` where it holds nothing of a token's form.
pub fn sha256_in(authorization: &str) -> Option<[u8; 32]> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    let secret = token.strip_prefix(PREFIX)?;
    let formed = secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (formed && scheme.eq_ignore_ascii_case("bearer")).then(|| sha256(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_have_a_digest() {
        let good = of_secret(&"0f".repeat(32));
        for header in [format!("Bearer {good}"), format!("bearer   {good} ")] {
            assert_eq!(sha256_in(&header), Some(sha256(&good)), "{header}");
        }
        for bad in ["", "pic_", &good[4..], &good.to_uppercase(), &format!("{good}0"), &good[..67]] {
            assert_eq!(sha256_in(&format!("Bearer {bad}")), None, "{bad}");
        }
        for bad in [good.clone(), format!("Basic {good}"), format!("Bearer{good}"), format!("Bearer, {good}")] {
            assert_eq!(sha256_in(&bad), None, "{bad}");
        }
    }
}
