//! Which pages of an instance's memory were written to, as the kernel knows it.

mod page_map;
mod tracking;

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
            Some(_) => self.pages.written(memory),
            None => self.pages.changed(memory),
        };
        pages.inspect_err(|error| tracing::warn!(%error, "an instance's writes cannot be told")).ok()?
    }

    /// Tracks writes to this memory from now on, if that is possible.
    pub(crate) fn track(&self, memory: &[u8]) -> Option<Tracked> {
        let tracked = self.tracker.as_ref()?.track(memory).and_then(|tracked| {
            self.pages.protect(memory)?;
            Ok(tracked)
        });
        tracked.inspect_err(|error| tracing::warn!(%error, "writes to an instance's memory cannot be tracked")).ok()
    }
}
