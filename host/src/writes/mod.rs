//! Which pages of an instance's memory were written to, as the kernel knows it.

mod page_map;
mod tracking;

use crate::{host::PageMapScan, machine::may_swap};
use page_map::{PageMap, Pages};
use std::io;
pub(crate) use tracking::Tracked;
use tracking::Tracker;

/// The kernel's knowledge of this process's memory.
#[derive(Debug)]
pub(crate) struct Writes {
    pages: PageMap,
    /// None where this process may not have one.
    tracker: Option<Tracker>,
}

impl Writes {
    /// Where it may be relied on. A page that is swapped out while it is scanned, or brought in again, must
    /// not be missed; so not where pages can be swapped out at all.
    pub(crate) fn where_safe(scan: PageMapScan) -> Option<Self> {
        if scan == PageMapScan::Off {
            tracing::info!("each invocation gets a new instance: the page map is not to be used");
            return None;
        }
        if may_swap() {
            tracing::warn!(
                "each invocation gets a new instance, which takes longer, because this machine can swap; \
                 forbid that to PiCloud, as systemd's MemorySwapMax=0 does"
            );
            return None;
        }
        Self::open()
            .inspect_err(|error| {
                tracing::warn!(
                    %error,
                    "each invocation gets a new instance, which takes longer: this kernel (before Linux 6.7?) cannot scan \
                     the page map"
                );
            })
            .ok()
    }

    /// Fails where the kernel cannot tell.
    pub(crate) fn open() -> io::Result<Self> {
        let tracker = Tracker::open()
            .inspect_err(|error| tracing::info!(%error, "writes are not tracked; finding them takes a little longer"));
        Ok(Self { pages: PageMap::open()?, tracker: tracker.ok() })
    }

    /// Whether [`Writes::track`] does anything.
    #[cfg(test)]
    pub(crate) fn can_track(&self) -> bool {
        self.tracker.is_some()
    }

    /// The pages that were written to since the memory was tracked, or since it was mapped. `None` when they lie too far
    /// apart to be told, or the kernel fails.
    pub(crate) fn to(&self, memory: &[u8], tracked: Option<&Tracked>) -> Option<Pages> {
        let pages = match tracked {
            Some(tracked) if tracked.notes_writes() => self.pages.written(memory),
            _ => self.pages.changed(memory),
        };
        pages.inspect_err(|error| tracing::warn!(%error, "an instance's writes cannot be told")).ok()?
    }

    /// Has this memory take only those pages that are needed, if that is possible; each costs a fault of its own.
    pub(crate) fn page_by_page(&self, memory: &[u8]) -> Option<Tracked> {
        let registered = self.tracker.as_ref()?.register(memory);
        registered.inspect_err(|error| tracing::warn!(%error, "an instance's memory takes more than it needs")).ok()
    }

    /// Tracks writes to this memory from now on, if that is possible.
    pub(crate) fn track(&self, memory: &[u8], registered: Option<Tracked>) -> Option<Tracked> {
        let registered = match registered {
            Some(registered) => Ok(registered),
            None => self.tracker.as_ref()?.register(memory),
        };
        let tracked = registered.and_then(|mut tracked| {
            self.pages.protect(memory)?;
            tracked.protected = true;
            Ok(tracked)
        });
        tracked.inspect_err(|error| tracing::warn!(%error, "writes to an instance's memory cannot be tracked")).ok()
    }
}
