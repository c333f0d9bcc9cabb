//! The routes and settings of each app as last changed, kept in memory. What is kept is known to be current without asking the
//! database: every change of this process moves the store's revision, and only then is the app's own asked for.

use crate::cors::CorsHeaders;
use picloud_shared::{
    activity::{Activity, AppActivity},
    ids::AppId,
    limit_rules::LimitRules,
    limits::Limits,
    names::AppSlug,
    outbound::AllowedHosts,
    routes::Routes,
};
use picloud_store::{DeployedRoute, Store, StoreError};
use quick_cache::sync::Cache;
use std::{
    convert::Infallible,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Apps whose routes are kept, names without an app included.
const APPS: usize = 10_000;

/// One app as deployed.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) app: AppId,
    pub(crate) slug: AppSlug,
    /// Whether error answers tell the detail.
    pub(crate) debug: bool,
    /// Those in force.
    pub(crate) limits: Arc<Limits>,
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
    cache: Arc<Cache<AppSlug, Arc<Place>>>,
}

/// What is known of an app.
#[derive(Debug, Default)]
struct Place {
    kept: RwLock<Option<Kept>>,
    /// Held by the one who asks the database; the others wait for that, instead of asking the same.
    asking: tokio::sync::Mutex<()>,
    /// How often that failed.
    failures: AtomicU64,
}

#[derive(Clone, Debug)]
struct Kept {
    /// `None`: there was no such app.
    deployed: Option<Arc<Deployed>>,
    /// The store's revision at which this was known to be current.
    known_at: u64,
}

/// Why it is not known how an app is deployed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookFailed {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever waits for a database that fails does not try it again, one after the other.
    #[error("another request has just looked for it, and the database failed")]
    Awaited,
}

impl Place {
    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn current(&self, revision: u64) -> Option<Option<Arc<Deployed>>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| kept.known_at >= revision).map(|kept| kept.deployed.clone())
    }
}

impl Deployments {
    pub(crate) fn new(store: Store, rules: LimitRules, activity: Arc<Activity>) -> Self {
        Self { store, rules, activity, cache: Arc::new(Cache::new(APPS)) }
    }

    /// The app as it is deployed now, or `None` when there is none of that name.
    pub(crate) async fn get(&self, slug: &AppSlug) -> Result<Option<Arc<Deployed>>, LookFailed> {
        let place = match self.cache.get(slug) {
            Some(place) => place,
            None => {
                let Ok(place) = self.cache.get_or_insert_with(slug, || Ok::<_, Infallible>(Arc::default()));
                place
            }
        };
        if let Some(deployed) = place.current(self.store.revision()) {
            return Ok(deployed);
        }
        let failures = place.failures.load(Ordering::Acquire);
        let _asking = place.asking.lock().await;
        // Read before the database is: what changes meanwhile is seen at the next request.
        let revision = self.store.revision();
        if let Some(deployed) = place.current(revision) {
            return Ok(deployed);
        }
        if place.failures.load(Ordering::Acquire) != failures {
            return Err(LookFailed::Awaited);
        }
        // Boxed, as hardly any request waits for it.
        let deployed = Box::pin(self.look(slug, place.kept())).await.inspect_err(|_| {
            place.failures.fetch_add(1, Ordering::AcqRel);
        })?;
        let kept = Kept { deployed: deployed.clone(), known_at: revision };
        *place.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(deployed)
    }

    async fn look(&self, slug: &AppSlug, kept: Option<Kept>) -> Result<Option<Arc<Deployed>>, StoreError> {
        if let Some(Kept { deployed, .. }) = kept
            && self.store.app_revision(slug).await?
                == deployed.as_ref().map(|deployed| (deployed.app, deployed.revision))
        {
            return Ok(deployed);
        }
        Ok(self.store.deployment(slug).await?.map(|deployment| {
            Arc::new(Deployed {
                app: deployment.app.id,
                slug: deployment.app.slug,
                activity: self.activity.of(deployment.app.id),
                debug: deployment.app.debug,
                outbound: deployment.app.outbound,
                cors: deployment.app.cors.0.as_ref().map(CorsHeaders::of),
                limits: Arc::new(self.rules.in_force(&deployment.app.limits)),
                revision: deployment.app.revision,
                routes: deployment.routes.into_iter().map(|deployed| (deployed.route.clone(), deployed)).collect(),
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_store::{Database, NewApp};
    use std::task::Poll;

    #[tokio::test]
    async fn however_many_ask_after_a_change_one_asks_the_database() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let (id, slug) = (AppId::new(), "shop".parse::<AppSlug>().unwrap());
        let deployments = Deployments::new(store.clone(), LimitRules::default(), Arc::default());
        // All at once: each has begun before the first is answered.
        let asked = async || {
            let before = store.queries();
            let mut all: Vec<_> = (0..50).map(|_| Box::pin(deployments.get(&slug))).collect();
            let mut answers = Vec::new();
            std::future::poll_fn(|context| {
                all.retain_mut(|one| match one.as_mut().poll(context) {
                    Poll::Ready(answer) => {
                        answers.push(answer.unwrap().map(|deployed| deployed.app));
                        false
                    }
                    Poll::Pending => true,
                });
                if all.is_empty() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            assert!(answers.len() == 50 && answers.iter().all(|answer| *answer == answers[0]));
            (answers[0], store.queries() - before)
        };
        assert_eq!(asked().await, (None, 1));
        let app = NewApp { id, slug: slug.clone(), name: String::new(), debug: false, owner: None, now: 1 };
        store.create_app(app).await.unwrap().unwrap();
        // Its revision, then the app and its routes.
        assert_eq!(asked().await, (Some(id), 3));
        assert_eq!(asked().await, (Some(id), 0));
        store.set_var(id, &"A".parse().unwrap(), "", 1).await.unwrap().unwrap();
        assert_eq!(asked().await, (Some(id), 3));
        store.delete_app(id).await.unwrap();
        assert_eq!(asked().await, (None, 2));
    }

    #[tokio::test]
    async fn who_waits_for_a_database_that_fails_does_not_try_it_again() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let slug = "shop".parse::<AppSlug>().unwrap();
        let deployments = Deployments::new(store.clone(), LimitRules::default(), Arc::default());
        let place =
            deployments.cache.get_or_insert_with(&slug, || Ok::<_, Infallible>(Arc::<Place>::default())).unwrap();
        let asking = place.asking.lock().await;
        store.close().await;
        let mut waits = Box::pin(deployments.get(&slug));
        assert!(asked_once(&mut waits).await.is_none());
        place.failures.fetch_add(1, Ordering::AcqRel);
        drop(asking);
        assert!(matches!(waits.await, Err(LookFailed::Awaited)));
        assert!(matches!(deployments.get(&slug).await, Err(LookFailed::Store(_))), "who comes later looks anew");
    }

    /// What a future gives when it is asked once.
    async fn asked_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            })
        })
        .await
    }
}
