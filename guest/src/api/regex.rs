//! `regex`: regular expressions, in the syntax of Rust's [`regex`](https://docs.rs/regex-lite/latest/regex_lite/#syntax),
//! where `\w`, `\d`, `\s`, `\b` and `(?i)` know ASCII only. Without backtracking: a match takes a time that grows with
//! the text and with the pattern, not faster.

use super::{Result, at};
use crate::watch;
use regex_lite::{Captures, Regex, RegexBuilder};
use rhai::{Array, Map, plugin::*};
use std::cell::RefCell;

/// Bytes of a pattern.
const PATTERN_BYTES: usize = 4 << 10;
/// Bytes of a compiled pattern, about 5,000 steps. A search touches each of them for each character of the text.
const PROGRAM_BYTES: usize = 128 << 10;
/// Groups of a pattern. A search keeps their places for each step: all of them together in 8 MiB.
const GROUPS: usize = 50;
/// Compiled patterns that an invocation keeps. A script has fewer, unless it makes them up.
const KEPT: usize = 16;

thread_local! {
    /// Those of this invocation, the last used at the end.
    static COMPILED: RefCell<Vec<Regex>> = const { RefCell::new(Vec::new()) };
}

fn compiled(pattern: &str) -> Result<Regex> {
    COMPILED.with_borrow_mut(|kept| {
        let regex = match kept.iter().position(|regex| regex.as_str() == pattern) {
            Some(known) => kept.remove(known),
            None => compile(pattern)?,
        };
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(regex.clone());
        Ok(regex)
    })
}

fn compile(pattern: &str) -> Result<Regex> {
    if pattern.len() > PATTERN_BYTES {
        return Err(format!("a regular expression has at most {PATTERN_BYTES} bytes, not {}", pattern.len()).into());
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(PROGRAM_BYTES)
        .build()
        .map_err(|error| format!("not a regular expression that can be used: {error}"))?;
    // The whole match counts as one.
    if regex.captures_len() > GROUPS + 1 {
        return Err(format!("a regular expression has at most {GROUPS} groups").into());
    }
    Ok(regex)
}

/// Runs what looks for a pattern; an error is told at the call.
fn with<T>(context: &NativeCallContext, pattern: &str, search: impl FnOnce(&Regex) -> T) -> Result<T> {
    at(context, || {
        let found = search(&compiled(pattern)?);
        // It may have burnt much within one operation.
        watch::look_soon();
        Ok(found)
    })
}

/// By number, and by name where there is one.
fn groups(regex: &Regex, captures: &Captures) -> Map {
    let mut groups = Map::new();
    for (number, name) in regex.capture_names().enumerate() {
        let text = captures.get(number).map_or(Dynamic::UNIT, |group| group.as_str().into());
        if let Some(name) = name {
            groups.insert(name.into(), text.clone());
        }
        groups.insert(number.to_string().into(), text);
    }
    groups
}

#[export_module]
pub mod regex {
    /// Whether the pattern matches anywhere in the text. Patterns are best written `` `…` ``, where `\` is itself.
    ///
    /// Example: `regex::is_match("^[a-z]+$", "hello")` → `true`
    #[rhai_fn(return_raw)]
    pub fn is_match(context: NativeCallContext, pattern: &str, text: &str) -> Result<bool> {
        with(&context, pattern, |regex| regex.is_match(text))
    }

    /// The first match, or `()`.
    ///
    /// Example: `regex::find("[0-9]+", "order 66, table 7")` → `"66"`
    #[rhai_fn(return_raw)]
    pub fn find(context: NativeCallContext, pattern: &str, text: &str) -> Result<Dynamic> {
        with(&context, pattern, |regex| regex.find(text).map_or(Dynamic::UNIT, |found| found.as_str().into()))
    }

    /// All matches, one after the other.
    ///
    /// Example: `regex::find_all("[0-9]+", "order 66, table 7")` → `["66", "7"]`
    #[rhai_fn(return_raw)]
    pub fn find_all(context: NativeCallContext, pattern: &str, text: &str) -> Result<Array> {
        with(&context, pattern, |regex| regex.find_iter(text).map(|found| found.as_str().into()).collect())
    }

    /// What the groups of the first match hold, or `()` if there is none: a map by number (`"0"` is the whole match) and
    /// by name, with `()` for a group that took no part.
    ///
    /// Example: `let found = regex::captures("(?<key>[a-z]+)=([0-9]+)", "size=12"); [found.key, found["2"]]` →
    /// `["size", "12"]`
    #[rhai_fn(return_raw)]
    pub fn captures(context: NativeCallContext, pattern: &str, text: &str) -> Result<Dynamic> {
        with(&context, pattern, |regex| {
            regex.captures(text).map_or(Dynamic::UNIT, |captures| groups(regex, &captures).into())
        })
    }

    /// The text with the first match replaced. `$1`, `$name` and `${name}` stand for groups, `$$` for `$`.
    ///
    /// Example: `regex::replace("([a-z]+) ([a-z]+)", "one two three", "$2 $1")` → `"two one three"`
    #[rhai_fn(return_raw)]
    pub fn replace(context: NativeCallContext, pattern: &str, text: &str, replacement: &str) -> Result<String> {
        with(&context, pattern, |regex| regex.replace(text, replacement).into_owned())
    }

    /// The text with all matches replaced, as `replace` does the first.
    ///
    /// Example: `regex::replace_all("[aeiou]", "banana", "<$0>")` → `"b<a>n<a>n<a>"`
    #[rhai_fn(return_raw)]
    pub fn replace_all(context: NativeCallContext, pattern: &str, text: &str, replacement: &str) -> Result<String> {
        with(&context, pattern, |regex| regex.replace_all(text, replacement).into_owned())
    }

    /// What lies between the matches.
    ///
    /// Example: `regex::split(" *[,;] *", "a, b;c")` → `["a", "b", "c"]`
    #[rhai_fn(return_raw)]
    pub fn split(context: NativeCallContext, pattern: &str, text: &str) -> Result<Array> {
        with(&context, pattern, |regex| regex.split(text).map(|part| part.into()).collect())
    }
}
