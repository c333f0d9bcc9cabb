//! Reads a file whole, as text or as bytes, and what is typed instead of one.

use crate::{error::CommandError, exit::Exit, format, output};
use std::{
    fs::File,
    io::{self, IsTerminal as _, Read, stdin},
    path::Path,
};

/// The text of a file of at most so many bytes.
pub(crate) fn read(path: &Path, most: usize) -> Result<String, CommandError> {
    String::from_utf8(read_bytes(path, most)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count() + 1;
        CommandError::new(Exit::Refused, format!("{} is not UTF-8: line {line} holds other bytes", path.display()))
            .hint("save the file as UTF-8")
    })
}

/// The bytes of a file of at most so many.
pub(crate) fn read_bytes(path: &Path, most: usize) -> Result<Vec<u8>, CommandError> {
    bounded(&path.display().to_string(), File::open(path), most)
}

/// The same, of standard input where no file is named, or `-`. Whoever sits in front of it is told that it is read.
pub(crate) fn read_bytes_or_input(path: Option<&Path>, most: usize) -> Result<Vec<u8>, CommandError> {
    if let Some(path) = path.filter(|path| *path != Path::new("-")) {
        return read_bytes(path, most);
    }
    if stdin().is_terminal() {
        output::note("reading standard input; Ctrl-D ends it");
    }
    bounded("standard input", Ok(stdin().lock()), most)
}

fn bounded(name: &str, opened: io::Result<impl Read>, most: usize) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells what is too long, however long it is.
    opened
        .and_then(|from| from.take(most as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| CommandError::new(Exit::Refused, format!("cannot read {name}: {error}")))?;
    if bytes.len() > most {
        let most = format::bytes(most as i64);
        return Err(CommandError::new(Exit::Refused, format!("{name} is longer than the {most} that are allowed")));
    }
    Ok(bytes)
}

/// What was meant by a text that was typed or echoed: all of it but the line break at its end.
pub(crate) fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        text.truncate(text.strip_suffix('\r').unwrap_or(&text).len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(content: &[u8]) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rhai");
        std::fs::write(&path, content).unwrap();
        read(&path, 8).err().map(|error| error.message().replace(&dir.path().display().to_string(), ""))
    }

    #[test]
    fn text_within_the_bound_is_read() {
        assert_eq!(refused(b""), None);
        assert_eq!(refused("\0ä45678".as_bytes()), None);
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        assert_eq!(refused(b"123456789").unwrap(), "/a.rhai is longer than the 8 B that are allowed");
        assert_eq!(refused(b"a\nb\n\xff").unwrap(), "/a.rhai is not UTF-8: line 3 holds other bytes");
        assert!(read(Path::new("/nowhere/a.rhai"), 8).unwrap_err().message().contains("No such file"));
        assert!(read(Path::new("/"), 8).unwrap_err().message().contains("directory"));
    }
}
