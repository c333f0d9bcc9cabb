//! A secret as it is stored: bytes that only the instance's key opens. Sealing and opening are `crates/vault`'s.

use std::fmt;

/// Which key sealed something. It tells keys apart, and nothing about them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

/// A text that is no key's id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's id is 16 hexadecimal digits")]
pub struct InvalidKeyId;

impl KeyId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKeyId;
    fn try_from(text: String) -> Result<Self, InvalidKeyId> {
        let valid = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(text)) } else { Err(InvalidKeyId) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which key opens it.
    pub key: KeyId,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_keys_are_hexadecimal() {
        assert_eq!(KeyId::try_from("0123456789abcdef".to_owned()).unwrap().as_str(), "0123456789abcdef");
        for bad in ["", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdefg"] {
            assert_eq!(KeyId::try_from(bad.to_owned()), Err(InvalidKeyId), "{bad}");
        }
    }
}
