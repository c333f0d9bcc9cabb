//! An app that is not kept: what a directory holds, deployed into a database of its own in a temporary directory, which goes with
//! the process. What checks it, runs it and stores for it is what the server has.

use crate::engine::EngineArgs;
use anyhow::{Context, Result};
use picloud_executor_core::{LocalExecutor, World};
use picloud_host::{Settings as EngineSettings, Target};
use picloud_manager_core::{Manager, ManagerHosts, Process, Settings};
use picloud_project::Project;
use picloud_shared::{activity::Activity, domains::AppsDomain, ids::AppId, limit_rules::LimitRules, names::AppSlug};
use picloud_store::{Database, Store};
use picloud_vault::{Key, Vault};
use std::{path::Path, sync::Arc};
use tempfile::TempDir;

/// The slug of an app whose picloud.toml names none.
const SLUG: &str = "app";

/// What runs it.
pub(crate) struct Scratch {
    pub(crate) store: Store,
    pub(crate) executor: Arc<LocalExecutor>,
    pub(crate) manager: Manager,
    pub(crate) activity: Arc<Activity>,
    pub(crate) limits: LimitRules,
    pub(crate) vault: Vault,
}

/// Where it lies, to be left by whoever opened it, however its use has ended.
pub(crate) struct Place {
    store: Store,
    directory: TempDir,
}

impl Place {
    /// Leaves nothing behind: closed first, since a connection's thread may make a file as long as it is open.
    pub(crate) async fn leave(self) {
        self.store.close().await;
        let path = self.directory.path().to_owned();
        if let Err(error) = self.directory.close() {
            tracing::warn!(%error, path = %path.display(), "a temporary directory stays behind");
        }
    }
}

impl Scratch {
    /// Sets the engine up; on the first start of a machine this compiles it, which takes seconds. To be waited for even where the
    /// process is told to stop: threads that make the database would make it anew.
    pub(crate) async fn open(engine: &EngineArgs, world: Arc<dyn World>) -> Result<(Self, Place)> {
        let directory = tempfile::Builder::new().prefix("picloud-").tempdir();
        let directory = directory.context("making a temporary directory (TMPDIR names another place for it)")?;
        let store = Store::open(&Database::Sqlite(directory.path().into())).await;
        let store = store.with_context(|| format!("making a database in {}", directory.path().display()))?;
        let limits = LimitRules::default();
        let vault = Vault::new(Key::generate().context("drawing a key for secrets")?, None);
        let settings = EngineSettings {
            cache: engine.compiled(),
            slots: None,
            target: Target::Native,
            memory: limits.maxima().memory,
            new_instances: false,
        };
        let executor = {
            let (store, vault) = (store.clone(), vault.clone());
            tokio::task::spawn_blocking(move || LocalExecutor::new(store, vault, &settings, world)).await?
        };
        let executor = executor.context("setting up the engine")?;
        let activity = Arc::new(Activity::default());
        let settings = Settings {
            node: NODE.into(),
            manager_url: String::new(),
            manager_hosts: ManagerHosts::from(Vec::new()),
            trusted_proxies: Vec::new().into(),
            apps_url: String::new(),
            apps_domain: apps_domain()?,
            limits: limits.clone(),
            vault: vault.clone(),
            setup_token: None,
            process: Process::default(),
        };
        let manager = Manager::new(store.clone(), executor.clone(), Arc::clone(&activity), settings);
        let place = Place { store: store.clone(), directory };
        Ok((Self { store, executor, manager, activity, limits, vault }, place))
    }

    /// An app without scripts, whose error answers tell the detail.
    pub(crate) async fn make_app(&self, slug: &AppSlug) -> Result<AppId> {
        let made = self.manager.deploy_unowned(slug.clone(), slug.as_str(), true, Vec::new(), None).await;
        made.context("making an app")
    }
}

/// The name of the machine in records that nobody keeps.
pub(crate) const NODE: &str = "here";

/// What apps have a host name of their own below, as on a server that is told nothing else.
pub(crate) fn apps_domain() -> Result<AppsDomain> {
    Ok("localhost".parse()?)
}

/// The slug that the directory is meant for; else its own name, where an app may be called so; else another.
pub(crate) fn slug_where_it_is_served(project: &Project, directory: &Path) -> Result<AppSlug> {
    let own_name = || directory.canonicalize().ok()?.file_name()?.to_str()?.parse().ok();
    project.app.clone().or_else(own_name).map_or_else(|| slug(project), Ok)
}

/// The slug that the directory is meant for, or another.
pub(crate) fn slug(project: &Project) -> Result<AppSlug> {
    match &project.app {
        Some(slug) => Ok(slug.clone()),
        None => Ok(SLUG.parse()?),
    }
}
