//! The app `demo` of a first start: every script of a directory.

use anyhow::{Context, Result};
use cap_std::{ambient_authority, fs::Dir};
use picloud_manager_core::Manager;
use picloud_shared::{
    api::PutScript,
    names::{ScriptName, TopicName},
    route::Route,
    schedule::Schedule,
};
use picloud_store::Store;
use std::path::Path;

const SLUG: &str = "demo";

/// A script as it would be uploaded.
type Script = (ScriptName, PutScript);

/// Deploys the scripts unless there are apps already.
pub(crate) async fn deploy(manager: &Manager, store: &Store, scripts: Vec<Script>) -> Result<()> {
    if store.has_apps().await? {
        return Ok(());
    }
    let count = scripts.len();
    manager.deploy_unowned(SLUG.parse()?, "Demo", true, scripts).await.context("deploying the demo scripts")?;
    tracing::info!(scripts = count, "deployed the app `{SLUG}`");
    Ok(())
}

/// Every script of a directory, with those of its directory `lib`.
pub(crate) fn read(directory: &Path) -> Result<Vec<Script>> {
    read_scripts(directory).with_context(|| format!("reading the demo scripts in {}", directory.display()))
}

fn read_scripts(directory: &Path) -> Result<Vec<Script>> {
    let directory = Dir::open_ambient_dir(directory, ambient_authority())?;
    let mut scripts = scripts_in(&directory, "")?;
    if directory.is_dir("lib") {
        scripts.extend(scripts_in(&directory.open_dir("lib")?, "lib/")?);
    }
    scripts.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(scripts)
}

fn scripts_in(directory: &Dir, prefix: &str) -> Result<Vec<Script>> {
    let mut scripts: Vec<Script> = Vec::new();
    for entry in directory.entries()? {
        let file = entry?.file_name();
        let Some(name) = file.to_str().and_then(|file| file.strip_suffix(".rhai")) else { continue };
        let source = directory.read_to_string(&file).with_context(|| format!("reading {prefix}{name}.rhai"))?;
        let routes = Route::declared_in(&source).with_context(|| format!("the routes of {prefix}{name}.rhai"))?;
        let topics = TopicName::declared_in(&source).with_context(|| format!("the topics of {prefix}{name}.rhai"))?;
        let schedules =
            Schedule::declared_in(&source).with_context(|| format!("the schedules of {prefix}{name}.rhai"))?;
        scripts.push((format!("{prefix}{name}").parse()?, PutScript { source, routes, topics, schedules }));
    }
    Ok(scripts)
}
