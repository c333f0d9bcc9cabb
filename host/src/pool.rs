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
/// Mappings of a slot in use: its memory is four (stack, image, heap, the rest that is out of bounds), its native stack
/// two.
const SLOT_MAPPINGS: u64 = 6;
/// Mappings for everything else.
const OTHER_MAPPINGS: u64 = 4_096;
/// Instances kept between invocations: enough for the programs that are busy at one time, at a few hundred KiB each.
const KEPT: u64 = 64;

impl Pool {
    pub(crate) fn for_this_machine(settings: &Settings) -> Self {
        let half = available_memory().unwrap_or(1 << 30) / 2;
        let by_address_space = (1 << (address_bits() - 1)) / SLOT_ADDRESS_SPACE;
        let by_mappings = mappings().saturating_sub(OTHER_MAPPINGS) / SLOT_MAPPINGS;
        let most = by_address_space.min(by_mappings);
        let writes = writes(settings.page_map_scan);
        let kept = if writes.is_some() { KEPT.min(most / 4) } else { 0 };
        let slots = match settings.slots {
            Some(slots) => slots.into(),
            None => (half / SLOT_BYTES).clamp(SLOTS_MIN, SLOTS_MAX).min(most - kept),
        };
        Self {
            slots: u32::try_from(slots).unwrap_or(u32::MAX).max(1),
            kept: u32::try_from(kept).unwrap_or(0),
            memory_bytes: settings.memory,
            // One instance may always have what it is promised.
            growth_bytes: usize::try_from(half).unwrap_or(usize::MAX).max(settings.memory),
            writes,
        }
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

/// The machine's memory or a control group's bound, whichever is less.
fn available_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_total(&text));
    let groups = control_group_files("memory.max").into_iter().filter_map(|text| text.trim().parse().ok());
    machine.into_iter().chain(groups).min()
}

fn meminfo_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

fn may_swap() -> bool {
    swaps(fs::read_to_string("/proc/swaps").ok().as_deref(), &control_group_files("memory.swap.max"))
}

/// Swap exists, zram included, and no control group forbids it. Unknown counts as yes.
fn swaps(machine: Option<&str>, groups: &[String]) -> bool {
    let machine_has_swap = machine.is_none_or(|text| text.lines().count() > 1);
    machine_has_swap && !groups.iter().any(|text| text.trim() == "0")
}

/// A file of the process's own control group (version 2) and of those around it.
fn control_group_files(name: &str) -> Vec<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let read = |group: &Path| fs::read_to_string(Path::new("/sys/fs/cgroup").join(group).join(name)).ok();
    Path::new(own).ancestors().filter_map(read).collect()
}

/// Bits of a user-space address: 47 on x86-64, 39 to 48 on 64-bit ARM. Stacks lie at the upper end of it.
fn address_bits() -> u32 {
    let here = 0u8;
    let address = std::ptr::from_ref(std::hint::black_box(&here)).addr();
    usize::BITS - address.leading_zeros()
}

/// How many mappings a process may have; the kernel's default where it cannot be read.
fn mappings() -> u64 {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    limit.and_then(|text| text.trim().parse().ok()).unwrap_or(65_530)
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
    fn nothing_is_kept_where_memory_may_be_swapped_out() {
        let none = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        let zram = format!("{none}/dev/zram0    partition\t2097148\t\t0\t\t100\n");
        let [unbounded, forbidden] = ["max\n", "0\n"].map(|text| vec![text.to_owned()]);
        assert!(!swaps(Some(none), &unbounded) && !swaps(Some(none), &[]));
        assert!(swaps(Some(&zram), &unbounded) && swaps(Some(&zram), &[]) && swaps(None, &unbounded));
        // A group's bound holds for all groups within it.
        assert!(!swaps(Some(&zram), &forbidden) && !swaps(Some(&zram), &[unbounded, forbidden].concat()));
    }

    #[test]
    fn a_pool_has_slots_whatever_is_asked() {
        let slots = |slots| Pool::for_this_machine(&Settings { slots, ..Settings::default() }).slots;
        assert_eq!((slots(Some(0)), slots(Some(3))), (1, 3));
        assert!((SLOTS_MIN..=SLOTS_MAX).contains(&u64::from(slots(None))));
        assert!((39..=57).contains(&address_bits()), "{}", address_bits());
    }

    #[test]
    fn nothing_is_kept_without_a_page_map() {
        let settings = Settings { page_map_scan: PageMapScan::Off, ..Settings::default() };
        let pool = Pool::for_this_machine(&settings);
        assert!(pool.writes.is_none() && pool.kept == 0);
    }
}
