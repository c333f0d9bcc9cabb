//! Bounds on what an invocation may leave, told by the guest and enforced by the host.

/// Most bytes of a failure's message.
pub const MESSAGE_BYTES: usize = 4 << 10;
/// Most bytes of a line of a log that cross.
pub const LOG_LINE_BYTES: usize = 64 << 10;
/// Most headers of a response.
pub const HEADERS: usize = 100;
/// Most bytes of a response's header names and values together.
pub const HEADER_BYTES: usize = 16 << 10;

/// Cuts a text that is longer than `bytes`, between two characters.
pub fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.shrink_to_fit();
    }
}

/// Whether a response may have all these headers.
pub fn headers_fit(headers: &[(String, String)]) -> bool {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    headers.len() <= HEADERS && bytes <= HEADER_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_falls_between_characters() {
        let mut text = "aä".to_owned();
        cut(&mut text, 3);
        assert_eq!(text, "aä");
        cut(&mut text, 2);
        assert_eq!(text, "a");
    }

    #[test]
    fn headers_are_counted_and_weighed() {
        let of = |count: usize, bytes: usize| vec![("x".to_owned(), "v".repeat(bytes)); count];
        assert!(headers_fit(&of(100, 1)) && !headers_fit(&of(101, 1)));
        assert!(headers_fit(&of(1, HEADER_BYTES - 1)) && !headers_fit(&of(1, HEADER_BYTES)));
    }
}
