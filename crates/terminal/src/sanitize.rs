//! Makes text from elsewhere harmless on a terminal: a script's log could otherwise clear the screen, forge lines, or
//! type for the user.

use std::{borrow::Cow, fmt::Write as _};

/// For one line: also line breaks and tabs are shown as escapes.
pub fn line(text: &str) -> Cow<'_, str> {
    escape(text, is_unsafe, |c, out| out.extend(c.escape_default()))
}

/// For several lines: line breaks and tabs stay.
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_unsafe(c) && !matches!(c, '\n' | '\t'), |c, out| out.extend(c.escape_default()))
}

/// For JSON, which stays the same document: such characters stand only within its strings, its line breaks between.
pub fn json(text: &str) -> Cow<'_, str> {
    escape(
        text,
        |c| is_unsafe(c) && c != '\n',
        |c, out| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        },
    )
}

/// Control characters (C0, DEL, C1), line separators, and those that change the direction of what follows.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, unsafe_here: impl Fn(char) -> bool, put: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(&unsafe_here) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_here(c) { put(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_what_it_would_have_done() {
        assert_eq!(line("plain ä 漢"), "plain ä 漢");
        assert_eq!(line("a\u{1b}[2J\r\n\tb"), r"a\u{1b}[2J\r\n\tb");
        assert_eq!(line("\0\u{7f}\u{9b}\u{202e}\u{2028}"), r"\u{0}\u{7f}\u{9b}\u{202e}\u{2028}");
    }

    #[test]
    fn a_block_keeps_its_lines() {
        assert_eq!(block("a\n\tb\u{1b}]0;x\u{7}"), "a\n\tb\\u{1b}]0;x\\u{7}");
    }

    #[test]
    fn json_stays_the_same_document() {
        let value = serde_json::json!({ "text": "\u{9b}2J\u{202e}\u{7f}\n" });
        let printed = serde_json::to_string_pretty(&value).unwrap();
        let safe = json(&printed);
        assert!(!safe.contains(|c| is_unsafe(c) && c != '\n'), "{safe}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
    }
}
