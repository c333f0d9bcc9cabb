//! What functions of bytes take: a blob, or a string for its UTF-8.

use super::Result;
use rhai::{Blob, Dynamic};

pub fn bytes_of(value: Dynamic) -> Result<Vec<u8>> {
    match value.try_cast_result::<Blob>() {
        Ok(blob) => Ok(blob),
        Err(value) => match value.into_string() {
            Ok(text) => Ok(text.into_bytes()),
            Err(kind) => Err(format!("this takes a string or a blob, not {kind}").into()),
        },
    }
}
