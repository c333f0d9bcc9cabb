//! The routes and settings of each app as last changed, kept in memory. What is kept is known to be current without asking the
//! database: every change of this process moves the store's revision, and only then is the app's own asked for.

use crate::{cors::CorsHeaders, routes::Routes};
use picloud_shared::{
    activity::{Activity, AppActivity},
    ids::AppId,
    limit_rules::LimitRules,
    limits::Limits,
    names::AppSlug,
    outbound::AllowedHosts,
};
use picloud_store::{DeployedRoute, Store, StoreError};
use quick_cache::sync::Cache;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Apps whose routes are kept, names without an app included.
const APPS: usize = 10_000;

/// One app as deployed.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) app: AppId,
    /// Whether error answers tell the detail.
    pub(crate) debug: bool,
    /// Those in force.
    pub(crate) limits: Limits,
    pub(crate) outbound: AllowedHosts,
    /// What the app uses; the same for as long as anybody holds it.
    pub(crate) activity: Arc<AppActivity>,
    /// Where the app sets nothing, the scripts' own headers count.
    pub(crate) cors: Option<CorsHeaders>,
    pub(crate) routes: Routes<DeployedRoute>,
    revision: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Deployments {
    store: Store,
    rules: LimitRules,
    activity: Arc<Activity>,
    cache: Arc<Cache<AppSlug, Arc<Kept>>>,
}

#[derive(Debug)]
struct Kept {
    /// `None`: there was no such app.
    deployed: Option<Arc<Deployed>>,
    /// The store's revision at which this was known to be current.
    known_at: AtomicU64,
}

impl Deployments {
    pub(crate) fn new(store: Store, rules: LimitRules, activity: Arc<Activity>) -> Self {
        Self { store, rules, activity, cache: Arc::new(Cache::new(APPS)) }
    }

    /// The app as it is deployed now, or `None` when there is none of that name.
    pub(crate) async fn get(&self, slug: &AppSlug) -> Result<Option<Arc<Deployed>>, StoreError> {
        // Read before the database is: what changes meanwhile is seen at the next request.
        let revision = self.store.revision();
        if let Some(kept) = self.cache.get(slug) {
            if kept.known_at.load(Ordering::Acquire) == revision {
                return Ok(kept.deployed.clone());
            }
            let current = self.store.app_revision(slug).await?;
            if current == kept.deployed.as_ref().map(|deployed| deployed.revision) {
                kept.known_at.fetch_max(revision, Ordering::AcqRel);
                return Ok(kept.deployed.clone());
            }
        }
        let deployed = self.store.deployment(slug).await?.map(|deployment| {
            Arc::new(Deployed {
                app: deployment.app.id,
                activity: self.activity.of(deployment.app.id),
                debug: deployment.app.debug,
                outbound: deployment.app.outbound,
                cors: deployment.app.cors.0.as_ref().map(CorsHeaders::of),
                limits: self.rules.in_force(&deployment.app.limits),
                revision: deployment.app.revision,
                routes: deployment.routes.into_iter().map(|deployed| (deployed.route.clone(), deployed)).collect(),
            })
        });
        let kept = Kept { deployed: deployed.clone(), known_at: AtomicU64::new(revision) };
        self.cache.insert(slug.clone(), Arc::new(kept));
        Ok(deployed)
    }
}
