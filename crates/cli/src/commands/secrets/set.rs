//! `pic secrets set`. The value never stands on the command line, which other users of the machine can read.

use crate::{
    context::Context,
    error::{CommandError, CommandResult, Doing as _},
    exit::Exit,
    hidden, output, text_file,
};
use picloud_shared::{api::SetSecret, limits::SETTING_BYTES, names::SecretName};
use std::{
    ffi::OsString,
    io::{IsTerminal as _, Read, stdin},
    path::PathBuf,
};

/// Set a secret, whatever it was before: the next invocation reads it
///
/// The value is typed at the terminal, or read from standard input without the line break at its end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The secret
    name: SecretName,
    // Taken to be told why it is not.
    #[arg(hide = true, conflicts_with = "from_file")]
    value: Option<OsString>,
    /// Take the text of this file as it is
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

pub(crate) async fn run(Args { name, value, from_file }: Args, context: &mut Context) -> CommandResult {
    if value.is_some() {
        let message = "a secret's value does not stand on the command line, which other users of the machine can read";
        return Err(CommandError::new(Exit::Usage, message)
            .hint(format!("leave it out and type it, or send it: … | pic secrets set {name}")));
    }
    let (client, app) = (context.client()?, context.app()?);
    let value = match from_file {
        Some(file) => text_file::read(&file, SETTING_BYTES)?,
        None if stdin().is_terminal() => typed(&name)?,
        None => from_reader(stdin().lock())?,
    };
    client
        .set_secret(&app, &name, &SetSecret { value })
        .await
        .doing(format!("set the secret {name} of the app {app}"))?;
    output::note(&format!("set the secret {name} of the app {app}"));
    Ok(Exit::Ok)
}

fn typed(name: &SecretName) -> Result<String, CommandError> {
    let value = hidden::read(&format!("Value of {name}: "))
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot read the value: {error}")))?;
    not_empty(value)
}

/// All there is, without the line break at its end.
fn from_reader(reader: impl Read) -> Result<String, CommandError> {
    let mut value = String::new();
    // Two more than allowed for the line break, and one that tells that there is too much.
    reader
        .take(SETTING_BYTES as u64 + 3)
        .read_to_string(&mut value)
        .map_err(|error| CommandError::new(Exit::Refused, format!("cannot read the value: {error}")))?;
    let value = text_file::without_line_break(value);
    if value.len() > SETTING_BYTES {
        return Err(CommandError::new(Exit::Refused, format!("a secret has at most {SETTING_BYTES} bytes")));
    }
    not_empty(value)
}

/// An empty value is nearly always a command before the pipe that failed.
fn not_empty(value: String) -> Result<String, CommandError> {
    if value.is_empty() {
        return Err(CommandError::new(Exit::Refused, "there is no value")
            .hint("type it, send it to standard input, or name a file with --from-file"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_is_not_part_of_a_secret() {
        for input in ["a secret ", "a secret \n", "a secret \r\n"] {
            assert_eq!(from_reader(input.as_bytes()).unwrap(), "a secret ");
        }
        let largest = "x".repeat(SETTING_BYTES);
        assert_eq!(from_reader(format!("{largest}\r\n").as_bytes()).unwrap(), largest);
    }

    #[test]
    fn no_value_no_text_and_too_much_are_refused() {
        let long = "x".repeat(SETTING_BYTES + 1);
        for input in [&b""[..], b"\n", b"\xff", long.as_bytes()] {
            assert_eq!(from_reader(input).unwrap_err().exit(), Exit::Refused);
        }
    }
}
