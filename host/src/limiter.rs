//! The bounds on an instance's linear memory: its own, and the node's.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use wasmtime::ResourceLimiter;

/// The instance asked for more memory than it may have; it traps with this.
#[derive(Debug, thiserror::Error)]
#[error("the instance asked for more memory than its limit")]
pub(crate) struct MemoryLimitPassed;

/// The node has no more memory for instances to grow by; the instance traps with this.
#[derive(Debug, thiserror::Error)]
#[error("the node has no more memory for its instances")]
pub(crate) struct NodeMemoryTaken;

/// Bytes by which the node's instances may still grow, all together.
#[derive(Clone, Debug)]
pub(crate) struct NodeMemory(Arc<AtomicUsize>);

impl NodeMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    fn take(&self, bytes: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    pub(crate) limit: usize,
    node: NodeMemory,
    taken: usize,
}

impl MemoryLimiter {
    pub(crate) fn new(limit: usize, node: NodeMemory) -> Self {
        Self { limit, node, taken: 0 }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // A trap rather than a refused growth: the guest could do nothing with it but abort.
        if desired > self.limit {
            return Err(wasmtime::Error::new(MemoryLimitPassed));
        }
        // What an instance begins with is reckoned with its slot.
        let more = if current == 0 { 0 } else { desired.saturating_sub(current) };
        if !self.node.take(more) {
            return Err(wasmtime::Error::new(NodeMemoryTaken));
        }
        self.taken += more;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // The table holds the guest's functions; nothing that the guest does grows it.
        Ok(true)
    }
}

impl Drop for MemoryLimiter {
    fn drop(&mut self) {
        self.node.give_back(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_bounded_for_one_and_for_all_and_given_back() {
        let node = NodeMemory::new(150);
        let mut first = MemoryLimiter::new(120, node.clone());
        assert!(first.memory_growing(0, 100, None).unwrap(), "what an instance begins with is not growth");
        assert!(first.memory_growing(100, 120, None).unwrap());
        let refused = first.memory_growing(120, 121, None).unwrap_err();
        assert!(refused.downcast_ref::<MemoryLimitPassed>().is_some());
        let mut second = MemoryLimiter::new(1_000, node.clone());
        let refused = second.memory_growing(100, 231, None).unwrap_err();
        assert!(refused.downcast_ref::<NodeMemoryTaken>().is_some());
        drop(first);
        assert!(second.memory_growing(100, 231, None).unwrap());
        drop(second);
        assert!(node.take(150));
    }
}
