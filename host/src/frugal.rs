//! Having an instance's memory take only those pages that are needed. A page that is read for the first time comes with up to 15
//! around it, from the file that all instances share, and the kernel counts each for every instance; not in a memory that is
//! registered for userfaultfd's asynchronous write protection (Linux 6.7 and later; `man 2 userfaultfd`), though no page of it is ever
//! protected. Each page then costs a fault of its own. Where it may not be used, all works without.

use rustix::{
    ioctl::{Opcode, Updater, ioctl, opcode},
    mm::{UserfaultfdFlags, userfaultfd},
};
use std::{io, os::fd::OwnedFd, sync::Arc};

/// Needs no privilege, and takes no faults of the kernel's own, of which there are none to take.
const USER_MODE_ONLY: u32 = 1;
/// The version of the interface.
const API: u64 = 0xaa;
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

/// What makes memories frugal.
#[derive(Clone, Debug)]
pub(crate) struct Frugality(Arc<OwnedFd>);

/// A memory that is frugal until this is dropped.
#[derive(Debug)]
pub(crate) struct Frugal {
    frugality: Frugality,
    range: MemoryRange,
}

#[expect(unsafe_code, reason = "system calls that no library wraps")]
impl Frugality {
    /// Fails where the kernel cannot, or this process may not.
    pub(crate) fn open() -> io::Result<Self> {
        let flags = UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::from_bits_retain(USER_MODE_ONLY);
        // SAFETY: nothing can be done with the descriptor but what is below.
        let descriptor = unsafe { userfaultfd(flags) }?;
        let mut api = Api { api: API, features: FEATURE_WP_ASYNC, ioctls: 0 };
        // SAFETY: the argument is the structure that this call is defined with.
        unsafe { ioctl(&descriptor, Updater::<UFFDIO_API, Api>::new(&mut api)) }?;
        Ok(Self(Arc::new(descriptor)))
    }

    /// For a memory that stays mapped until the result is dropped.
    pub(crate) fn register(&self, memory: &[u8]) -> io::Result<Frugal> {
        let range = MemoryRange { start: memory.as_ptr().addr() as u64, len: memory.len() as u64 };
        let mut register = Register { range, mode: REGISTER_MODE_WP, ioctls: 0 };
        // SAFETY: the argument is the structure that this call is defined with; what is protected in this mode, and nothing
        // is, can be written to as before.
        unsafe { ioctl(&*self.0, Updater::<UFFDIO_REGISTER, Register>::new(&mut register)) }?;
        Ok(Frugal { frugality: self.clone(), range })
    }
}

#[expect(unsafe_code, reason = "system calls that no library wraps")]
impl Drop for Frugal {
    fn drop(&mut self) {
        // SAFETY: the argument is the structure that this call is defined with, and the range was registered.
        let ended =
            unsafe { ioctl(&*self.frugality.0, Updater::<UFFDIO_UNREGISTER, MemoryRange>::new(&mut self.range)) };
        if let Err(error) = ended {
            // The memory works as before.
            tracing::warn!(%error, "a memory is frugal beyond its instance");
        }
    }
}
