//! A line that is typed at the terminal and not shown there: passwords and secrets.

use rustix::{
    process::{Signal, getpid, kill_process},
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, ErrorKind, Write as _},
};

/// Shows the prompt and reads a line, which may be of any length and is without its line break. Ctrl-C ends the process as it does
/// elsewhere, once the terminal shows again what is typed.
///
/// # Errors
/// When there is no terminal, it cannot be read, or what was typed is no UTF-8.
pub fn read(prompt: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    let hidden = Hidden::begin(terminal.try_clone()?)?;
    terminal.write_all(prompt.as_bytes())?;
    let line = typed(BufReader::new(&terminal));
    drop(hidden);
    terminal.write_all(b"\n")?;
    line?.map_or_else(interrupted, |line| {
        String::from_utf8(line).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
    })
}

/// A terminal that shows nothing and tells each key, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn begin(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        // In lines, a terminal keeps 4,095 bytes of each; and its own Ctrl-C would leave it as it is now.
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const CTRL_U: u8 = 0x15;
const BACKSPACE: [u8; 2] = [0x08, 0x7f];

/// The bytes of the line; `None` when Ctrl-C was pressed.
fn typed(keys: impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    for key in keys.bytes() {
        match key? {
            b'\n' | b'\r' => return Ok(Some(line)),
            CTRL_C => return Ok(None),
            CTRL_D if line.is_empty() => break,
            CTRL_U => line.clear(),
            key if BACKSPACE.contains(&key) => {
                // A character of several bytes goes with its first one.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            // What would have stopped a program elsewhere, and is part of no password.
            key if key.is_ascii_control() && key != b'\t' => {}
            key => line.push(key),
        }
    }
    if line.is_empty() { Err(io::Error::new(ErrorKind::UnexpectedEof, "nothing was typed")) } else { Ok(Some(line)) }
}

/// Ends the process by the signal that Ctrl-C is; goes on where that is ignored.
fn interrupted<T>() -> io::Result<T> {
    kill_process(getpid(), Signal::INT)?;
    Err(io::Error::new(ErrorKind::Interrupted, "interrupted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_was_typed_and_not_taken_back() {
        for (keys, line) in [
            ("secret\nmore", "secret"),
            ("secret\r", "secret"),
            ("secret", "secret"),
            ("\n", ""),
            ("sex\u{7f}cret\n", "secret"),
            ("ä€\u{8}\u{8}\u{8}b\n", "b"),
            ("wrong\u{15}right\n", "right"),
            ("a\u{4}b\n", "ab"),
            ("\u{1a}a\u{1c}\0\tb\u{1b}\n", "a\tb"),
        ] {
            assert_eq!(typed(keys.as_bytes()).unwrap().as_deref(), Some(line.as_bytes()), "{keys:?}");
        }
        let long = "x".repeat(100_000);
        assert_eq!(typed(format!("{long}\n").as_bytes()).unwrap().map(|line| line.len()), Some(100_000));
    }

    #[test]
    fn nothing_is_told_from_an_empty_line_and_ctrl_c_from_both() {
        assert_eq!(typed(&b"half\x03"[..]).unwrap(), None);
        for nothing in ["", "\u{4}more\n"] {
            assert_eq!(typed(nothing.as_bytes()).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}
