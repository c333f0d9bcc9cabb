//! Where a password comes from: standard input, the environment or the terminal; never the command line, which other
//! users of the machine can read.

use crate::{error::CommandError, exit::Exit, hidden, text_file};
use std::io::{IsTerminal as _, Read, stdin};

/// More than any server takes; keeps an endless input from filling the memory.
const MOST_BYTES: u64 = 64 << 10;

/// The environment's names of a password, and of the one that takes its place.
const PASSWORD: &str = "PIC_PASSWORD";
const NEW_PASSWORD: &str = "PIC_NEW_PASSWORD";

/// The option that setup and login share.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordArgs {
    /// The password of a user who exists.
    pub(crate) fn existing(&self) -> Result<String, CommandError> {
        self.given()?.map_or_else(|| prompt("Password: ", FOR_ONE), Ok)
    }

    /// The password of a user to be made, typed twice at a terminal.
    pub(crate) fn new_one(&self) -> Result<String, CommandError> {
        if let Some(password) = self.given()? {
            return Ok(password);
        }
        twice(FOR_ONE)
    }

    fn given(&self) -> Result<Option<String>, CommandError> {
        if self.password_stdin {
            return from_reader(stdin().lock()).map(Some);
        }
        Ok(from_environment(PASSWORD))
    }
}

/// What to do where nobody can be asked.
const FOR_ONE: &str = "set PIC_PASSWORD, or give --password-stdin";
const FOR_BOTH: &str = "set PIC_PASSWORD, the one until now, and PIC_NEW_PASSWORD";

/// The password that is to be another.
pub(crate) fn until_now() -> Result<String, CommandError> {
    from_environment(PASSWORD).map_or_else(|| prompt("Password until now: ", FOR_BOTH), Ok)
}

/// The password that takes its place, typed twice at a terminal.
pub(crate) fn from_now_on() -> Result<String, CommandError> {
    from_environment(NEW_PASSWORD).map_or_else(|| twice(FOR_BOTH), Ok)
}

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|password| !password.is_empty())
}

fn twice(hint: &str) -> Result<String, CommandError> {
    let password = prompt("New password: ", hint)?;
    if prompt("Once more: ", hint)? == password {
        Ok(password)
    } else {
        Err(CommandError::new(Exit::Refused, "the two passwords are not the same"))
    }
}

/// All there is, without the line break at its end.
fn from_reader(reader: impl Read) -> Result<String, CommandError> {
    let mut password = String::new();
    reader
        .take(MOST_BYTES)
        .read_to_string(&mut password)
        .map_err(|error| CommandError::new(Exit::Refused, format!("cannot read the password: {error}")))?;
    let password = text_file::without_line_break(password);
    if password.is_empty() {
        return Err(CommandError::new(Exit::Refused, "there is no password on standard input"));
    }
    Ok(password)
}

fn prompt(text: &str, hint: &str) -> Result<String, CommandError> {
    if !stdin().is_terminal() {
        return Err(CommandError::new(Exit::Usage, "there is no password, and no terminal to ask at").hint(hint));
    }
    hidden::read(text).map_err(|error| CommandError::new(Exit::Failed, format!("cannot read the password: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_break_is_not_part_of_a_password() {
        for input in ["a secret ", "a secret \n", "a secret \r\n"] {
            assert_eq!(from_reader(input.as_bytes()).unwrap(), "a secret ");
        }
    }

    #[test]
    fn no_password_and_no_text_are_refused() {
        for input in [&b""[..], b"\n", b"\xff"] {
            assert_eq!(from_reader(input).unwrap_err().exit(), Exit::Refused);
        }
    }
}
