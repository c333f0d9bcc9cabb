//! The images of versions, kept by what they are made of: versions never change, so what is kept never grows stale.

use crate::programs::Parts;
use picloud_abi::invocation::Diagnostic;
use picloud_host::Image;
use picloud_shared::executor::ExecutorError;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Most bytes of images that are kept; one has at most 8 MiB, and mostly some KiB.
const CAPACITY_BYTES: u64 = 32 << 20;
/// A guess at how many images that is, for the first allocation.
const EXPECTED_IMAGES: usize = 1_000;

/// A program that compiled when it was uploaded does so again, unless the guest has changed since.
pub(crate) type Loaded = Result<Arc<Image>, Diagnostic>;

pub(crate) struct Images {
    cache: Cache<Parts, Loaded, Bytes>,
    /// The cache's own counts have a miss several times, as it looks again before it is the one to load.
    asked: AtomicU64,
    missed: AtomicU64,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Parts, Loaded> for Bytes {
    fn weight(&self, parts: &Parts, loaded: &Loaded) -> u64 {
        let loaded = match loaded {
            Ok(image) => image.size(),
            Err(diagnostic) => diagnostic.message.len() + size_of::<Diagnostic>(),
        };
        (loaded + size_of_val::<[_]>(parts)) as u64
    }
}

impl Images {
    pub(crate) fn new() -> Self {
        // One part: each part takes only what is smaller than its share of the whole.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(EXPECTED_IMAGES)
            .weight_capacity(CAPACITY_BYTES)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, Bytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { cache, asked: AtomicU64::new(0), missed: AtomicU64::new(0) }
    }

    /// The image that is made of these; however many ask at once, it is loaded once. Loading takes much room, which only those
    /// take that have to wait for it.
    pub(crate) async fn get(
        &self,
        parts: &Parts,
        load: impl AsyncFnOnce() -> Result<Loaded, ExecutorError>,
    ) -> Result<Loaded, ExecutorError> {
        self.asked.fetch_add(1, Relaxed);
        if let Some(loaded) = self.cache.get(parts) {
            return Ok(loaded);
        }
        let load = async {
            self.missed.fetch_add(1, Relaxed);
            load().await
        };
        Box::pin(self.cache.get_or_insert_async(parts, load)).await
    }

    /// How often an image was there when it was asked for, or being loaded for another, and how often it had to be loaded.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        let missed = self.missed.load(Relaxed);
        (self.asked.load(Relaxed).saturating_sub(missed), missed)
    }
}
