//! What a source says of itself in comments, such as `// route: GET /users/{id}`: the lines, whatever their word means.

use std::str::FromStr;

/// A declaration that cannot be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct InvalidDeclaration<E> {
    /// Where it stands, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: E,
}

/// What the lines of one word declare, in their order; `None` when there is no such line. Spaces, more slashes and
/// capitals in the word do not matter, nor do a plural or, before several words, a colon that is missing, where the rest can
/// be nothing else: a line that is meant so never goes unseen, which could make public what is for members.
pub(crate) fn parsed<T: FromStr>(source: &str, word: &str) -> Result<Option<Vec<T>>, InvalidDeclaration<T::Err>> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(source.lines()) {
        match value(text, word) {
            Some(value) => found.push(value.parse().map_err(|why| InvalidDeclaration { line, why })?),
            None => found.extend(nearly(text, word).and_then(|value| value.parse().ok())),
        }
    }
    Ok(Some(found).filter(|found| !found.is_empty()))
}

/// What a line declares. Rhai takes the line for a comment.
fn value<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let comment = line.trim_start().strip_prefix("//")?.trim_start_matches('/');
    let (first, value) = comment.split_once(':')?;
    first.trim().eq_ignore_ascii_case(word).then(|| value.trim())
}

/// What a line would declare if its word were written as it should be: `routes: …`, or `route …` without the colon.
fn nearly<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let comment = line.trim_start().strip_prefix("//")?.trim_start_matches('/').trim_start();
    let (first, rest) = comment.split_at(comment.find(|c: char| c == ':' || c.is_whitespace())?);
    let first = first.strip_suffix(['s', 'S']).unwrap_or(first);
    let rest = rest.trim_start();
    let value = rest.strip_prefix(':').map(str::trim).or_else(|| Some(rest.trim()).filter(|rest| rest.contains(' ')));
    value.filter(|_| first.eq_ignore_ascii_case(word))
}
