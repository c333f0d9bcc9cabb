//! What the host uses of the guest's exports: its memory, and the allocator by which the host gives it messages.

use picloud_abi::Packed;
use wasmtime::{AsContextMut, Memory, TypedFunc, format_err};

/// What the host uses of the guest's exports.
#[derive(Clone)]
pub(crate) struct Exports {
    pub(crate) memory: Memory,
    pub(crate) alloc: TypedFunc<u32, u32>,
}

impl Exports {
    /// The bytes of the guest's memory at `place`.
    pub(crate) fn bytes<'a, T: 'static>(
        &self,
        store: impl Into<wasmtime::StoreContext<'a, T>>,
        place: Packed,
    ) -> wasmtime::Result<&'a [u8]> {
        let start = place.ptr as usize;
        let range = start..start.saturating_add(place.len as usize);
        self.memory.data(store).get(range).ok_or_else(|| format_err!("the guest named a place outside its memory"))
    }

    /// Writes bytes to a place that the guest sets aside.
    pub(crate) async fn give<T: Send + 'static>(
        &self,
        mut store: impl AsContextMut<Data = T>,
        bytes: &[u8],
    ) -> wasmtime::Result<Packed> {
        let len = u32::try_from(bytes.len())?;
        let ptr = self.alloc.call_async(&mut store, len).await?;
        self.memory.write(&mut store, ptr as usize, bytes)?;
        Ok(Packed { ptr, len })
    }
}
