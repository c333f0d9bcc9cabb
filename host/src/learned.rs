//! What the invocations of a program have shown so far of those to come.

use crate::page_set::PageSet;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// After an invocation that wrote to so much that its instance was not kept, or whose instance was kept and not needed, so many are not
/// watched: that they would be of use is unlikely, and watching one takes longer than making a new one.
const UNWATCHED: u32 = 31;
/// Of those that may have written to much, one in so many is looked at for what it did not write to: a page that ends as it began
/// looks as if it were not written to, and is a fault in the next one.
const LOOKED_AT: u32 = 128;

#[derive(Debug)]
pub(crate) struct Learned {
    /// The pages that the last ones have written to.
    written: PageSet,
    /// How many of the next are not to be watched.
    unwatched: AtomicU32,
    /// How many may have written to much.
    large: AtomicU32,
}

impl Learned {
    /// Nothing yet, of a program that has so many bytes of memory.
    pub(crate) fn nothing(memory_bytes: usize) -> Self {
        Self { written: PageSet::none_of(memory_bytes), unwatched: AtomicU32::new(0), large: AtomicU32::new(0) }
    }

    pub(crate) fn written(&self) -> &PageSet {
        &self.written
    }

    /// Whether the next invocation that gets a new instance is to be watched.
    pub(crate) fn watches_next(&self) -> bool {
        self.unwatched.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err()
    }

    /// One was brought back from having written to these.
    pub(crate) fn one_wrote(&self, pages: &PageSet) {
        self.written.extend(pages);
    }

    /// Whether one that may have written to much is to be looked at.
    pub(crate) fn looks_at_this(&self) -> bool {
        self.large.fetch_add(1, Relaxed) % LOOKED_AT == LOOKED_AT - 1
    }

    /// One did not write to these, of many that it might have.
    pub(crate) fn one_left(&self, pages: &PageSet) {
        self.written.remove(pages);
    }

    /// One wrote to too much to be kept, or was kept and had to go before it was needed.
    pub(crate) fn one_was_in_vain(&self) {
        self.unwatched.store(UNWATCHED, Relaxed);
    }
}
