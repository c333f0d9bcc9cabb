//! `hex`: bytes as hexadecimal text.

use super::{Result, at, bytes::bytes_of};
use rhai::{Blob, plugin::*};

#[export_module]
pub mod hex {
    /// A blob, or a string's UTF-8, in lower-case hexadecimal.
    ///
    /// Example: `hex::encode("abc")` → `"616263"`
    #[rhai_fn(return_raw)]
    pub fn encode(context: NativeCallContext, data: Dynamic) -> Result<String> {
        at(&context, || Ok(::hex::encode(bytes_of(data)?)))
    }

    /// The bytes that a hexadecimal text of either case stands for.
    ///
    /// Example: `hex::decode("C3A4").as_string()` → `"ä"`
    #[rhai_fn(return_raw)]
    pub fn decode(context: NativeCallContext, text: &str) -> Result<Blob> {
        at(&context, || ::hex::decode(text).map_err(|error| format!("not valid hexadecimal: {error}").into()))
    }
}
