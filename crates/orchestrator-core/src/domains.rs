//! The domains that apps have of their own, all of them in memory: so a host that no app has costs as little as one that
//! an app has, and who sends ever new ones fills no cache. What is kept is known to be current as routes are, by a revision
//! of the store that moves when domains change.

use picloud_shared::{domains::DomainName, names::AppSlug};
use picloud_store::{Store, StoreError};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::Mutex;

/// Which app has which domain.
pub(crate) type AppsByDomain = HashMap<DomainName, AppSlug>;

#[derive(Clone, Debug)]
pub(crate) struct Domains {
    store: Store,
    kept: Arc<RwLock<Kept>>,
    /// Held by the one that reads them, while others wait for what it finds.
    reading: Arc<Mutex<()>>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    apps: Arc<AppsByDomain>,
    /// The store's revision at which they were read; `None` before.
    known_at: Option<u64>,
}

impl Domains {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, kept: Arc::default(), reading: Arc::default() }
    }

    /// The domains of now.
    pub(crate) async fn current(&self) -> Result<Arc<AppsByDomain>, StoreError> {
        if let Some(apps) = self.known() {
            return Ok(apps);
        }
        let _reading = self.reading.lock().await;
        if let Some(apps) = self.known() {
            return Ok(apps);
        }
        // Before the database is read: what changes meanwhile is seen at the next request.
        let revision = self.store.domains_revision();
        let apps = Arc::new(Box::pin(self.store.all_domains()).await?);
        let kept = Kept { apps: Arc::clone(&apps), known_at: Some(revision) };
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
        Ok(apps)
    }

    fn known(&self) -> Option<Arc<AppsByDomain>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        (kept.known_at == Some(self.store.domains_revision())).then(|| Arc::clone(&kept.apps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_shared::ids::AppId;
    use picloud_store::{Database, NewApp};

    #[tokio::test]
    async fn they_are_read_once_for_each_change() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let (id, slug) = (AppId::new(), "shop".parse::<AppSlug>().unwrap());
        let app = NewApp { id, slug: slug.clone(), name: String::new(), debug: false, owner: None, now: 1 };
        store.create_app(app).await.unwrap().unwrap();
        let domains = Domains::new(store.clone());
        let own: DomainName = "shop.example.com".parse().unwrap();
        let asked = async || {
            let before = store.queries();
            // At once: those that come while they are read wait for that.
            let (first, second) = tokio::join!(domains.current(), domains.current());
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!(first, second);
            (first.get(own.as_str()).cloned(), store.queries() - before)
        };
        assert_eq!(asked().await, (None, 1));
        assert_eq!(asked().await, (None, 0));
        store.add_domain(id, &own, 1).await.unwrap().unwrap();
        assert_eq!(asked().await, (Some(slug.clone()), 1));
        // Nothing of these is about domains.
        store.set_var(id, &"A".parse().unwrap(), "", 1).await.unwrap().unwrap();
        assert_eq!(asked().await, (Some(slug), 0));
        store.delete_app(id).await.unwrap();
        assert_eq!(asked().await, (None, 1));
    }
}
