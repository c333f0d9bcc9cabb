//! Two cores of this machine: one for what is measured, one for the load.

use anyhow::{Context, Result, bail};
use std::fs;

/// Their numbers.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

/// The first two that this process may use.
pub(crate) fn two() -> Result<Cores> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let cores = numbers(list.context("/proc/self/status names no cores")?.trim())?;
    match cores[..] {
        [server, load, ..] => Ok(Cores { server, load }),
        _ => bail!("this benchmark needs two cores, one for the server and one for the load; there is one"),
    }
}

/// The kernel's notation: `0-3,8`.
fn numbers(list: &str) -> Result<Vec<usize>> {
    let mut all = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        all.extend(first.parse::<usize>()?..=last.parse()?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_notation() {
        assert_eq!(numbers("0-2,8,10-11").ok(), Some(vec![0, 1, 2, 8, 10, 11]));
        assert_eq!(numbers("5").ok(), Some(vec![5]));
        assert!(numbers("").is_err());
    }
}
