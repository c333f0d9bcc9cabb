//! Having an invocation that waits give back what it does not need for that: pages of its linear memory that it has only
//! read, which come back from the file that all instances share, and the part of its native stack that nothing lies on any more.

use crate::engine::HOST_STACK;
use rustix::mm::{Advice, madvise};
use std::{
    fs::File,
    hint::black_box,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    ptr::{from_ref, with_exposed_provenance_mut},
    sync::Arc,
    time::Duration,
};

/// Who has waited so long is likely to wait on.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);

/// Bits of an entry of the page map (`Documentation/admin-guide/mm/pagemap.rst` of the kernel): the page is there, and it is a file's. Who
/// writes to a private mapping gets a page that is none, and one that is swapped out is not there.
const PRESENT: u64 = 1 << 63;
const OF_A_FILE: u64 = 1 << 61;
/// Bytes of an entry.
const ENTRY: usize = 8;

/// How far below the caller of [`Thinning::thin_stack`] the stack is given back. Wherever the guest calls the host, twice as much is left of
/// it.
pub(crate) const DEEP: usize = HOST_STACK / 2;
/// What is called to give something back takes less.
const CALLED: usize = 2 << 10;

/// What tells which pages those are.
#[derive(Clone, Debug)]
pub(crate) struct Thinning {
    page_map: Arc<File>,
    page_bytes: usize,
}

impl Thinning {
    /// Fails where there is no page map.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { page_map: Arc::new(File::open("/proc/self/pagemap")?), page_bytes: rustix::param::page_size() })
    }

    /// Gives back what is still the file's of a linear memory, named by its addresses, that nobody writes to meanwhile.
    pub(crate) fn thin_memory(&self, memory: Range<usize>) -> io::Result<()> {
        let entries = self.entries(&memory)?;
        let is_files = |entry: u64| entry & PRESENT != 0 && entry & OF_A_FILE != 0;
        let mut pages = entries.into_iter().map(is_files).chain([false]).enumerate();
        while let Some((first, _)) = pages.find(|&(_, is_files)| is_files) {
            let Some((end, _)) = pages.find(|&(_, is_files)| !is_files) else { break };
            let place = |page| memory.start + page * self.page_bytes;
            // SAFETY: none of these pages was written to, so that each has the file's bytes, as it will when it is read next.
            #[expect(unsafe_code, reason = "no library knows which of wasmtime's memory may be given back")]
            unsafe { give_back(place(first)..place(end)) }?;
        }
        Ok(())
    }

    /// Gives back the stack below the caller, who runs on a fibre.
    #[inline(never)]
    pub(crate) fn thin_stack(&self) -> io::Result<()> {
        let here = 0u8;
        let here = from_ref(black_box(&here)).addr();
        let end = (here - CALLED) / self.page_bytes * self.page_bytes;
        let entries = self.entries(&(end - DEEP..end))?;
        // The page that guards a stack's end is never there, so that nothing beyond it is touched.
        let touched = entries.iter().rev().take_while(|entry| **entry & PRESENT != 0).count();
        // SAFETY: these are pages of this fibre's stack on which nothing is alive.
        #[expect(unsafe_code, reason = "no library knows which of a stack may be given back")]
        unsafe {
            give_back(end - touched * self.page_bytes..end)
        }
    }

    /// What the page map says of whole pages, the first one first.
    fn entries(&self, pages: &Range<usize>) -> io::Result<Vec<u64>> {
        let mut bytes = vec![0; pages.len() / self.page_bytes * ENTRY];
        self.page_map.read_exact_at(&mut bytes, (pages.start / self.page_bytes * ENTRY) as u64)?;
        let (entries, _) = bytes.as_chunks();
        Ok(entries.iter().copied().map(u64::from_ne_bytes).collect())
    }
}

#[expect(unsafe_code, reason = "passed on to the caller")]
unsafe fn give_back(pages: Range<usize>) -> io::Result<()> {
    let start = with_exposed_provenance_mut::<u8>(pages.start);
    // SAFETY: the caller's.
    Ok(unsafe { madvise(start.cast(), pages.len(), Advice::LinuxDontNeed) }?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a page map says of a page.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Page {
        Absent,
        OfAFile,
        /// Written to, or of no file.
        Own,
    }

    /// What this process has at these addresses.
    pub(crate) fn pages(addresses: Range<usize>) -> Vec<Page> {
        let page = |entry: u64| match entry {
            entry if entry >> 62 == 0 => Page::Absent,
            entry if entry & OF_A_FILE != 0 => Page::OfAFile,
            _ => Page::Own,
        };
        Thinning::open().unwrap().entries(&addresses).unwrap().into_iter().map(page).collect()
    }
}
