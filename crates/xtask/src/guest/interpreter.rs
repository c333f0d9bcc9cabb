//! The interpreter's sources as the guest uses them: Rhai from the registry, with the changes of `guest/patches`. Each
//! patch begins with its reason.
//!
//! They go to a copy below `guest/target`, to which `guest/Cargo.toml` points.

use crate::{command, output, workspace_root};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Makes `guest/target/rhai` anew.
pub(crate) fn prepare() -> Result<()> {
    let original = registry_source()?;
    let copy = workspace_root().join("guest/target/rhai");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_dir(&original, &copy)?;
    for patch in patches()? {
        // Fails where the sources are not those that the patch was made for.
        let mut apply = command("git");
        crate::run(apply.current_dir(&copy).arg("apply").arg(&patch))
            .with_context(|| format!("applying {}", patch.display()))?;
    }
    Ok(())
}

/// In the order of their numbers.
fn patches() -> Result<Vec<PathBuf>> {
    let directory = workspace_root().join("guest/patches");
    let mut patches: Vec<PathBuf> = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    patches.sort_by_key(|patch| {
        let name = patch.file_name().unwrap_or_default().to_string_lossy();
        name.split('-').next().and_then(|number| number.parse::<u32>().ok())
    });
    Ok(patches)
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

/// With the line ends that patches have: the published sources have others.
fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if target.extension().is_some_and(|extension| extension == "rs") {
            fs::write(target, fs::read_to_string(entry.path())?.replace("\r\n", "\n"))?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
