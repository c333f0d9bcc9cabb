//! `cargo xtask test`: everything that CI runs, cheapest first, up to the first step that fails.

use crate::{
    dashboard, guest, postgres,
    process::{cargo, command, run, workspace_root},
    schemathesis,
};
use anyhow::{Context, Result};

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: [Step; 9] = [
    Step { name: "format", run: format },
    Step { name: "lints", run: lints },
    Step { name: "the kept guest", run: guest::check },
    Step { name: "the kept dashboard", run: dashboard::check },
    Step { name: "PostgreSQL", run: postgres::ensure_installed },
    Step { name: "Schemathesis", run: schemathesis::ensure_installed },
    Step { name: "build", run: build },
    Step { name: "tests", run: tests },
    Step { name: "the dashboard in a browser", run: dashboard::walk },
];

pub(crate) fn test() -> Result<()> {
    for (number, step) in (1..).zip(STEPS) {
        eprintln!("[{number}/{}] {}", STEPS.len(), step.name);
        (step.run)().with_context(|| format!("step {number}, {}, failed", step.name))?;
    }
    eprintln!("all of it passed");
    Ok(())
}

fn format() -> Result<()> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    // The guest is no member of the workspace, and cargo can read its manifest only where it has been built.
    run(command("rustfmt").current_dir(workspace_root()).args(["--check", "--edition", "2024", "guest/src/lib.rs"]))
}

fn lints() -> Result<()> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

/// All that the tests start is there before the first of them runs. Only `--all-targets` chooses the features of all
/// dependencies as `cargo test` does, so that this is all there is to compile.
fn build() -> Result<()> {
    run(&mut cargo(&["build", "--workspace", "--all-targets"]))
}

/// With the examples in the documentation.
fn tests() -> Result<()> {
    run(&mut cargo(&["test", "--workspace"]))
}
