//! All that `pic` prints: results on standard output, everything about them on standard error.

use crate::{
    error::{CommandError, CommandResult},
    exit::Exit,
    options::Format,
    sanitize,
};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets::NOTHING};
use picloud_shared::api::Page;
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _, stderr, stdout};

/// What stands for a list without entries.
pub(crate) const NONE: &str = "(none)\n";

/// Prints results in the format that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output(pub(crate) Format);

impl Output {
    /// A result: as JSON, or as the text that is made of it.
    pub(crate) fn result<T: Serialize>(self, body: &T, text: impl FnOnce(&T) -> String) -> CommandResult {
        match self.0 {
            Format::Json => json(body)?,
            Format::Table => write(text(body).as_bytes())?,
        }
        Ok(Exit::Ok)
    }

    /// One page of a list, and how the next one is had: with `place`, an option of the command.
    pub(crate) fn page<T: Serialize>(
        self,
        page: &Page<T>,
        place: &str,
        text: impl FnOnce(&[T]) -> String,
    ) -> CommandResult {
        self.result(page, |page| text(&page.items))?;
        if let Some(next) = &page.next {
            note(&format!("there are more: {place} {next}"));
        }
        Ok(Exit::Ok)
    }

    pub(crate) fn is_json(self) -> bool {
        self.0 == Format::Json
    }
}

/// A document, indented.
pub(crate) fn json(body: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(body)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot print the result: {error}")))?;
    write(format!("{}\n", sanitize::json(&text)).as_bytes())
}

/// A document in one line of its own; whether anybody still reads.
pub(crate) fn json_line(body: &impl Serialize) -> Result<bool, CommandError> {
    let text = serde_json::to_string(body)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot print the result: {error}")))?;
    line(&sanitize::json(&text))
}

/// One line of many that come one after the other; whether anybody still reads.
pub(crate) fn line(text: &str) -> Result<bool, CommandError> {
    write_as_long_as_read(format!("{text}\n").as_bytes())
}

/// Bytes that are not `pic`'s own: unchanged, except on a terminal, where they could do harm.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), CommandError> {
    if bytes.is_empty() || !stdout().is_terminal() {
        return write(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => write(format!("{}\n", sanitize::block(text).trim_end_matches('\n')).as_bytes()),
        Err(_) => {
            note(&format!("{} bytes that are not text; send them to a file to have them", bytes.len()));
            Ok(())
        }
    }
}

/// Rows below a header, fitted to the terminal.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain_table();
    table.set_header(header);
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_none() {
        return NONE.to_owned();
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| sanitize::line(cell)));
    }
    fitted(table)
}

/// Names and values, one below the other.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let mut table = plain_table();
    for (name, value) in fields {
        table.add_row([(*name).into(), sanitize::line(value)]);
    }
    fitted(table)
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn fitted(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    // The first column names the row; it has to stay whole to be copied into the next command.
    if let Some(name) = table.column_mut(0) {
        name.set_constraint(ColumnConstraint::ContentWidth);
    }
    format!("{}\n", table.trim_fmt())
}

/// What was done.
pub(crate) fn note(text: &str) {
    to_stderr(&sanitize::line(text));
}

/// What may not be as the user means it.
pub(crate) fn warning(text: &str) {
    to_stderr(&format!("warning: {}", sanitize::line(text)));
}

/// Why the command failed.
pub(crate) fn error(error: &CommandError) {
    to_stderr(&format!("error: {}", sanitize::line(error.message())));
    if let Some(excerpt) = error.excerpt_text() {
        to_stderr(excerpt);
    }
    if let Some(hint) = error.hint_text() {
        to_stderr(&format!("hint: {}", sanitize::line(hint)));
    }
}

/// A question, with the cursor after it.
pub(crate) fn prompt(text: &str) {
    let mut stderr = stderr().lock();
    // Without standard error there is nobody to tell.
    let _ = stderr.write_all(sanitize::line(text).as_bytes()).and_then(|()| stderr.flush());
}

fn to_stderr(line: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(stderr().lock(), "{line}");
}

pub(crate) fn write(bytes: &[u8]) -> Result<(), CommandError> {
    // `pic logs | head`: the reader has all that it wants.
    write_as_long_as_read(bytes).map(drop)
}

/// Whether the reader is still there.
fn write_as_long_as_read(bytes: &[u8]) -> Result<bool, CommandError> {
    let mut stdout = stdout().lock();
    let written: io::Result<()> = stdout.write_all(bytes).and_then(|()| stdout.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(CommandError::new(Exit::Failed, format!("cannot print the result: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_plain_and_harmless() {
        let rows = [vec!["a".to_owned(), "\u{1b}[31mred\nline".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(table(&["NAME", "TEXT"], rows), "NAME  TEXT\na     \\u{1b}[31mred\\nline\nlong\n");
        assert_eq!(table(&["NAME"], []), "(none)\n");
        assert_eq!(fields(&[("name", "x\r".to_owned()), ("n", "1".to_owned())]), "name  x\\r\nn     1\n");
    }
}
