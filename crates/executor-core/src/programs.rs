//! From a version to the program that runs: its source with those of all that it imports. Versions never change, but which
//! versions of others one is put together with does: that is looked up again only after a change in the store.

use crate::stored;
use picloud_abi::invocation::{Diagnostic, Library, Program};
use picloud_shared::{
    executor::ExecutorError,
    ids::{AppId, ScriptId, VersionId},
    imports::ImportGraph,
    names::ScriptName,
};
use picloud_store::Store;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// A version, then the versions of all that it imports, each after those that it imports itself: what an image is made of,
/// and known by.
pub(crate) type Parts = Arc<[VersionId]>;

/// Versions whose parts are kept, and scripts whose active version is, some hundred bytes each.
const LINKED: usize = 10_000;

pub(crate) struct Programs {
    store: Store,
    linked: Cache<VersionId, Linked>,
    active: Cache<(AppId, ScriptName), (Active, KnownAt)>,
}

/// The store's revision at which something was so.
type KnownAt = u64;

/// The version of a script that answers.
#[derive(Clone, Copy)]
pub(crate) struct Active {
    pub(crate) script: ScriptId,
    pub(crate) version: VersionId,
}

#[derive(Clone)]
struct Linked {
    parts: Parts,
    /// The store's revision at which they were the active ones.
    known_at: KnownAt,
}

impl Programs {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, linked: Cache::new(LINKED), active: Cache::new(LINKED) }
    }

    /// The version of a script that answers now; `None` when there is no such script.
    pub(crate) async fn active(&self, app: AppId, script: &ScriptName) -> Result<Option<Active>, ExecutorError> {
        // Read before the database is: what changes meanwhile is seen by the next invocation.
        let known_at = self.store.revision();
        let key = (app, script.clone());
        if let Some((active, _)) = self.active.get(&key).filter(|(_, known)| *known == known_at) {
            return Ok(Some(active));
        }
        let found = Box::pin(self.store.active_version(app, script)).await.map_err(stored)?;
        let Some((script, version)) = found else { return Ok(None) };
        let active = Active { script, version };
        self.active.insert(key, (active, known_at));
        Ok(Some(active))
    }

    /// What a version is made of now.
    pub(crate) async fn parts(
        &self,
        app: AppId,
        script: &ScriptName,
        version: VersionId,
    ) -> Result<Result<Parts, Diagnostic>, ExecutorError> {
        // Read before the database is: what changes meanwhile is seen by the next invocation.
        let known_at = self.store.revision();
        let before = self.linked.get(&version);
        if let Some(Linked { parts, .. }) =
            before.filter(|linked| linked.parts.len() == 1 || linked.known_at == known_at)
        {
            return Ok(Ok(parts));
        }
        let imported = Box::pin(self.store.imported(app, version)).await.map_err(stored)?;
        let (imports, active) = imported.ok_or(ExecutorError::NoSuchVersion)?;
        let mut graph = ImportGraph::default();
        for other in &active {
            graph.insert(other.name.clone(), other.imports.clone());
        }
        graph.insert(script.clone(), imports);
        let order = match graph.order(script) {
            Ok(order) => order,
            Err(error) => return Ok(Err(Diagnostic { message: error.to_string(), script: None, position: None })),
        };
        let version_of = |name: &ScriptName| active.iter().find(|other| other.name == *name).map(|other| other.version);
        let parts: Parts = [version].into_iter().chain(order.iter().filter_map(version_of)).collect();
        self.linked.insert(version, Linked { parts: Arc::clone(&parts), known_at });
        Ok(Ok(parts))
    }

    /// The program that is made of these.
    pub(crate) async fn program(&self, parts: &[VersionId]) -> Result<Program, ExecutorError> {
        let mut sources = self.store.sources(parts).await.map_err(stored)?;
        let mut libraries = Vec::with_capacity(parts.len());
        for version in parts {
            let (name, source) = sources.remove(version).ok_or(ExecutorError::NoSuchVersion)?;
            libraries.push(Library { name: name.into(), source });
        }
        let Library { name, source } = libraries.remove(0);
        Ok(Program { name, source, imports: libraries })
    }
}
