//! What the compiler calls to copy, fill and compare bytes. WebAssembly has instructions for the first two, but engines call
//! into themselves for each: for the few bytes of a name or a value, that takes many times as long as copying them. Short
//! ones are loaded whole before any of it is stored, the end overlapping what comes before, without a loop.
//!
//! Loops go several vectors a round: a plain one the compiler would take for a copy, and call what it is in.

use std::arch::wasm32::{u8x16_splat, v128, v128_load, v128_store};

/// Bytes of a vector.
const VECTOR: usize = size_of::<v128>();
/// Bytes of a round.
const ROUND: usize = 4 * VECTOR;

/// As C has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: as the caller's.
    unsafe {
        if len <= ROUND {
            copy_short(to, from, len);
        } else {
            copy_up(to, from, len);
        }
    }
    to
}

/// As C has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: as the caller's.
    unsafe {
        if len <= ROUND {
            copy_short(to, from, len);
        } else if to.addr().wrapping_sub(from.addr()) >= len {
            copy_up(to, from, len);
        } else {
            copy_down(to, from, len);
        }
    }
    to
}

/// As C has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    let byte = byte as u8;
    let word = u64::from(byte) * 0x0101_0101_0101_0101;
    // SAFETY: each store lies within `len` bytes.
    unsafe {
        if len >= VECTOR {
            let vector = u8x16_splat(byte);
            let mut at = 0;
            while at + ROUND <= len {
                store(to.add(at), [vector; 4]);
                at += ROUND;
            }
            while at + VECTOR <= len {
                v128_store(to.add(at).cast(), vector);
                at += VECTOR;
            }
            v128_store(to.add(len - VECTOR).cast(), vector);
        } else if len >= 8 {
            to.cast::<u64>().write_unaligned(word);
            to.add(len - 8).cast::<u64>().write_unaligned(word);
        } else if len >= 4 {
            to.cast::<u32>().write_unaligned(word as u32);
            to.add(len - 4).cast::<u32>().write_unaligned(word as u32);
        } else if len > 0 {
            to.write(byte);
            to.add(len / 2).write(byte);
            to.add(len - 1).write(byte);
        }
    }
    to
}

/// As C has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: each load lies within `len` bytes.
    unsafe {
        if len < 8 {
            return compare_short(left, right, len);
        }
        let word = |at: usize| {
            order(left.add(at).cast::<u64>().read_unaligned(), right.add(at).cast::<u64>().read_unaligned())
        };
        let mut at = 0;
        while at + 8 < len {
            let order = word(at);
            if order != 0 {
                return order;
            }
            at += 8;
        }
        word(len - 8)
    }
}

/// As C has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: as the caller's.
    unsafe { memcmp(left, right, len) }
}

/// Fewer than 8 bytes.
unsafe fn compare_short(left: *const u8, right: *const u8, len: usize) -> i32 {
    // SAFETY: as the caller's.
    let word = |bytes: *const u8| unsafe {
        if len >= 4 {
            let (first, last) =
                (bytes.cast::<u32>().read_unaligned(), bytes.add(len - 4).cast::<u32>().read_unaligned());
            u64::from(first.to_be()) << 32 | u64::from(last.to_be())
        } else if len > 0 {
            let [first, middle, last] = [0, len / 2, len - 1].map(|at| u64::from(*bytes.add(at)));
            first << 16 | middle << 8 | last
        } else {
            0
        }
    };
    let (left, right) = (word(left), word(right));
    i32::from(left > right) - i32::from(left < right)
}

/// That of eight bytes each, as they stand in memory.
fn order(left: u64, right: u64) -> i32 {
    let (left, right) = (left.to_be(), right.to_be());
    i32::from(left > right) - i32::from(left < right)
}

/// At most [`ROUND`] bytes, which may overlap.
unsafe fn copy_short(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: as the caller's; all is loaded before any is stored.
    unsafe {
        if len > 2 * VECTOR {
            let (first, second) = (vector(from), vector(from.add(VECTOR)));
            let (third, last) = (vector(from.add(len - 2 * VECTOR)), vector(from.add(len - VECTOR)));
            v128_store(to.cast(), first);
            v128_store(to.add(VECTOR).cast(), second);
            v128_store(to.add(len - 2 * VECTOR).cast(), third);
            v128_store(to.add(len - VECTOR).cast(), last);
        } else if len >= VECTOR {
            let (first, last) = (vector(from), vector(from.add(len - VECTOR)));
            v128_store(to.cast(), first);
            v128_store(to.add(len - VECTOR).cast(), last);
        } else if len >= 8 {
            let (first, last) = (from.cast::<u64>().read_unaligned(), from.add(len - 8).cast::<u64>().read_unaligned());
            to.cast::<u64>().write_unaligned(first);
            to.add(len - 8).cast::<u64>().write_unaligned(last);
        } else if len >= 4 {
            let (first, last) = (from.cast::<u32>().read_unaligned(), from.add(len - 4).cast::<u32>().read_unaligned());
            to.cast::<u32>().write_unaligned(first);
            to.add(len - 4).cast::<u32>().write_unaligned(last);
        } else if len > 0 {
            let (first, middle, last) = (*from, *from.add(len / 2), *from.add(len - 1));
            to.write(first);
            to.add(len / 2).write(middle);
            to.add(len - 1).write(last);
        }
    }
}

/// More than [`ROUND`] bytes, to a place that does not begin within them.
unsafe fn copy_up(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: as the caller's; the end is loaded before it can be overwritten.
    unsafe {
        let end = load(from.add(len - ROUND));
        let mut at = 0;
        while at + ROUND < len {
            let round = load(from.add(at));
            store(to.add(at), round);
            at += ROUND;
        }
        store(to.add(len - ROUND), end);
    }
}

/// More than [`ROUND`] bytes, to a place that begins within them.
unsafe fn copy_down(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: as the caller's; the beginning is loaded before it can be overwritten.
    unsafe {
        let begin = load(from);
        let mut end = len;
        while end > ROUND {
            end -= ROUND;
            let round = load(from.add(end));
            store(to.add(end), round);
        }
        store(to, begin);
    }
}

unsafe fn vector(from: *const u8) -> v128 {
    // SAFETY: as the caller's; vectors need no alignment.
    unsafe { v128_load(from.cast()) }
}

unsafe fn load(from: *const u8) -> [v128; 4] {
    // SAFETY: as the caller's.
    unsafe { [vector(from), vector(from.add(VECTOR)), vector(from.add(2 * VECTOR)), vector(from.add(3 * VECTOR))] }
}

unsafe fn store(to: *mut u8, round: [v128; 4]) {
    // SAFETY: as the caller's.
    unsafe {
        for (number, vector) in round.into_iter().enumerate() {
            v128_store(to.add(number * VECTOR).cast(), vector);
        }
    }
}
