//! How long to wait after a failed attempt: four times as long each time, and not all at once.

use std::time::Duration;

const FACTOR: u32 = 4;
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The wait after the attempt of this number, counted from 1. `random` chooses between half of it and all of it, so that
/// what failed together does not come back together.
pub(super) fn wait(first: Duration, attempt: u32, random: u32) -> Duration {
    let factor = FACTOR.saturating_pow(attempt.saturating_sub(1));
    let whole = first.saturating_mul(factor).min(LONGEST);
    whole.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_an_hour() {
        let first = Duration::from_secs(1);
        let waits = [1, 2, 3, 4, 7, u32::MAX].map(|attempt| wait(first, attempt, u32::MAX).as_secs());
        assert_eq!(waits, [1, 4, 16, 64, 3_600, 3_600]);
        assert_eq!(wait(first, 2, 0), Duration::from_secs(2));
    }

    proptest::proptest! {
        #[test]
        fn every_wait_is_between_half_and_all(first in 1..3_600_000_u64, attempt: u32, random: u32) {
            let first = Duration::from_millis(first);
            let (least, most) = (wait(first, attempt, 0), wait(first, attempt, u32::MAX));
            let wait = wait(first, attempt, random);
            proptest::prop_assert!(least <= wait && wait <= most && most <= LONGEST);
            proptest::prop_assert!(most >= least * 2 - Duration::from_nanos(2));
        }
    }
}
