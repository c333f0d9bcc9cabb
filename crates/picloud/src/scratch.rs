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
use std::{
    fs,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
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
    directory: Directory,
}

/// A temporary directory, which goes when this does.
struct Directory(TempDir);

impl Directory {
    /// How long what still writes there may take to end.
    const PATIENCE: Duration = Duration::from_secs(5);

    fn make() -> Result<Self> {
        let made = tempfile::Builder::new().prefix("picloud-").tempdir();
        made.map(Self).context("making a temporary directory (TMPDIR names another place for it)")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Directory {
    /// Whoever is told to stop drops the store without closing it. The threads of its connections end a little later, and a file
    /// that one of them makes meanwhile keeps the directory from being removed: then once more. None comes into one that is gone.
    fn drop(&mut self) {
        let path = self.path();
        let began = Instant::now();
        while let Err(error) = fs::remove_dir_all(path) {
            if !path.exists() {
                break;
            }
            if began.elapsed() > Self::PATIENCE {
                tracing::warn!(%error, path = %path.display(), "a temporary directory stays behind");
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Scratch {
    /// Sets the engine up; on the first start of a machine this compiles it, which takes seconds. To be waited for even where the
    /// process is told to stop: threads that make the database would make it anew.
    pub(crate) async fn open(engine: &EngineArgs, world: Arc<dyn World>) -> Result<Self> {
        let directory = Directory::make()?;
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
        Ok(Self { store, executor, manager, activity, limits, vault, directory })
    }

    /// An app without scripts, whose error answers tell the detail.
    pub(crate) async fn make_app(&self, slug: &AppSlug) -> Result<AppId> {
        let made = self.manager.deploy_unowned(slug.clone(), slug.as_str(), true, Vec::new(), None).await;
        made.context("making an app")
    }

    /// Leaves nothing behind.
    pub(crate) async fn close(self) {
        self.store.close().await;
        drop(self.directory);
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
