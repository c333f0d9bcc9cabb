//! The way out of the guest: its two imports, and the messages that cross. The only unsafe code of the guest.

use picloud_abi::{Packed, decode, encode, seam};
use serde::de::DeserializeOwned;

mod import {
    #[link(wasm_import_module = "picloud")]
    unsafe extern "C" {
        /// Takes an encoded request and gives the packed place of the encoded answer, which `alloc` set aside.
        pub fn call(ptr: *const u8, len: usize) -> u64;
        /// The fuel that is left.
        pub fn fuel() -> i64;
    }
}

/// Asks the platform.
pub fn call(request: &seam::Request) -> seam::Answer {
    let request = encode(request);
    // SAFETY: the host reads exactly the bytes given, and what it answers is a place that it got from `alloc`.
    let packed = Packed::from(unsafe { import::call(request.as_ptr(), request.len()) });
    take(packed.ptr, packed.len).unwrap_or_else(|message| {
        seam::Answer::Refused(seam::Refusal { code: seam::RefusalCode::Unavailable, message })
    })
}

/// The fuel that is left.
pub fn fuel() -> u64 {
    // SAFETY: it takes nothing and touches no memory.
    unsafe { import::fuel() }.max(0).unsigned_abs()
}

/// Gives bytes to the host: they stay where they are until the instance is dropped.
pub fn leak(bytes: Box<[u8]>) -> Packed {
    let bytes = Box::leak(bytes);
    Packed { ptr: bytes.as_ptr() as u32, len: bytes.len() as u32 }
}

/// Takes over a message that the host wrote to a place set aside by `alloc`.
pub fn take<T: DeserializeOwned>(ptr: u32, len: u32) -> Result<T, String> {
    let place = std::ptr::slice_from_raw_parts_mut(ptr as *mut u8, len as usize);
    // SAFETY: the host passes only what `alloc` gave it, once, with the length it asked for.
    let bytes = unsafe { Box::from_raw(place) };
    decode(&bytes).map_err(|error| format!("a message of the platform is broken: {error}"))
}

/// Makes a panic of the interpreter tell the platform its message before it traps.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        call(&seam::Request::Fault(panic.to_string()));
    }));
}
