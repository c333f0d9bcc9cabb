//! The instance's key: 32 random bytes, and how people write them.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use picloud_shared::sealed::KeyId;
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

/// Bytes of a key.
const BYTES: usize = 32;

/// A key. It is wiped from memory when it is dropped.
pub struct Key(Zeroizing<[u8; BYTES]>);

/// A text that is no key. It is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret key is {BYTES} bytes, in hexadecimal (64 digits) or base64 (44 characters)")]
pub struct InvalidKey;

impl Key {
    /// A new key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        getrandom::fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// In hexadecimal.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(*self.0))
    }

    /// Tells keys apart. A hash of 32 random bytes says nothing about them.
    pub fn id(&self) -> KeyId {
        let hash = Sha256::new_with_prefix(b"picloud secret key\0").chain_update(*self.0).finalize();
        let text = hex::encode(&hash[..8]);
        #[expect(clippy::expect_used, reason = "eight bytes are 16 hexadecimal digits")]
        KeyId::try_from(text).expect("16 hexadecimal digits")
    }

    pub(crate) fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl FromStr for Key {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; BYTES]);
        if text.len() == 2 * BYTES {
            hex::decode_to_slice(text, &mut *bytes).map_err(|_| InvalidKey)?;
            return Ok(Self(bytes));
        }
        let padded = text.ends_with('=');
        let decoded = if padded { STANDARD.decode(text) } else { STANDARD_NO_PAD.decode(text) };
        let decoded = decoded.map(Zeroizing::new).map_err(|_| InvalidKey)?;
        bytes.copy_from_slice(decoded.get(..).filter(|decoded| decoded.len() == BYTES).ok_or(InvalidKey)?);
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_in_hexadecimal_or_base64() {
        let key = Key::generate().unwrap();
        let hexadecimal = key.to_text();
        let written = [
            hexadecimal.to_string(),
            format!(" {}\n", hexadecimal.to_uppercase()),
            STANDARD.encode(key.bytes()),
            STANDARD_NO_PAD.encode(key.bytes()),
        ];
        for text in written {
            assert_eq!(text.parse::<Key>().unwrap().bytes(), key.bytes());
        }
    }

    #[test]
    fn anything_else_is_no_key() {
        let short = STANDARD.encode([1; 31]);
        for bad in ["", "x", &"0".repeat(63), &"g".repeat(64), &short, &format!("{short}{short}")] {
            assert_eq!(bad.parse::<Key>().unwrap_err(), InvalidKey, "{bad}");
        }
    }

    #[test]
    fn ids_tell_keys_apart() {
        let (a, b) = (Key::generate().unwrap(), Key::generate().unwrap());
        assert_ne!(a.id(), b.id());
        assert_eq!(a.id(), a.to_text().parse::<Key>().unwrap().id());
    }
}
