//! What the program prints for `--help` of each command is what `docs/cli.md` says of it.

use crate::pic::Home;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../../docs/cli.md");

/// The help of each command, as the page has it.
fn sections() -> BTreeMap<&'static str, &'static str> {
    let section = |section: &'static str| {
        let (name, rest) = section.split_once("`\n\n```text\n").unwrap();
        (name, rest.strip_suffix("```\n").or(rest.strip_suffix("```")).unwrap().trim_end())
    };
    PAGE.split("\n## `").skip(1).map(|text| section(text.trim_end_matches('\n'))).collect()
}

fn printed(arguments: &[&str]) -> String {
    let help = Home::new().pic(arguments).success().stderr("").get_output().stdout.clone();
    let help = String::from_utf8(help).unwrap();
    help.lines().map(|line| line.trim_end().to_owned() + "\n").collect::<String>().trim_end().to_owned()
}

/// Without the options that every command has, which the page shows once, nor the word for options where a command has no others;
/// and without the widths of columns, which depend on them.
fn its_own(help: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut all = help.lines().map(words).filter(|line| !line.is_empty()).take_while(|line| line != "Global options:");
    while let Some(line) = all.next() {
        if line == "-h, --help" {
            // What it does stands below.
            all.next();
        } else if !line.starts_with("-h, --help ") {
            lines.push(if line.starts_with("Usage: ") { line.replace(" [OPTIONS]", "") } else { line });
        }
    }
    lines.pop_if(|last| last == "Options:");
    lines
}

#[test]
fn each_command_prints_the_help_that_the_page_has() {
    let sections = sections();
    assert!(sections.len() > 70, "the page has {} commands", sections.len());
    for (name, told) in &sections {
        let mut arguments: Vec<&str> = name.split(' ').skip(1).collect();
        arguments.push("--help");
        let help = printed(&arguments);
        if *name == "pic" {
            assert_eq!(help, *told);
            continue;
        }
        assert!(help.contains("\nGlobal options:\n") && help.contains("-h, --help"), "{name}: {help}");
        assert_eq!(its_own(&help), its_own(told), "{name}");
        let with_help: Vec<&str> = [&["help"], &arguments[..arguments.len() - 1]].concat();
        assert_eq!(printed(&with_help), help, "`pic help {name}` says something else");
    }
}

#[test]
fn each_command_that_the_help_names_is_on_the_page() {
    for (name, told) in sections() {
        let Some((_, commands)) = told.split_once("\nCommands:\n") else { continue };
        for command in commands.lines().take_while(|line| line.starts_with("  ")) {
            let command = command.split_whitespace().next().unwrap();
            let there = command == "help" || sections().contains_key(format!("{name} {command}").as_str());
            assert!(there, "the page has no `{name} {command}`");
        }
    }
}
