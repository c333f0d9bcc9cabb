//! The exit codes that scripts can rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Ok = 0,
    /// The script failed, a check found something, or this machine refused something.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// Not signed in, or no right; or tests that cannot be run, as `picloud test` tells it.
    NotAllowed = 3,
    NotFound = 4,
    /// A conflict, or input that is refused.
    Refused = 5,
    /// The server cannot be reached, is busy, or failed.
    Unavailable = 6,
}

/// For the end of `pic --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  the script failed, a check found something, or a file could not be written
  2  the command line makes no sense
  3  not signed in, or no right to do this; of `pic test`: the tests could not be run
  4  no such app, script, version, invocation or function
  5  refused: a conflict, or input that is not valid
  6  the server cannot be reached, is busy, or failed
Ctrl-C ends it by its signal, which shells tell as 130.";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
