//! `base64`: bytes as text, in the alphabet of RFC 4648.

use super::{Result, at, bytes::bytes_of};
use ::base64::{
    Engine, alphabet,
    engine::{
        GeneralPurpose,
        general_purpose::{NO_PAD_INDIFFERENT, PAD_INDIFFERENT},
    },
};
use rhai::{Blob, plugin::*};

const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PAD_INDIFFERENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD_INDIFFERENT);

fn read(engine: &GeneralPurpose, text: &str) -> Result<Blob> {
    engine.decode(text).map_err(|error| format!("not valid base64: {error}").into())
}

#[export_module]
pub mod base64 {
    /// A blob, or a string's UTF-8, as base64 with padding.
    ///
    /// Example: `base64::encode("Hi?>")` → `"SGk/Pg=="`
    #[rhai_fn(return_raw)]
    pub fn encode(context: NativeCallContext, data: Dynamic) -> Result<String> {
        at(&context, || Ok(STANDARD.encode(bytes_of(data)?)))
    }

    /// The bytes that a base64 text stands for, with or without padding. `as_string()` makes text of them.
    ///
    /// Example: `base64::decode("SGk/Pg==").as_string()` → `"Hi?>"`
    #[rhai_fn(return_raw)]
    pub fn decode(context: NativeCallContext, text: &str) -> Result<Blob> {
        at(&context, || read(&STANDARD, text))
    }

    /// A blob, or a string's UTF-8, in the alphabet that is safe in URLs and file names, without padding.
    ///
    /// Example: `base64::encode_url("Hi?>")` → `"SGk_Pg"`
    #[rhai_fn(return_raw)]
    pub fn encode_url(context: NativeCallContext, data: Dynamic) -> Result<String> {
        at(&context, || Ok(URL_SAFE.encode(bytes_of(data)?)))
    }

    /// The bytes that a text in the URL-safe alphabet stands for, with or without padding.
    ///
    /// Example: `base64::decode_url("SGk_Pg").as_string()` → `"Hi?>"`
    #[rhai_fn(return_raw)]
    pub fn decode_url(context: NativeCallContext, text: &str) -> Result<Blob> {
        at(&context, || read(&URL_SAFE, text))
    }
}
