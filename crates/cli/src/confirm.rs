//! Asks before something is destroyed.

use crate::{error::CommandError, exit::Exit, output};
use std::io::{IsTerminal as _, stdin};

/// Whether to go on: with `--yes`, or with a yes typed at a terminal.
pub(crate) fn confirm(yes: bool, question: &str) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !stdin().is_terminal() {
        let asked = format!("nobody is there to ask: {question}");
        return Err(CommandError::new(Exit::Usage, asked).hint("give --yes to go ahead unasked"));
    }
    let answer = read_line(&format!("{question} [y/N] "))?;
    if matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(CommandError::new(Exit::Failed, "nothing was changed"))
    }
}

/// One line that the user types.
pub(crate) fn read_line(prompt: &str) -> Result<String, CommandError> {
    output::prompt(prompt);
    let mut line = String::new();
    stdin()
        .read_line(&mut line)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot read the answer: {error}")))?;
    Ok(line.trim().to_owned())
}
