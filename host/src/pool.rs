//! How many instances fit on this machine, and whether its memory can be swapped out.

use std::{fs, path::Path};

/// The pool's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Instances at once.
    pub(crate) slots: u32,
    /// Bytes of linear memory that one may have.
    pub(crate) memory_bytes: usize,
    /// Whether the kernel may swap a slot's pages out.
    pub(crate) may_swap: bool,
}

/// Fewer would make one slow upstream stop the node.
const SLOTS_MIN: u64 = 8;
/// More would pass the kernel's default for mappings of a process (65,530) at several a slot, and the 39 bits of
/// address space of a small ARM board at 4 GiB a slot are checked apart.
const SLOTS_MAX: u64 = 1_000;
/// Address space that one slot reserves: 4 GiB of memory, guards, and the stack.
const SLOT_ADDRESS_SPACE: u64 = 9 << 30;

impl Pool {
    /// A pool whose slots, were all of them full, would fill half of the memory that the process may use.
    pub(crate) fn for_this_machine(slots: Option<u32>, memory_bytes: usize) -> Self {
        let by_memory = available_memory().unwrap_or(1 << 30) / 2 / memory_bytes.max(1) as u64;
        let by_address_space = (1 << (address_bits() - 1)) / SLOT_ADDRESS_SPACE;
        let fitting = by_memory.clamp(SLOTS_MIN, SLOTS_MAX).min(by_address_space);
        let slots = slots.unwrap_or_else(|| u32::try_from(fitting).unwrap_or(u32::MAX)).max(1);
        Self { slots, memory_bytes, may_swap: may_swap() }
    }
}

/// The machine's memory or the control group's bound, whichever is less.
fn available_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_total(&text));
    let group = own_cgroup_file("memory.max").and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(group).min()
}

fn meminfo_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Swap exists, zram included, and the control group does not forbid it. Unknown counts as yes.
fn may_swap() -> bool {
    let machine_has_swap = fs::read_to_string("/proc/swaps").map_or(true, |text| text.lines().count() > 1);
    let group_forbids = own_cgroup_file("memory.swap.max").is_some_and(|text| text.trim() == "0");
    machine_has_swap && !group_forbids
}

/// A file of the process's own control group (version 2).
fn own_cgroup_file(name: &str) -> Option<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    fs::read_to_string(Path::new("/sys/fs/cgroup").join(own).join(name)).ok()
}

/// Bits of a user-space address: 47 on x86-64; on 64-bit ARM as few as 39.
fn address_bits() -> u32 {
    if cfg!(target_arch = "x86_64") { 47 } else { 39 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_notation() {
        assert_eq!(meminfo_total("MemFree: 1 kB\nMemTotal:       16 kB\n"), Some(16 << 10));
        assert_eq!(meminfo_total("MemTotal: many kB"), None);
        assert_eq!(meminfo_total(""), None);
    }

    #[test]
    fn a_pool_has_slots_whatever_is_asked() {
        assert_eq!(Pool::for_this_machine(Some(0), 1 << 20).slots, 1);
        assert_eq!(Pool::for_this_machine(Some(3), 1 << 20).slots, 3);
        let fitting = u64::from(Pool::for_this_machine(None, usize::MAX).slots);
        assert_eq!(fitting, SLOTS_MIN);
        let fitting = u64::from(Pool::for_this_machine(None, 0).slots);
        assert!(fitting <= SLOTS_MAX);
    }
}
