//! Seals the apps' secrets under the instance's key, and opens them. It never stores anything, and nothing that it
//! holds shows in `Debug`.
//!
//! XChaCha20-Poly1305: its nonces are long enough (24 bytes) to be drawn at random for as many secrets as there will
//! ever be, with no counter that a restored backup would set back, and in software it takes the same time for every key
//! and text. Which app and name a secret belongs to is authenticated with it: no row can take another's place.

mod key;

pub use key::{InvalidKey, Key};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use picloud_shared::{
    ids::AppId,
    names::SecretName,
    sealed::{KeyId, Sealed},
};
use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// Bytes of a nonce.
const NONCE: usize = 24;

/// The instance's key, and the one before it. Clones share them.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<Keys>,
}

struct Keys {
    current: (KeyId, Key),
    previous: Option<(KeyId, Key)>,
}

/// Why a secret was not sealed: the system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes for a secret: {0}")]
pub struct SealError(#[from] getrandom::Error);

/// Why a secret was not opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// None of the vault's keys sealed it.
    #[error("it was sealed under the key {0}, which is not in use")]
    UnknownKey(KeyId),
    /// Somebody changed it, or put it in the place of another.
    #[error("it is not what was sealed")]
    Damaged,
}

impl Vault {
    /// Seals under `current`, and opens what either sealed.
    pub fn new(current: Key, previous: Option<Key>) -> Self {
        let with_id = |key: Key| (key.id(), key);
        Self { keys: Arc::new(Keys { current: with_id(current), previous: previous.map(with_id) }) }
    }

    /// The key that seals.
    pub fn current(&self) -> &KeyId {
        &self.keys.current.0
    }

    /// Whether what this key sealed can be opened.
    pub fn knows(&self, id: &KeyId) -> bool {
        self.key(id).is_some()
    }

    /// Seals a secret of an app.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn seal(&self, app: AppId, name: &SecretName, value: &str) -> Result<Sealed, SealError> {
        let (id, key) = &self.keys.current;
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: value.as_bytes(), aad: &bound_to(app, name) };
        #[expect(clippy::expect_used, reason = "it fails only past 256 GiB")]
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload).expect("no text is that long");
        Ok(Sealed { key: id.clone(), bytes: [&nonce[..], &sealed].concat() })
    }

    /// Opens a secret of an app.
    ///
    /// # Errors
    /// When it was sealed under another key, for another app or name, or changed since.
    pub fn open(&self, app: AppId, name: &SecretName, sealed: &Sealed) -> Result<Zeroizing<String>, OpenError> {
        let key = self.key(&sealed.key).ok_or_else(|| OpenError::UnknownKey(sealed.key.clone()))?;
        let (nonce, text) = sealed.bytes.split_at_checked(NONCE).ok_or(OpenError::Damaged)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| OpenError::Damaged)?;
        let payload = Payload { msg: text, aad: &bound_to(app, name) };
        let value = cipher(key).decrypt(&nonce, payload).map_err(|_| OpenError::Damaged)?;
        String::from_utf8(value).map(Zeroizing::new).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            OpenError::Damaged
        })
    }

    fn key(&self, id: &KeyId) -> Option<&Key> {
        let Keys { current, previous } = &*self.keys;
        [Some(current), previous.as_ref()].into_iter().flatten().find(|(known, _)| known == id).map(|(_, key)| key)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous = self.keys.previous.as_ref().map(|(id, _)| id);
        f.debug_struct("Vault").field("current", self.current()).field("previous", &previous).finish()
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// What is authenticated beside a secret. An app's id has one length, so that no other pair gives the same bytes.
fn bound_to(app: AppId, name: &SecretName) -> Vec<u8> {
    format!("picloud secret 1\0{app}\0{name}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(Key::generate().unwrap(), None)
    }

    fn name(name: &str) -> SecretName {
        name.parse().unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let (vault, app) = (vault(), AppId::new());
        for value in ["", "s3cret", "ä\0\n", &"x".repeat(32 << 10)] {
            let sealed = vault.seal(app, &name("KEY"), value).unwrap();
            assert_eq!(vault.open(app, &name("KEY"), &sealed).unwrap().as_str(), value);
            assert_eq!(&sealed.key, vault.current());
            assert!(value.is_empty() || !sealed.bytes.windows(value.len()).any(|part| part == value.as_bytes()));
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_the_same() {
        let (vault, app) = (vault(), AppId::new());
        let seal = || vault.seal(app, &name("KEY"), "s3cret").unwrap().bytes;
        assert_ne!(seal(), seal());
    }

    #[test]
    fn no_secret_takes_anothers_place() {
        let (vault, app) = (vault(), AppId::new());
        let sealed = vault.seal(app, &name("KEY"), "s3cret").unwrap();
        for (app, name) in [(AppId::new(), name("KEY")), (app, name("KEY2")), (app, name("KE"))] {
            assert_eq!(vault.open(app, &name, &sealed).unwrap_err(), OpenError::Damaged);
        }
    }

    #[test]
    fn a_changed_bit_is_seen() {
        let (vault, app) = (vault(), AppId::new());
        let sealed = vault.seal(app, &name("KEY"), "s3cret").unwrap();
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(vault.open(app, &name("KEY"), &changed).unwrap_err(), OpenError::Damaged, "{at}");
        }
        for len in [0, NONCE - 1, NONCE, sealed.bytes.len() - 1] {
            let cut = Sealed { bytes: sealed.bytes[..len].to_vec(), ..sealed.clone() };
            assert_eq!(vault.open(app, &name("KEY"), &cut).unwrap_err(), OpenError::Damaged, "{len}");
        }
    }

    #[test]
    fn the_previous_key_opens_and_never_seals() {
        let (old, new) = (Key::generate().unwrap(), Key::generate().unwrap());
        let again = |key: &Key| key.to_text().parse::<Key>().unwrap();
        let app = AppId::new();
        let sealed = Vault::new(again(&old), None).seal(app, &name("KEY"), "s3cret").unwrap();
        let rotated = Vault::new(again(&new), Some(again(&old)));
        assert!(rotated.knows(&old.id()) && rotated.current() == &new.id());
        assert_eq!(rotated.open(app, &name("KEY"), &sealed).unwrap().as_str(), "s3cret");
        assert_eq!(rotated.seal(app, &name("KEY"), "s3cret").unwrap().key, new.id());
        let forgotten = Vault::new(new, None);
        assert_eq!(forgotten.open(app, &name("KEY"), &sealed).unwrap_err(), OpenError::UnknownKey(old.id()));
    }

    #[test]
    fn keys_do_not_show() {
        let key = Key::generate().unwrap();
        let text = key.to_text();
        for shown in [format!("{key:?}"), format!("{:?}", Vault::new(key, None))] {
            assert!(!shown.contains(text.trim()), "{shown}");
        }
    }
}
