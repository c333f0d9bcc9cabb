//! `crypto`: hashes, signatures with a shared key, and comparing secrets.

use super::{Result, at, bytes::bytes_of};
use ::hmac::{Hmac, KeyInit, Mac};
use ::sha2::{Digest, Sha256};
use rhai::{Blob, plugin::*};
use subtle::ConstantTimeEq;

#[export_module]
pub mod crypto {
    /// The SHA-256 of a blob, or of a string's UTF-8: a blob of 32 bytes.
    ///
    /// Example: `hex::encode(crypto::sha256("abc")).sub_string(0, 16)` → `"ba7816bf8f01cfea"`
    #[rhai_fn(return_raw)]
    pub fn sha256(context: NativeCallContext, data: Dynamic) -> Result<Blob> {
        at(&context, || Ok(Sha256::digest(bytes_of(data)?).to_vec()))
    }

    /// The HMAC-SHA-256 of a message under a key, each a blob or a string: a blob of 32 bytes.
    ///
    /// Example: `base64::encode(crypto::hmac_sha256("key", "message")).len()` → `44`
    #[rhai_fn(return_raw)]
    pub fn hmac_sha256(context: NativeCallContext, key: Dynamic, message: Dynamic) -> Result<Blob> {
        at(&context, || {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(&bytes_of(key)?).map_err(|error| format!("not a key: {error}"))?;
            mac.update(&bytes_of(message)?);
            Ok(mac.finalize().into_bytes().to_vec())
        })
    }

    /// Whether two blobs or strings are the same, in a time that tells nothing of where they differ: for signatures and
    /// tokens. What has another length is told apart at once.
    ///
    /// Example: `crypto::equals(crypto::sha256("a"), crypto::sha256("b"))` → `false`
    #[rhai_fn(return_raw)]
    pub fn equals(context: NativeCallContext, one: Dynamic, other: Dynamic) -> Result<bool> {
        at(&context, || Ok(bytes_of(one)?.ct_eq(&bytes_of(other)?).into()))
    }
}
