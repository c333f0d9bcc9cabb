//! `pad` of strings, in place of Rhai's own, which pushes one character after the other: a huge length burnt all the
//! fuel within one operation, where no line is known. This one asks for the memory first.

use rhai::{Engine, ImmutableString};

pub fn register(engine: &mut Engine) {
    engine
        .register_fn("pad", |text: &mut ImmutableString, length: i64, filler: char| {
            pad(text, length, filler.encode_utf8(&mut [0; 4]));
        })
        .register_fn("pad", |text: &mut ImmutableString, length: i64, filler: &str| pad(text, length, filler));
}

/// Appends `filler`, whole, until the text has at least `length` characters, and cuts what is over.
fn pad(text: &mut ImmutableString, length: i64, filler: &str) {
    let length = usize::try_from(length).unwrap_or(if length < 0 { 0 } else { usize::MAX });
    let missing = length.saturating_sub(text.chars().count());
    let characters = filler.chars().count();
    if missing == 0 || characters == 0 {
        return;
    }
    let (whole, rest) = (missing / characters, missing % characters);
    let rest: String = filler.chars().take(rest).collect();
    let room = whole.saturating_mul(filler.len()).saturating_add(rest.len()).saturating_add(text.len());
    let mut padded = String::with_capacity(room);
    padded.push_str(text);
    for _ in 0..whole {
        padded.push_str(filler);
    }
    padded.push_str(&rest);
    *text = padded.into();
}
