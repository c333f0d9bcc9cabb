//! The programs of versions, kept by version: a version never changes, so what is kept never grows stale.

use picloud_abi::invocation::Program;
use picloud_shared::{executor::ExecutorError, ids::VersionId, names::ScriptName};
use picloud_store::Store;
use quick_cache::{Weighter, sync::Cache};
use std::sync::Arc;

/// Most bytes of source that are kept.
const CAPACITY_BYTES: u64 = 32 << 20;
/// A guess at how many programs that is, for the first allocation.
const EXPECTED_PROGRAMS: usize = 1_000;

pub(crate) struct Programs {
    store: Store,
    cache: Cache<VersionId, Arc<Program>, Bytes>,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<VersionId, Arc<Program>> for Bytes {
    fn weight(&self, _: &VersionId, program: &Arc<Program>) -> u64 {
        (program.source.len() + program.name.len() + size_of::<Program>()) as u64
    }
}

impl Programs {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, cache: Cache::with_weighter(EXPECTED_PROGRAMS, CAPACITY_BYTES, Bytes) }
    }

    /// The program of a version; however many ask at once, the store is asked once.
    pub(crate) async fn get(&self, version: VersionId, name: &ScriptName) -> Result<Arc<Program>, ExecutorError> {
        let load = async {
            let source =
                self.store.source(version).await.map_err(|error| ExecutorError::Internal(error.to_string()))?;
            let source = source.ok_or(ExecutorError::NoSuchVersion)?;
            Ok(Arc::new(Program { name: name.to_string(), source }))
        };
        self.cache.get_or_insert_async(&version, load).await
    }
}
