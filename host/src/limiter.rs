//! The bound on an instance's linear memory.

use wasmtime::ResourceLimiter;

/// The instance asked for more memory than it may have; it traps with this.
#[derive(Debug, thiserror::Error)]
#[error("the instance asked for more memory than its limit")]
pub(crate) struct MemoryLimitPassed;

#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    pub(crate) limit: usize,
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // A trap rather than a refused growth: the guest could do nothing with it but abort.
        if desired <= self.limit { Ok(true) } else { Err(wasmtime::Error::new(MemoryLimitPassed)) }
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // The table holds the guest's functions; nothing that the guest does grows it.
        Ok(true)
    }
}
