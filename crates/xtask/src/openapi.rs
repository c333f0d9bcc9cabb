//! `cargo xtask openapi`: keeps the API's document as the test that compares the two has found it to be.

use crate::process::{cargo, workspace_root};
use anyhow::{Context, Result};
use std::fs;

const KEPT: &str = "docs/openapi.json";
const NEW: &str = "target/tmp/openapi.json";

pub(crate) fn write() -> Result<()> {
    // It fails where the two differ, which is no failure here.
    cargo(&["test", "--workspace", "--test", "api", "the_document_is_the_one_that_is_kept"]).status()?;
    let root = workspace_root();
    fs::copy(root.join(NEW), root.join(KEPT)).with_context(|| format!("{NEW} was not made"))?;
    eprintln!("{KEPT}: made");
    Ok(())
}
