//! The reference of all commands as a page in Markdown: what `--help` prints, one section for each command. `docs/cli.md` is this
//! page as it was last made.

use crate::cli::Cli;
use clap::CommandFactory as _;
use std::fmt::Write as _;

const BEGINNING: &str = "\
# The commands of `pic`

What `pic help COMMAND` prints, for each command; the options that all of them take stand at `pic` alone. `cargo xtask docs` makes
this page of the program's own help.
";

/// The whole page.
pub(crate) fn render() -> String {
    let mut command = Cli::command();
    command.build();
    let mut page = BEGINNING.to_owned();
    add(&command, &mut page);
    page
}

fn add(command: &clap::Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or("pic").to_owned();
    let help = printed(command);
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(page, "\n## `{name}`\n\n```text\n{}\n```", help.join("\n").trim_end());
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        // What every command takes is shown once, at the top.
        let sub = sub.clone().mut_args(|arg| {
            let shown_above = arg.is_global_set() || arg.get_id() == "help";
            let hidden = shown_above || arg.is_hide_set();
            arg.hide(hidden)
        });
        add(&sub, page);
    }
}

/// What `--help` prints, which is short where there is no more to say of any option.
fn printed(command: &clap::Command) -> String {
    match command.clone().try_get_matches_from(["pic", "--help"]) {
        Err(help) => help.to_string(),
        Ok(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_help_says() {
        let kept = include_str!("../../../docs/cli.md");
        let made = render();
        let differ = kept.lines().zip(made.lines()).find(|(kept, made)| kept != made);
        assert!(kept == made, "docs/cli.md is stale, from {differ:?} on: run `cargo xtask docs`");
    }

    #[test]
    fn every_command_has_its_section_and_its_help() {
        fn count(command: &clap::Command) -> usize {
            let all = command.get_subcommands().filter(|sub| sub.get_name() != "help");
            1 + all.map(count).sum::<usize>()
        }
        let page = render();
        assert_eq!(page.matches("\n## `pic").count(), count(&Cli::command()));
        for section in page.split("\n## ").skip(1) {
            let said = section.lines().nth(3).unwrap();
            assert!(!said.is_empty() && !said.starts_with("Usage"), "no help: {section}");
        }
    }
}
