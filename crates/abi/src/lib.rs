//! The contract's Rust types, generated from `wit/`, and their encoding. Used by the host and by the guest; it never
//! knows what a request means.

mod generated {
    #![allow(missing_docs, unreachable_pub, reason = "generated; the documentation is in wit/")]
    wit_bindgen::generate!({
        path: "../../wit",
        world: "script",
        with: { "picloud:platform/bytes@0.1.0/bytes": serde_bytes::ByteBuf },
        generate_unused_types: true,
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
        disable_custom_section_link_helpers: true,
    });
}

pub mod bounds;
pub mod http;

use postcard::ser_flavors::Flavor;

pub use serde_bytes::ByteBuf as Bytes;

pub use generated::picloud::platform::{
    clock, files, invocation, kv, log, outbound, scripts, seam, secrets, topics, vars,
};

/// Encodes one message.
///
/// # Panics
/// Never for the contract's types: postcard fails only on sequences of unknown length, which they have none of.
pub fn encode<T: serde::Serialize>(message: &T) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "see Panics")]
    postcard::serialize_with_flavor(message, Message(Vec::with_capacity(USUAL_BYTES)))
        .expect("the contract's types have no sequence of unknown length")
}

/// Bytes that most messages do not exceed, so that they are written without being moved.
const USUAL_BYTES: usize = 512;

/// A message as it is written.
struct Message(Vec<u8>);

impl Flavor for Message {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Decodes one message that is exactly `bytes`.
///
/// # Errors
/// When the bytes are no such message, or go on after it.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, postcard::Error> {
    match postcard::take_from_bytes(bytes)? {
        (message, []) => Ok(message),
        (_, _) => Err(postcard::Error::DeserializeBadEncoding),
    }
}

/// A pointer and a length in the guest's memory, as one number: the pointer in the upper half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Offset of the first byte.
    pub ptr: u32,
    /// Number of bytes.
    pub len: u32,
}

impl From<Packed> for u64 {
    fn from(packed: Packed) -> Self {
        u64::from(packed.ptr) << 32 | u64::from(packed.len)
    }
}

impl From<u64> for Packed {
    fn from(packed: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart")]
        Self { ptr: (packed >> 32) as u32, len: packed as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_way() {
        let request = seam::Request::Kv(kv::Request::Set(kv::SetRequest {
            key: "a\0b".into(),
            value: kv::Value { encoding: kv::Encoding::Bytes, data: vec![0, 255].into() },
            ttl_ms: Some(u64::MAX),
        }));
        assert_eq!(decode::<seam::Request>(&encode(&request)).unwrap(), request);
    }

    #[test]
    fn garbage_is_refused() {
        let mut bytes = encode(&seam::Request::Clock);
        bytes.push(0);
        assert!(decode::<seam::Request>(&bytes).is_err());
        assert!(decode::<seam::Request>(&[200]).is_err());
        assert!(decode::<seam::Request>(&[]).is_err());
    }

    #[test]
    fn packing_keeps_both_halves() {
        let packed = Packed { ptr: 0x8000_0001, len: u32::MAX };
        assert_eq!(Packed::from(u64::from(packed)), packed);
    }
}
