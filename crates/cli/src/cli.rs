//! The command line as a whole.

use crate::{commands::Command, exit, options::Options};
use clap::Parser;

const FILES_AND_VARIABLES: &str = "\
Environment:
  PIC_TOKEN         a token to use instead of the profile's
  PIC_PASSWORD      the password for setup, join and login
  PIC_NEW_PASSWORD  the one that `pic password` sets, PIC_PASSWORD being the one until now
  PIC_CONFIG        the file of profiles, instead of ~/.config/picloud/pic.toml";

/// Upload Rhai scripts to PiCloud, call them, and see what they did
#[derive(Debug, Parser)]
#[command(name = "pic", version, after_help = format!("{FILES_AND_VARIABLES}\n\n{}", exit::HELP))]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
