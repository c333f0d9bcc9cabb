//! What a script's invocations come to, by the minute: what is counted of each, whether or not its record is kept.

use crate::{api::Totals, histogram::Histogram, time::TimestampMs};
use std::collections::BTreeMap;

/// Milliseconds of a minute.
pub const MINUTE: i64 = 60_000;
/// Milliseconds of an hour.
pub const HOUR: i64 = 60 * MINUTE;

/// Minutes that a tally has apart. While it waits for a database that is away, older ones are told as one, so that it stays
/// small.
const MINUTES: usize = 16;

/// Sums over invocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many there were.
    pub requests: i64,
    /// How many of them failed.
    pub errors: i64,
    /// Fuel burnt.
    pub fuel: i64,
    /// Wall time, in microseconds.
    pub duration_us: i64,
    /// The most memory that one of them had, in bytes.
    pub memory_bytes: i64,
    /// How their wall times are spread, in microseconds.
    pub latency: Histogram,
}

/// What is counted of one invocation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// When it began.
    pub at: TimestampMs,
    /// Whether it failed.
    pub failed: bool,
    /// Fuel burnt.
    pub fuel: u64,
    /// Wall time in microseconds.
    pub duration_us: u64,
    /// Peak of linear memory.
    pub memory_bytes: u64,
    /// Log lines that were not kept.
    pub logs_dropped: u32,
    /// Whether another script called it.
    pub called: bool,
}

/// What some of a script's invocations come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that no script called, by the start of the minute in which they began. They alone count for the app: the fuel
    /// of who calls includes that of what it calls.
    pub own: BTreeMap<TimestampMs, Sums>,
    /// Those that other scripts called.
    pub called: BTreeMap<TimestampMs, Sums>,
    /// Records that were not kept.
    pub dropped_records: i64,
    /// Log lines that were not kept.
    pub dropped_logs: i64,
}

impl Sums {
    fn add(&mut self, one: &Counted) {
        self.requests += 1;
        self.errors += i64::from(one.failed);
        self.fuel = self.fuel.saturating_add(number(one.fuel));
        self.duration_us = self.duration_us.saturating_add(number(one.duration_us));
        self.memory_bytes = self.memory_bytes.max(number(one.memory_bytes));
        self.latency.add(one.duration_us);
    }

    /// Adds up.
    pub fn merge(&mut self, more: &Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.errors = self.errors.saturating_add(more.errors);
        self.fuel = self.fuel.saturating_add(more.fuel);
        self.duration_us = self.duration_us.saturating_add(more.duration_us);
        self.memory_bytes = self.memory_bytes.max(more.memory_bytes);
        self.latency.merge(&more.latency);
    }
}

impl Tally {
    /// What one invocation comes to.
    pub fn of(one: &Counted) -> Self {
        let mut tally = Self::default();
        tally.add(one);
        tally
    }

    /// Counts one invocation.
    pub fn add(&mut self, one: &Counted) {
        self.dropped_logs += i64::from(one.logs_dropped);
        let minutes = if one.called { &mut self.called } else { &mut self.own };
        minutes.entry(one.at - one.at.rem_euclid(MINUTE)).or_default().add(one);
        if minutes.len() > MINUTES
            && let Some((_, oldest)) = minutes.pop_first()
            && let Some(mut next) = minutes.first_entry()
        {
            next.get_mut().merge(&oldest);
        }
    }

    /// All of it together.
    pub fn totals(&self) -> Totals {
        let mut totals =
            Totals { dropped_records: self.dropped_records, dropped_logs: self.dropped_logs, ..Totals::default() };
        for sums in self.own.values().chain(self.called.values()) {
            totals.invocations = totals.invocations.saturating_add(sums.requests);
            totals.failures = totals.failures.saturating_add(sums.errors);
            totals.fuel = totals.fuel.saturating_add(sums.fuel);
            totals.duration_us = totals.duration_us.saturating_add(sums.duration_us);
        }
        totals
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: TimestampMs) -> Counted {
        Counted { at, failed: at % 2 == 1, fuel: 10, duration_us: 5, memory_bytes: 3, ..Counted::default() }
    }

    #[test]
    fn each_counts_in_the_minute_in_which_it_began() {
        let mut tally = Tally::default();
        [0, MINUTE - 1, MINUTE, -1].iter().for_each(|&time| tally.add(&at(time)));
        tally.add(&Counted { called: true, logs_dropped: 7, ..at(1) });
        let counts: Vec<_> = tally.own.iter().map(|(minute, sums)| (*minute, sums.requests, sums.errors)).collect();
        assert_eq!(counts, [(-MINUTE, 1, 0), (0, 2, 1), (MINUTE, 1, 0)]);
        assert_eq!(tally.called[&0].requests, 1);
        let expected =
            Totals { invocations: 5, failures: 2, fuel: 50, duration_us: 25, dropped_logs: 7, ..tally.totals() };
        assert_eq!((tally.totals(), tally.dropped_records), (expected, 0));
    }

    #[test]
    fn however_long_it_waits_it_stays_small_and_loses_nothing() {
        let mut tally = Tally::default();
        (0..1_000).for_each(|minute| tally.add(&at(minute * MINUTE)));
        assert_eq!(tally.own.len(), MINUTES);
        assert_eq!((tally.totals().invocations, tally.totals().fuel), (1_000, 10_000));
        assert_eq!(tally.own.values().map(|sums| sums.latency.count()).sum::<u64>(), 1_000);
    }
}
