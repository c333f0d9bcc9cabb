//! Which pages of an instance's memory are written to. All are protected against it; the first write to one is a fault, on which
//! the page is noted and opened, and the write done again. So a page that is not noted cannot have changed, whatever the
//! kernel is and whatever it swaps out. Pages that are known to be written to each time are open from the start, and who writes to no
//! others costs nothing.

use crate::page_set::PageSet;
use rustix::mm::{MprotectFlags, mprotect};
use std::{
    ops::Range,
    process::abort,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

/// Mappings by which all that is watched may split the memory of this process; a kernel allows 65,530 in all, as a rule.
pub(crate) const MAPPINGS: usize = 2_048;
/// Those that a range of open pages adds: itself, and what comes after it.
const RANGE_MAPPINGS: usize = 2;
/// An instance that writes to more is not worth watching: bringing it back would take about as long as making a new one.
const WRITTEN_BYTES: usize = 512 << 10;

/// What all that are watched share.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    mappings: Arc<AtomicUsize>,
}

/// A memory that is watched until this is dropped, which has to be before the memory is given back.
#[derive(Debug)]
pub(crate) struct Watched(Arc<Pages>);

/// What whoever writes to the memory has to know.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Addresses.
    memory: Range<usize>,
    /// Those that may have been written to.
    open: PageSet,
    /// All are open, and it is not known which were written to.
    lost: AtomicBool,
    /// Mappings that it has taken.
    own_mappings: AtomicUsize,
    mappings: Arc<AtomicUsize>,
}

impl Watch {
    /// Watches a memory from now on, but for those of its pages that are known to be written to. None where too much is watched
    /// already.
    pub(crate) fn begin(&self, memory: &mut [u8], known: &PageSet) -> Option<Watched> {
        if self.mappings.load(Relaxed) >= MAPPINGS {
            return None;
        }
        let start = memory.as_mut_ptr().expose_provenance();
        let pages = Pages {
            memory: start..start + memory.len(),
            open: PageSet::none_of(memory.len()),
            lost: AtomicBool::new(false),
            own_mappings: AtomicUsize::new(0),
            mappings: Arc::clone(&self.mappings),
        };
        let watched = Watched(Arc::new(pages));
        watched.0.protect(0..memory.len(), MprotectFlags::READ).ok()?;
        for range in known.ranges() {
            watched.0.open_all(range).ok()?;
        }
        Some(watched)
    }

    #[cfg(test)]
    pub(crate) fn mappings(&self) -> usize {
        self.mappings.load(Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn take(&self, mappings: usize) {
        self.mappings.fetch_add(mappings, Relaxed);
    }
}

impl Watched {
    pub(crate) fn pages(&self) -> &Arc<Pages> {
        &self.0
    }

    /// The pages that may have been written to, or none if they are too many to be told.
    pub(crate) fn written(&self) -> Option<&PageSet> {
        (!self.0.lost.load(Relaxed)).then_some(&self.0.open)
    }

    /// Protects pages again that are as they were.
    pub(crate) fn close(&self, pages: &PageSet) {
        self.0.close(pages);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.lose();
    }
}

impl Pages {
    /// Answers a write to a protected page, from within the signal's handler: takes no lock and no memory. False where the fault is
    /// another.
    pub(crate) fn fault(&self, address: usize) -> bool {
        if !self.memory.contains(&address) || self.lost.load(Relaxed) {
            return false;
        }
        let page = self.open.page_of(address - self.memory.start);
        let is_protected = !self.open.contains(page);
        if is_protected {
            self.open(page);
        }
        is_protected
    }

    /// Before the host writes to this part of the memory.
    pub(crate) fn allow(&self, part: Range<usize>) {
        let last = self.open.page_of(part.end.min(self.memory.len()).saturating_sub(1));
        for page in self.open.page_of(part.start)..=last {
            if !self.open.contains(page) && !self.lost.load(Relaxed) {
                self.open(page);
            }
        }
    }

    /// Opens a range beside which no page is open.
    fn open_all(&self, range: Range<usize>) -> rustix::io::Result<()> {
        self.take_mappings();
        for page in self.open.page_of(range.start)..self.open.page_of(range.end) {
            self.open.insert(page);
        }
        self.protect(range, MprotectFlags::READ | MprotectFlags::WRITE)
    }

    fn open(&self, page: usize) {
        let neighbours = [page.checked_sub(1), page.checked_add(1)].into_iter().flatten();
        // One range more, one longer, or two that are one now.
        let beside = neighbours.filter(|&neighbour| self.open.contains(neighbour)).count();
        self.open.insert(page);
        let is_room = match beside {
            0 => self.take_mappings(),
            1 => true,
            _ => {
                self.give_mappings(RANGE_MAPPINGS);
                true
            }
        };
        if !is_room
            || self.open.bytes() > WRITTEN_BYTES
            || self.protect(self.open.place(page), MprotectFlags::READ | MprotectFlags::WRITE).is_err()
        {
            self.lose();
        }
    }

    /// While nothing runs in the memory.
    fn close(&self, pages: &PageSet) {
        self.open.remove(pages);
        self.give_mappings(self.own_mappings.load(Relaxed));
        let is_room = self.open.ranges().fold(true, |is_room, _| self.take_mappings() && is_room);
        if !is_room || pages.ranges().any(|range| self.protect(range, MprotectFlags::READ).is_err()) {
            self.lose();
        }
    }

    /// For one range more; whether there was room for it.
    fn take_mappings(&self) -> bool {
        self.own_mappings.fetch_add(RANGE_MAPPINGS, Relaxed);
        self.mappings.fetch_add(RANGE_MAPPINGS, Relaxed) < MAPPINGS
    }

    fn give_mappings(&self, mappings: usize) {
        self.own_mappings.fetch_sub(mappings, Relaxed);
        self.mappings.fetch_sub(mappings, Relaxed);
    }

    /// Opens all of it.
    fn lose(&self) {
        if self.lost.swap(true, Relaxed) {
            return;
        }
        if self.protect(0..self.memory.len(), MprotectFlags::READ | MprotectFlags::WRITE).is_err() {
            // It needs no mapping more. With its memory protected, the slot would be of no use to whoever gets it next.
            abort();
        }
        self.give_mappings(self.own_mappings.load(Relaxed));
    }

    fn protect(&self, part: Range<usize>, how: MprotectFlags) -> rustix::io::Result<()> {
        let start = std::ptr::with_exposed_provenance_mut::<u8>(self.memory.start + part.start);
        // SAFETY: these are whole pages of a memory that the instance has as long as it is watched. They stay readable, and are
        // made writable before anything writes to them: by `allow` for the host, by the handler for the guest.
        #[expect(unsafe_code, reason = "no library knows which of wasmtime's memory may be protected")]
        unsafe {
            mprotect(start.cast(), part.len(), how)
        }
    }
}
