//! Having the kernel note which pages of a memory are written to: userfaultfd's asynchronous write protection (Linux 6.7
//! and later; `man 2 userfaultfd`). No fault ever comes to this process: the kernel clears the protection of a page at
//! the first write and goes on. It makes finding written pages several times faster, and tells those that a program's
//! image took from those that were written to later. Where it may not be used, all works without.

use rustix::{
    ioctl::{Opcode, Updater, ioctl, opcode},
    mm::{UserfaultfdFlags, userfaultfd},
};
use std::{io, os::fd::OwnedFd, sync::Arc};

/// Needs no privilege, and takes no faults of the kernel's own, of which there are none to take.
const USER_MODE_ONLY: u32 = 1;
/// The version of the interface.
const API: u64 = 0xaa;
const FEATURE_WP_UNPOPULATED: u64 = 1 << 13;
const FEATURE_WP_ASYNC: u64 = 1 << 15;
const REGISTER_MODE_WP: u64 = 1 << 1;

/// `struct uffdio_api`.
#[repr(C)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

/// `struct uffdio_range`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct MemoryRange {
    start: u64,
    len: u64,
}

/// `struct uffdio_register`.
#[repr(C)]
struct Register {
    range: MemoryRange,
    mode: u64,
    ioctls: u64,
}

const UFFDIO_API: Opcode = opcode::read_write::<Api>(0xaa, 0x3f);
const UFFDIO_REGISTER: Opcode = opcode::read_write::<Register>(0xaa, 0x00);
const UFFDIO_UNREGISTER: Opcode = opcode::read::<MemoryRange>(0xaa, 0x01);

/// What tracks memories.
#[derive(Clone, Debug)]
pub(crate) struct Tracker(Arc<OwnedFd>);

/// A memory whose writes can be tracked, until this is dropped: from when its pages are protected on.
///
/// Until then it serves another end. A page that is read for the first time comes with up to 15 around it, from the file
/// that all instances share, and the kernel counts each for every instance; not where writes can be tracked.
#[derive(Debug)]
pub(crate) struct Tracked {
    tracker: Tracker,
    range: MemoryRange,
    /// Whether its pages were protected.
    pub(super) protected: bool,
}

#[expect(unsafe_code, reason = "system calls that no library wraps")]
impl Tracker {
    /// Fails where the kernel cannot, or this process may not.
    pub(crate) fn open() -> io::Result<Self> {
        let flags = UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::from_bits_retain(USER_MODE_ONLY);
        // SAFETY: nothing can be done with the descriptor but what is below.
        let descriptor = unsafe { userfaultfd(flags) }?;
        let mut api = Api { api: API, features: FEATURE_WP_UNPOPULATED | FEATURE_WP_ASYNC, ioctls: 0 };
        // SAFETY: the argument is the structure that this call is defined with.
        unsafe { ioctl(&descriptor, Updater::<UFFDIO_API, Api>::new(&mut api)) }?;
        Ok(Self(Arc::new(descriptor)))
    }

    /// For a memory that stays mapped until the result is dropped.
    pub(crate) fn register(&self, memory: &[u8]) -> io::Result<Tracked> {
        let range = MemoryRange { start: memory.as_ptr().addr() as u64, len: memory.len() as u64 };
        let mut register = Register { range, mode: REGISTER_MODE_WP, ioctls: 0 };
        // SAFETY: the argument is the structure that this call is defined with; what is protected in this mode can be
        // written to as before.
        unsafe { ioctl(&*self.0, Updater::<UFFDIO_REGISTER, Register>::new(&mut register)) }?;
        Ok(Tracked { tracker: self.clone(), range, protected: false })
    }
}

impl Tracked {
    /// Whether writes are noted already.
    pub(crate) fn notes_writes(&self) -> bool {
        self.protected
    }
}

#[expect(unsafe_code, reason = "system calls that no library wraps")]
impl Drop for Tracked {
    fn drop(&mut self) {
        // SAFETY: the argument is the structure that this call is defined with, and the range was registered.
        let ended = unsafe { ioctl(&*self.tracker.0, Updater::<UFFDIO_UNREGISTER, MemoryRange>::new(&mut self.range)) };
        if let Err(error) = ended {
            // The memory works as before; only its writes go on being noted, for nobody.
            tracing::warn!(%error, "a memory is tracked beyond its instance");
        }
    }
}
