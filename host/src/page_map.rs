//! Which pages of a memory were written to: the kernel's page map, scanned with `PAGEMAP_SCAN` (Linux 6.7 and later;
//! `man 2 PAGEMAP_SCAN`). The only talk with the kernel that wasmtime does not do for us.

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};
use std::{ffi::c_void, fs::File, io, ops::Range};

/// Categories of pages, as `linux/fs.h` numbers them.
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO_PAGE: u64 = 1 << 5;

/// Ranges that one scan reports at most.
const RANGES: usize = 64;

/// The page map of this process.
#[derive(Debug)]
pub(crate) struct PageMap(File);

/// `struct pm_scan_arg`.
#[repr(C)]
struct ScanArgument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    ranges: u64,
    ranges_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct PageRange {
    start: u64,
    end: u64,
    categories: u64,
}

/// What a scan found.
pub(crate) struct Written {
    ranges: [PageRange; RANGES],
    len: usize,
    start: u64,
}

impl Written {
    /// Where in the memory pages were written to, in ascending order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let within = |address| usize::try_from(address - self.start).unwrap_or(usize::MAX);
        self.ranges[..self.len].iter().map(move |range| within(range.start)..within(range.end))
    }
}

impl PageMap {
    /// Fails where the kernel knows no such scan.
    pub(crate) fn open() -> io::Result<Self> {
        let map = Self(File::open("/proc/self/pagemap")?);
        map.scan(0, 0)?;
        Ok(map)
    }

    /// Finds the pages of `memory` that are no longer what they were when it was mapped: neither the file's that backs
    /// it nor the kernel's page of zeros, whether they are in memory or swapped out. `None` when there are more ranges
    /// of them than one scan reports.
    pub(crate) fn written(&self, memory: &[u8]) -> io::Result<Option<Written>> {
        let start = memory.as_ptr().addr() as u64;
        self.scan(start, start + memory.len() as u64)
    }

    fn scan(&self, start: u64, end: u64) -> io::Result<Option<Written>> {
        let mut written = Written { ranges: [PageRange::default(); RANGES], len: 0, start };
        let mut argument = ScanArgument {
            size: size_of::<ScanArgument>() as u64,
            flags: 0,
            start,
            end,
            walk_end: 0,
            ranges: written.ranges.as_mut_ptr().expose_provenance() as u64,
            ranges_len: RANGES as u64,
            max_pages: 0,
            // An inverted category must be absent.
            category_inverted: FILE | ZERO_PAGE,
            category_mask: FILE | ZERO_PAGE,
            category_anyof_mask: PRESENT | SWAPPED,
            return_mask: 0,
        };
        // SAFETY: the argument is the structure that this call is defined with, and names as many ranges as there are;
        // the kernel writes to these two and nothing else.
        #[expect(unsafe_code, reason = "a system call that no library wraps")]
        let found = unsafe { ioctl(&self.0, Scan(&mut argument)) }?;
        written.len = found.min(RANGES);
        Ok((argument.walk_end == argument.end).then_some(written))
    }
}

struct Scan<'a>(&'a mut ScanArgument);

// SAFETY: the number and the argument are those of `PAGEMAP_SCAN`, which answers how many ranges it found.
#[expect(unsafe_code, reason = "a system call that no library wraps")]
unsafe impl Ioctl for Scan<'_> {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        opcode::read_write::<ScanArgument>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(self.0).cast()
    }

    unsafe fn output_from_ptr(found: IoctlOutput, _: *mut c_void) -> rustix::io::Result<usize> {
        usize::try_from(found).map_err(|_| rustix::io::Errno::INVAL)
    }
}
