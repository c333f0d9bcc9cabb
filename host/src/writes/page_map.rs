//! Which pages of a memory were written to: the kernel's page map, scanned with `PAGEMAP_SCAN` (Linux 6.7 and later;
//! `man 2 PAGEMAP_SCAN`).

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl, opcode};
use std::{ffi::c_void, fs::File, io, ops::Range};

/// Categories of pages, as `linux/fs.h` numbers them.
const WRITTEN: u64 = 1 << 1;
const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO_PAGE: u64 = 1 << 5;

/// Protects what is found against writing, so that the next write to it is seen.
const PROTECT: u64 = 1 << 0;
/// Fails where writes are not tracked, rather than finding nothing.
const MUST_BE_TRACKED: u64 = 1 << 1;

/// Ranges that one scan reports at most: a compiled program of a few hundred KiB lies in some dozens.
const RANGES: usize = 256;

/// The page map of this process.
#[derive(Debug)]
pub(crate) struct PageMap(File);

/// `struct pm_scan_arg`.
#[repr(C)]
#[derive(Default)]
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
#[repr(C)]
struct PageRange {
    start: u64,
    end: u64,
    categories: u64,
}

/// What a scan found.
pub(crate) struct Pages {
    ranges: Vec<PageRange>,
    start: u64,
}

impl Pages {
    /// Where in the memory they are, in ascending order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let within = |address| usize::try_from(address - self.start).unwrap_or(usize::MAX);
        self.ranges.iter().map(move |range| within(range.start)..within(range.end))
    }
}

impl PageMap {
    /// Fails where the kernel knows no such scan.
    pub(crate) fn open() -> io::Result<Self> {
        let map = Self(File::open("/proc/self/pagemap")?);
        // Of no memory; an empty slice of bytes is not aligned to a page.
        map.ask(&mut ScanArgument::default())?;
        Ok(map)
    }

    /// Finds the pages that are no longer what they were when the memory was mapped: neither the file's that backs it
    /// nor the kernel's page of zeros, whether they are in memory or swapped out. `None` when there are more ranges of
    /// them than one scan reports.
    pub(crate) fn changed(&self, memory: &[u8]) -> io::Result<Option<Pages>> {
        self.find(
            memory,
            ScanArgument {
                // An inverted category must be absent.
                category_inverted: FILE | ZERO_PAGE,
                category_mask: FILE | ZERO_PAGE,
                category_anyof_mask: PRESENT | SWAPPED,
                ..ScanArgument::default()
            },
        )
    }

    /// Finds the pages that were written to since they were protected, much faster: the kernel need not look at what
    /// backs them.
    pub(crate) fn written(&self, memory: &[u8]) -> io::Result<Option<Pages>> {
        // Exactly these masks are what the kernel has a short way for.
        let masks = ScanArgument { category_mask: WRITTEN, return_mask: WRITTEN, ..ScanArgument::default() };
        self.find(memory, ScanArgument { flags: MUST_BE_TRACKED, ..masks })
    }

    /// Protects all pages, so that the next write to each is seen.
    pub(crate) fn protect(&self, memory: &[u8]) -> io::Result<()> {
        let masks = ScanArgument { category_mask: WRITTEN, return_mask: WRITTEN, ..ScanArgument::default() };
        let mut argument = ScanArgument { flags: MUST_BE_TRACKED | PROTECT, ..masks };
        self.scan(memory, &mut argument)?;
        if argument.walk_end == argument.end { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn find(&self, memory: &[u8], mut argument: ScanArgument) -> io::Result<Option<Pages>> {
        let mut ranges = Vec::<PageRange>::with_capacity(RANGES);
        argument.ranges = ranges.as_mut_ptr().expose_provenance() as u64;
        argument.ranges_len = RANGES as u64;
        let found = self.scan(memory, &mut argument)?;
        // SAFETY: there is room for so many, and the kernel has written them.
        #[expect(unsafe_code, reason = "the kernel fills the vector")]
        unsafe {
            ranges.set_len(found.min(RANGES));
        }
        Ok((argument.walk_end == argument.end).then_some(Pages { ranges, start: argument.start }))
    }

    fn scan(&self, memory: &[u8], argument: &mut ScanArgument) -> io::Result<usize> {
        argument.start = memory.as_ptr().addr() as u64;
        argument.end = argument.start + memory.len() as u64;
        self.ask(argument)
    }

    fn ask(&self, argument: &mut ScanArgument) -> io::Result<usize> {
        argument.size = size_of::<ScanArgument>() as u64;
        // SAFETY: the argument is the structure that this call is defined with, and names as many ranges as there is room
        // for; the kernel writes to these two and nothing else. Protected pages can be written to as before.
        #[expect(unsafe_code, reason = "a system call that no library wraps")]
        Ok(unsafe { ioctl(&self.0, Scan(argument)) }?)
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
