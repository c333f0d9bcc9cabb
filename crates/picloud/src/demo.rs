//! The app `demo` of a first start: every script of a directory, with the limits that it sets.

use anyhow::{Context, Result};
use picloud_manager_core::Manager;
use picloud_project::Project;
use picloud_store::Store;
use std::path::Path;

const SLUG: &str = "demo";

/// Deploys the scripts unless there are apps already.
pub(crate) async fn deploy(manager: &Manager, store: &Store, project: Project) -> Result<()> {
    if store.has_apps().await? {
        return Ok(());
    }
    let Project { scripts, limits, .. } = project;
    let count = scripts.len();
    let deployed = manager.deploy_unowned(SLUG.parse()?, "Demo", true, scripts, limits).await;
    deployed.context("deploying the demo scripts")?;
    tracing::info!(scripts = count, "deployed the app `{SLUG}`");
    Ok(())
}

/// A directory with what is below it.
pub(crate) fn read(directory: &Path) -> Result<Project> {
    Project::read(directory).with_context(|| format!("reading the demo scripts in {}", directory.display()))
}
