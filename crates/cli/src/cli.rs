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
    use std::fmt::Write as _;

    fn add_help(command: &mut clap::Command, all: &mut String) {
        let name = command.get_bin_name().unwrap_or("pic").to_owned();
        writeln!(all, "# {name}\n\n{}", command.render_long_help()).unwrap();
        for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            // What every command takes is shown once, at the top.
            *sub = sub.clone().mut_args(|arg| {
                let shown_above = arg.is_global_set() || arg.get_id() == "help";
                arg.hide(shown_above)
            });
            add_help(sub, all);
        }
    }

    #[test]
    fn help_of_every_command() {
        let mut command = Cli::command();
        command.build();
        let mut all = String::new();
        add_help(&mut command, &mut all);
        insta::assert_snapshot!(all);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
