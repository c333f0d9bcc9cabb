//! What apps set for their scripts, variables and sealed secrets, kept in memory. What is kept is known to be current
//! as the ingress knows its routes: every change moves the store's revision, and only then is the app's own asked for.

use picloud_shared::ids::AppId;
use picloud_store::{AppSettings, Store, StoreError};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Most bytes that are kept; one app has at most 16 MiB, and mostly some hundred bytes.
const CAPACITY_BYTES: u64 = 64 << 20;
/// A guess at how many apps that is, for the first allocation.
const EXPECTED_APPS: usize = 1_000;

pub(crate) struct Settings {
    store: Store,
    cache: Cache<AppId, Arc<Kept>, Bytes>,
}

struct Kept {
    settings: Arc<AppSettings>,
    /// The store's revision at which this was known to be current.
    known_at: AtomicU64,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<AppId, Arc<Kept>> for Bytes {
    fn weight(&self, _: &AppId, kept: &Arc<Kept>) -> u64 {
        let vars: usize = kept.settings.vars.values().map(|var| var.value.len()).sum();
        let secrets: usize = kept.settings.secrets.values().map(|sealed| sealed.bytes.len()).sum();
        // A name, an id and a time each.
        let beside = 128 * (1 + kept.settings.vars.len() + kept.settings.secrets.len());
        (vars + secrets + beside) as u64
    }
}

impl Settings {
    pub(crate) fn new(store: Store) -> Self {
        // One part: each part takes only what is smaller than its share of the whole.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(EXPECTED_APPS)
            .weight_capacity(CAPACITY_BYTES)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { store, cache }
    }

    /// Those that are known to be current without asking the database.
    pub(crate) fn known(&self, app: AppId) -> Option<Arc<AppSettings>> {
        let kept = self.cache.get(&app)?;
        (kept.known_at.load(Ordering::Acquire) == self.store.revision()).then(|| Arc::clone(&kept.settings))
    }

    /// Those of now; `None` when the app is gone.
    pub(crate) async fn read(&self, app: AppId) -> Result<Option<Arc<AppSettings>>, StoreError> {
        // Read before the database is: what changes meanwhile is seen by the next invocation.
        let revision = self.store.revision();
        if let Some(kept) = self.cache.get(&app)
            && self.store.app_revision_by_id(app).await? == Some(kept.settings.revision)
        {
            kept.known_at.fetch_max(revision, Ordering::AcqRel);
            return Ok(Some(Arc::clone(&kept.settings)));
        }
        let Some(settings) = self.store.app_settings(app).await? else {
            self.cache.remove(&app);
            return Ok(None);
        };
        let settings = Arc::new(settings);
        let kept = Kept { settings: Arc::clone(&settings), known_at: AtomicU64::new(revision) };
        self.cache.insert(app, Arc::new(kept));
        Ok(Some(settings))
    }
}
