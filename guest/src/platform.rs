//! The way out of the guest: its two imports, and the messages that cross. The only unsafe code of the
//! guest beside the allocator and what copies bytes.

use picloud_abi::{Packed, decode, encode, seam};
use serde::de::DeserializeOwned;
use std::{mem::MaybeUninit, ptr};

mod import {
    #[link(wasm_import_module = "picloud")]
    unsafe extern "C" {
        /// Takes an encoded request, writes the encoded answer to `answer` if it fits into `room` bytes, and tells how
        /// many it has. An answer that did not fit is kept, and brought by the next call whose request is empty.
        pub fn call(request: *const u8, len: usize, answer: *mut u8, room: usize) -> usize;
        /// The fuel that is left.
        pub fn fuel() -> i64;
    }
}

/// Room for an answer on the stack; most need a few bytes.
const SHORT_ANSWER: usize = 256;

/// Asks the platform.
pub fn call(request: &seam::Request) -> seam::Answer {
    let request = encode(request);
    let mut short = [MaybeUninit::<u8>::uninit(); SHORT_ANSWER];
    // SAFETY: the host reads exactly the bytes given, and writes no more than there is room for.
    let len = unsafe { import::call(request.as_ptr(), request.len(), short.as_mut_ptr().cast(), short.len()) };
    if len <= short.len() {
        // SAFETY: the host has written so many bytes.
        return answer(unsafe { std::slice::from_raw_parts(short.as_ptr().cast(), len) });
    }
    let mut long = Vec::with_capacity(len);
    // SAFETY: there is room for the whole answer, which the host writes now.
    unsafe {
        import::call(ptr::null(), 0, long.as_mut_ptr(), len);
        long.set_len(len);
    }
    answer(&long)
}

fn answer(bytes: &[u8]) -> seam::Answer {
    decode(bytes).unwrap_or_else(|error| {
        seam::Answer::Refused(seam::Refusal { code: seam::RefusalCode::Unavailable, message: broken(error) })
    })
}

/// The fuel that is left.
pub fn fuel() -> u64 {
    // SAFETY: it takes nothing and touches no memory.
    unsafe { import::fuel() }.max(0).unsigned_abs()
}

/// Gives bytes to the host: they stay where they are until the host discards the memory.
pub fn leak(bytes: Vec<u8>) -> Packed {
    let bytes = bytes.leak();
    Packed { ptr: bytes.as_ptr() as u32, len: bytes.len() as u32 }
}

/// Sets aside a place for the host to write a message into.
pub fn set_aside(len: usize) -> *mut u8 {
    let mut place = Vec::<u8>::with_capacity(len);
    let start = place.as_mut_ptr();
    std::mem::forget(place);
    start
}

/// Reads a message that the host wrote to a place set aside, and gives the place back.
pub fn take<T: DeserializeOwned>(ptr: u32, len: u32) -> Result<T, String> {
    // SAFETY: the host passes what `set_aside` gave it, once, with the length that it asked for and has written.
    let bytes = unsafe { Vec::from_raw_parts(ptr as *mut u8, len as usize, len as usize) };
    decode(&bytes).map_err(broken)
}

/// Reads a message that the host wrote to a place set aside, which stays so: all is discarded soon.
pub fn read<T: DeserializeOwned>(ptr: u32, len: u32) -> Result<T, String> {
    // SAFETY: the host passes a place that `set_aside` gave it, of at least this length, which it has written.
    decode(unsafe { std::slice::from_raw_parts(ptr as *const u8, len as usize) }).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> String {
    format!("a message of the platform is broken: {error}")
}

/// Makes a panic of the interpreter tell the platform its message before it traps.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        call(&seam::Request::Fault(panic.to_string()));
    }));
}
