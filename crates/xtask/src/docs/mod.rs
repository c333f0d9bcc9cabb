//! `cargo xtask docs`: what scripts can call, as `guest/src/api/` documents it, for people (`docs/functions.md`) and for
//! programs (`guest/prebuilt/functions.json`, which `pic docs` and the editor read); and the commands of `pic`, as their help
//! says it (`docs/cli.md`).

mod page;
mod source;

use crate::{
    binaries::{self, Profile},
    process::output,
    workspace_root,
};
use anyhow::Result;
use serde::Serialize;
use std::{fs, process::Command};

/// The folder whose files each hold one module.
const API: &str = "guest/src/api";
const PAGE: &str = "docs/functions.md";
const LIST: &str = "guest/prebuilt/functions.json";
const COMMANDS: &str = "docs/cli.md";

/// What scripts call by one name before `::`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Module {
    /// Nothing for functions that are called by their name alone.
    name: Option<String>,
    doc: String,
    functions: Vec<Function>,
}

/// One way to call a function; a name may have several.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Function {
    name: String,
    parameters: Vec<Parameter>,
    /// Its type, in Rhai's words.
    returns: &'static str,
    doc: String,
    example: Example,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Parameter {
    name: String,
    /// In Rhai's words.
    r#type: &'static str,
}

/// Statements in Rhai, and an expression that says what the last of them gives. A test runs both.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Example {
    source: String,
    value: String,
}

/// Makes all of them anew.
pub(crate) fn write() -> Result<()> {
    let files = files()?;
    for (path, content) in files {
        fs::write(workspace_root().join(path), content)?;
        eprintln!("{path}: made");
    }
    // `pic` has the list of functions in it, so it is built after that.
    let pic = binaries::build(Profile::Dev)?.join("pic");
    fs::write(workspace_root().join(COMMANDS), output(Command::new(pic).args(["docs", "--commands"]))? + "\n")?;
    eprintln!("{COMMANDS}: made");
    Ok(())
}

/// Each file and what it should hold.
fn files() -> Result<[(&'static str, String); 2]> {
    let modules = source::modules(&workspace_root().join(API))?;
    Ok([(PAGE, page::render(&modules)), (LIST, serde_json::to_string_pretty(&modules)? + "\n")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_what_the_guest_says() {
        for (path, content) in files().unwrap() {
            let kept = fs::read_to_string(workspace_root().join(path)).unwrap();
            assert!(kept == content, "{path} is stale: run `cargo xtask docs`");
        }
    }
}
