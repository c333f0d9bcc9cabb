//! The interpreter's sources as the guest uses them: Rhai from the registry, with two small edits.
//!
//! 1. A script that is ended from within (out of fuel, too deep) is told the position of the innermost statement.
//!    Rhai overwrites it with the position of each enclosing call on the way out, so only the outermost was left.
//! 2. A closure may use a constant of a global module (`req`, `event`). Rhai takes any name that a closure does not
//!    define for a variable around it, and fails when there is none.
//!
//! The edits go to a copy below `guest/target`, to which `guest/Cargo.toml` points.

use crate::{command, output, workspace_root};
use anyhow::{Context, Result, ensure};
use std::{fs, path::Path};

struct Edit {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const EDITS: [Edit; 2] = [
    Edit {
        file: "src/func/script.rs",
        from: "mut err if err.is_system_exception() => {",
        to: "err if err.is_system_exception() && !err.position().is_none() => Err(err.into()),\n\
             mut err if err.is_system_exception() => {",
    },
    Edit {
        file: "src/eval/stmt.rs",
        from: "// Search the scope\n                    let index = index\n",
        to: "if index.is_none() && scope.search(&var.name).is_none()\n\
             && self.global_modules.iter().any(|module| module.contains_var(&var.name)) {\n\
             continue;\n\
             }\n\
             let index = index\n",
    },
];

/// Makes `guest/target/rhai`, unless it is there.
pub(crate) fn prepare() -> Result<()> {
    let original = registry_source()?;
    let copy = workspace_root().join("guest/target/rhai");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_dir(&original, &copy)?;
    for Edit { file, from, to } in EDITS {
        let path = copy.join(file);
        let text = fs::read_to_string(&path)?.replace("\r\n", "\n");
        ensure!(text.matches(from).count() == 1, "{file} of rhai is not the one that was edited before");
        fs::write(&path, text.replace(from, to))?;
    }
    Ok(())
}

/// Where cargo keeps the version of Rhai that the workspace names.
fn registry_source() -> Result<std::path::PathBuf> {
    let mut metadata = command("cargo");
    metadata.current_dir(workspace_root()).args(["metadata", "--format-version", "1", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&output(&mut metadata)?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let rhai = packages.iter().find(|package| package["name"] == "rhai").context("the workspace does not use rhai")?;
    let manifest = rhai["manifest_path"].as_str().context("rhai has no manifest")?;
    Ok(Path::new(manifest).parent().context("rhai has no directory")?.to_owned())
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
