//! The app `demo` of a first start: every script of a directory.

use anyhow::{Context, Result};
use picloud_manager_core::Manager;
use picloud_project::Project;
use picloud_shared::api::DeployScript;
use picloud_store::Store;
use std::path::Path;

const SLUG: &str = "demo";

/// Deploys the scripts unless there are apps already.
pub(crate) async fn deploy(manager: &Manager, store: &Store, scripts: Vec<DeployScript>) -> Result<()> {
    if store.has_apps().await? {
        return Ok(());
    }
    let count = scripts.len();
    manager.deploy_unowned(SLUG.parse()?, "Demo", true, scripts).await.context("deploying the demo scripts")?;
    tracing::info!(scripts = count, "deployed the app `{SLUG}`");
    Ok(())
}

/// Every script of a directory, with those below it.
pub(crate) fn read(directory: &Path) -> Result<Vec<DeployScript>> {
    let project = Project::read(directory);
    Ok(project.with_context(|| format!("reading the demo scripts in {}", directory.display()))?.scripts)
}
