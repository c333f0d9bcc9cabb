//! The allocator. Small blocks come from lists by size, which takes a few instructions; large ones from the standard
//! allocator, which joins neighbours. [`start_afresh`] keeps together what is set aside from then on, so that an
//! invocation touches few pages.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::UnsafeCell,
    ptr::null_mut,
};

/// Sizes of small blocks are multiples of this, which is also the largest alignment that they have.
const STEP: usize = 8;
/// Size of the largest small block.
const SMALL: usize = 512;
/// What small blocks are cut from: pieces of the standard allocator, each beginning with a page.
const PIECE: Layout = match Layout::from_size_align(16 << 10, 4 << 10) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// A small block that is not in use holds the place of the next one of its size.
struct Free {
    next: *mut Free,
}

struct Lists {
    /// By size in steps.
    free: [*mut Free; SMALL / STEP + 1],
    /// Where the rest of the current piece begins, and how long it is.
    rest: *mut u8,
    left: usize,
}

pub struct Heap(UnsafeCell<Lists>);

// SAFETY: the guest has one thread.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(Lists { free: [null_mut(); SMALL / STEP + 1], rest: null_mut(), left: 0 }));

/// Leaves all blocks that are free now alone: they lie between those that are in use.
pub fn start_afresh() {
    // SAFETY: there is one thread, and nothing else borrows the lists.
    let lists = unsafe { &mut *HEAP.0.get() };
    lists.free.fill(null_mut());
    lists.begin_piece();
}

impl Lists {
    /// Whether there was memory for one.
    fn begin_piece(&mut self) -> bool {
        // SAFETY: a piece has a size.
        self.rest = unsafe { System.alloc(PIECE) };
        self.left = if self.rest.is_null() { 0 } else { PIECE.size() };
        self.left > 0
    }

    fn cut(&mut self, size: usize) -> *mut u8 {
        if self.left < size && !self.begin_piece() {
            return null_mut();
        }
        let block = self.rest;
        // SAFETY: that much is left of the piece.
        self.rest = unsafe { block.add(size) };
        self.left -= size;
        block
    }
}

fn is_small(layout: Layout) -> bool {
    layout.size() <= SMALL && layout.align() <= STEP
}

// SAFETY: a block is of the standard allocator or cut from one of its pieces, and which of the two, its layout tells. A
// piece is never given back, and a block is in one list at most.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_small(layout) {
            // SAFETY: as the caller's.
            return unsafe { System.alloc(layout) };
        }
        // SAFETY: there is one thread, and the lists are borrowed nowhere else.
        let lists = unsafe { &mut *self.0.get() };
        let steps = layout.size().div_ceil(STEP);
        let block = lists.free[steps];
        if block.is_null() {
            return lists.cut(steps * STEP);
        }
        // SAFETY: a block in a list holds the next one's place.
        lists.free[steps] = unsafe { (*block).next };
        block.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_small(layout) {
            // SAFETY: as the caller's.
            return unsafe { System.dealloc(block, layout) };
        }
        // SAFETY: as above; a block is aligned to a step, and at least one step long.
        unsafe {
            let lists = &mut *self.0.get();
            let first = &mut lists.free[layout.size().div_ceil(STEP)];
            #[expect(clippy::cast_ptr_alignment, reason = "blocks are aligned to a step")]
            let block = block.cast::<Free>();
            (*block).next = *first;
            *first = block;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's size is one that a layout may have.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_small(layout), is_small(new)) {
            // SAFETY: as the caller's.
            (false, false) => unsafe { System.realloc(block, layout, size) },
            (true, true) if layout.size().div_ceil(STEP) == size.div_ceil(STEP) => block,
            // SAFETY: the two blocks are apart, and each as long as what is copied.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    block.copy_to_nonoverlapping(moved, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                moved
            },
        }
    }
}
