//! `random`: the operating system's cryptographic source.

use super::refuse;
use picloud_abi::seam::{Refusal, RefusalCode};

pub(crate) fn draw(count: u32, limit: u32) -> Result<Vec<u8>, Refusal> {
    if count > limit {
        return Err(refuse(RefusalCode::Quota, format!("one call may draw {limit} random bytes, not {count}")));
    }
    let mut bytes = vec![0; count as usize];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the operating system gives no random bytes");
        refuse(RefusalCode::Unavailable, "there are no random bytes now")
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_what_is_asked_up_to_the_limit() {
        assert!(draw(0, 8).unwrap().is_empty());
        assert_ne!(draw(8, 8).unwrap(), [0; 8]);
        assert_eq!(draw(9, 8).unwrap_err().code, RefusalCode::Quota);
    }
}
