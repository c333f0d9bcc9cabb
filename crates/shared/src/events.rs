//! What an event may be, whoever publishes it.

use crate::limits::{TOPIC_DELAY, TOPIC_KEY_BYTES, TOPIC_PAYLOAD_BYTES};

/// An event that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// With the bytes that it has.
    #[error("a payload has at most {TOPIC_PAYLOAD_BYTES} bytes as JSON, not {0}")]
    PayloadTooLarge(usize),
    /// A key that is there and empty.
    #[error("a key is not empty")]
    EmptyKey,
    /// With the bytes that it has.
    #[error("a key has at most {TOPIC_KEY_BYTES} bytes, not {0}")]
    KeyTooLarge(usize),
    /// Longer than [`TOPIC_DELAY`].
    #[error("an event is held back for at most {} seconds", TOPIC_DELAY.as_secs())]
    DelayTooLong,
}

impl InvalidEvent {
    /// Whether something of it is larger than it may be.
    pub const fn is_too_large(self) -> bool {
        matches!(self, Self::PayloadTooLarge(_) | Self::KeyTooLarge(_))
    }
}

/// Checks the bounds of an event, and gives its delay as the store counts it.
///
/// # Errors
/// With the first bound that it passes.
pub fn checked_delay(payload: &str, key: Option<&str>, delay_ms: u64) -> Result<i64, InvalidEvent> {
    if payload.len() > TOPIC_PAYLOAD_BYTES {
        return Err(InvalidEvent::PayloadTooLarge(payload.len()));
    }
    match key.map(str::len) {
        Some(0) => return Err(InvalidEvent::EmptyKey),
        Some(bytes) if bytes > TOPIC_KEY_BYTES => return Err(InvalidEvent::KeyTooLarge(bytes)),
        _ => {}
    }
    let within = u128::from(delay_ms) <= TOPIC_DELAY.as_millis();
    i64::try_from(delay_ms).ok().filter(|_| within).ok_or(InvalidEvent::DelayTooLong)
}
