//! How many instances fit on this machine, and whether the kernel can tell which of their pages were written to.

use crate::{
    host::{PageMapScan, Settings},
    writes::Writes,
};
use std::{fs, path::Path};

/// The pool's shape.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Invocations at once.
    pub(crate) slots: u32,
    /// Instances kept between invocations, in slots of their own.
    pub(crate) kept: u32,
    /// Bytes of linear memory that one may have.
    pub(crate) memory_bytes: usize,
    /// Bytes by which all of them together may grow beyond what they begin with.
    pub(crate) growth_bytes: usize,
    /// What tells which pages were written to; without it no instance is kept.
    pub(crate) writes: Option<Writes>,
}

/// Fewer would make one slow upstream stop the node.
const SLOTS_MIN: u64 = 8;
/// More would be of no use to two cores, or twenty.
const SLOTS_MAX: u64 = 10_000;
/// What a slot is reckoned at, as most invocations touch less; what instances grow by is counted as it happens.
const SLOT_BYTES: u64 = 1 << 20;
/// Address space that one slot reserves: 4 GiB of memory, its guard, and the stack.
const SLOT_ADDRESS_SPACE: u64 = 5 << 30;
/// Instances kept between invocations: enough for the programs that are busy at one time, at a few hundred KiB each.
const KEPT: u32 = 64;

impl Pool {
    pub(crate) fn for_this_machine(settings: &Settings) -> Self {
        let half = available_memory().unwrap_or(1 << 30) / 2;
        let by_memory = half / SLOT_BYTES;
        let by_address_space = (1 << (address_bits() - 1)) / SLOT_ADDRESS_SPACE;
        let fitting = by_memory.clamp(SLOTS_MIN, SLOTS_MAX).min(by_address_space);
        let slots = settings.slots.unwrap_or_else(|| u32::try_from(fitting).unwrap_or(u32::MAX)).max(1);
        let writes = writes(settings.page_map_scan);
        let kept = if writes.is_some() { KEPT } else { 0 };
        // One instance may always have what it is promised.
        let growth_bytes = usize::try_from(half).unwrap_or(usize::MAX).max(settings.memory);
        Self { slots, kept, memory_bytes: settings.memory, growth_bytes, writes }
    }
}

/// The page map, where it may be relied on. A page that is swapped out while it is scanned, or brought in again, must
/// not be missed; so not where pages can be swapped out at all.
fn writes(scan: PageMapScan) -> Option<Writes> {
    if scan == PageMapScan::Off {
        tracing::info!("each invocation gets a new instance: the page map is not to be used");
        return None;
    }
    if may_swap() {
        tracing::warn!(
            "each invocation gets a new instance, which takes longer, because this machine can swap; \
             forbid that to PiCloud, as systemd's MemorySwapMax=0 does"
        );
        return None;
    }
    Writes::open()
        .inspect_err(|error| {
            tracing::warn!(
                %error,
                "each invocation gets a new instance, which takes longer: this kernel (before Linux 6.7?) cannot scan \
                 the page map"
            );
        })
        .ok()
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
        let slots = |slots| Pool::for_this_machine(&Settings { slots, ..Settings::default() }).slots;
        assert_eq!((slots(Some(0)), slots(Some(3))), (1, 3));
        assert!((SLOTS_MIN..=SLOTS_MAX).contains(&u64::from(slots(None))));
    }

    #[test]
    fn nothing_is_kept_without_a_page_map() {
        let settings = Settings { page_map_scan: PageMapScan::Off, ..Settings::default() };
        let pool = Pool::for_this_machine(&settings);
        assert!(pool.writes.is_none() && pool.kept == 0);
    }
}
