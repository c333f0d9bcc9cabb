//! What the machine and the control groups around this process allow it.

use std::{fs, path::Path};

/// The machine's memory or a control group's bound, whichever is less.
pub(crate) fn available_memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_total(&text));
    let groups = control_group_files("memory.max").into_iter().filter_map(|text| text.trim().parse().ok());
    machine.into_iter().chain(groups).min()
}

fn meminfo_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

/// A file of the process's own control group (version 2) and of those around it.
fn control_group_files(name: &str) -> Vec<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let read = |group: &Path| fs::read_to_string(Path::new("/sys/fs/cgroup").join(group).join(name)).ok();
    Path::new(own).ancestors().filter_map(read).collect()
}

/// Bits of a user-space address: 47 on x86-64, 39 to 48 on 64-bit ARM. Stacks lie at the upper end of it.
pub(crate) fn address_bits() -> u32 {
    let here = 0u8;
    let address = std::ptr::from_ref(std::hint::black_box(&here)).addr();
    usize::BITS - address.leading_zeros()
}

/// How many mappings a process may have; the kernel's default where it cannot be read.
pub(crate) fn mappings() -> u64 {
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
    fn addresses_have_as_many_bits_as_any_kernel_gives() {
        assert!((39..=57).contains(&address_bits()), "{}", address_bits());
    }
}
