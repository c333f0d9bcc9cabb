//! How often somebody may be wrong about a password: budgets, for each account and for each address, which failures use up
//! and time fills again. They are in memory, of a fixed size, and need no timer.
//!
//! Budgets are found by a hash that is different in each process. So an account may share one with another, one of thousands
//! with a given other, and nobody can choose which. That is the price of a bound: a map would need to forget somebody when
//! it is full, and whoever fills it would choose whom.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// So many failures at once, for an address: as many as people behind one make; then one a minute.
const ADDRESS: Rule = Rule { burst: 20, interval: Duration::from_secs(60) };
/// The same for an account. More than for an address, so that nobody keeps another out from one address alone.
const ACCOUNT: Rule = Rule { burst: 60, interval: Duration::from_secs(10) };
/// Failures that are kept in the audit log.
const NOTES: Rule = Rule { burst: 100, interval: Duration::from_secs(60) };
/// Attempts at one account at a time, be they right or wrong: hashing takes turns, of which there are few, and whoever knows
/// one password would otherwise take them all, for a right one costs no budget.
const AT_ONCE: u32 = 12;
/// After how long one more may be possible.
const SOON: Duration = Duration::from_secs(1);
/// Budgets of each kind; 256 KiB.
const BUDGETS: usize = 1 << 15;
/// Of an IPv6 address, what one client has not only one of.
const IPV6_NETWORK: u128 = u128::MAX << 64;

/// How large a budget is, and how long it takes for one more.
#[derive(Clone, Copy)]
struct Rule {
    burst: u32,
    interval: Duration,
}

/// All budgets of one kind: for each, the millisecond in which it is full again.
struct Budgets {
    rule: Rule,
    full_at: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// How many attempts at each account there are now; accounts share as they do budgets.
struct UnderWay {
    counts: Box<[AtomicU32]>,
    hasher: RandomState,
}

impl UnderWay {
    fn new() -> Self {
        Self { counts: (0..BUDGETS).map(|_| AtomicU32::new(0)).collect(), hasher: RandomState::new() }
    }

    /// Counts one more, if there is room for it.
    fn begin(&self, whose: impl Hash) -> Option<&AtomicU32> {
        let place = self.hasher.hash_one(whose) % self.counts.len() as u64;
        let count = &self.counts[place as usize];
        let more = |count: u32| Some(count + 1).filter(|&more| more <= AT_ONCE);
        count.fetch_update(Relaxed, Relaxed, more).ok().map(|_| count)
    }
}

impl Budgets {
    fn new(rule: Rule, count: usize) -> Self {
        Self { rule, full_at: (0..count).map(|_| AtomicU64::new(0)).collect(), hasher: RandomState::new() }
    }

    fn of(&self, whose: impl Hash) -> &AtomicU64 {
        // As long as there is one, which `new` is called with.
        let place = self.hasher.hash_one(whose) % self.full_at.len() as u64;
        &self.full_at[place as usize]
    }

    /// Takes one; or says how long it takes until there is one.
    fn take(&self, full_at: &AtomicU64, now: u64) -> Result<(), Duration> {
        let interval = millis(self.rule.interval);
        let latest = now + interval * u64::from(self.rule.burst);
        let next = |full_at: u64| full_at.max(now) + interval;
        let taken =
            full_at.fetch_update(Relaxed, Relaxed, |full_at| Some(next(full_at)).filter(|&next| next <= latest));
        taken.map(drop).map_err(|full_at| Duration::from_millis(next(full_at) - latest))
    }

    fn give_back(&self, full_at: &AtomicU64) {
        let interval = millis(self.rule.interval);
        // The closure never refuses.
        let _ = full_at.fetch_update(Relaxed, Relaxed, |full_at| Some(full_at.saturating_sub(interval)));
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The budgets of one process.
pub(crate) struct Throttle {
    start: Instant,
    accounts: Budgets,
    addresses: Budgets,
    notes: Budgets,
    under_way: UnderWay,
}

/// An attempt that is paid for: it counts as a failure unless it is given back.
#[must_use]
pub(crate) struct Attempt<'t> {
    throttle: &'t Throttle,
    account: Option<&'t AtomicU64>,
    address: &'t AtomicU64,
    under_way: Option<&'t AtomicU32>,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            accounts: Budgets::new(ACCOUNT, BUDGETS),
            addresses: Budgets::new(ADDRESS, BUDGETS),
            notes: Budgets::new(NOTES, 1),
            under_way: UnderWay::new(),
        }
    }

    /// Lets somebody try, from an address, at an account if it is about one, be there such an account or not; or says
    /// after how long they may.
    pub(crate) fn attempt(&self, account: Option<&str>, address: IpAddr) -> Result<Attempt<'_>, Duration> {
        self.attempt_at(account, address, self.now())
    }

    fn attempt_at(&self, account: Option<&str>, address: IpAddr, now: u64) -> Result<Attempt<'_>, Duration> {
        let under_way = match account {
            Some(name) => Some(self.under_way.begin(name).ok_or(SOON)?),
            None => None,
        };
        let account = account.map(|name| self.accounts.of(name));
        let address = self.addresses.of(network(address));
        // Dropped where it is refused, it counts as under way no more.
        let attempt = Attempt { throttle: self, account, address, under_way };
        self.addresses.take(address, now)?;
        if let Some(account) = account
            && let Err(wait) = self.accounts.take(account, now)
        {
            self.addresses.give_back(address);
            return Err(wait);
        }
        Ok(attempt)
    }

    /// Whether one more failure is to be kept in the audit log.
    pub(crate) fn may_note(&self) -> bool {
        self.notes.take(self.notes.of(()), self.now()).is_ok()
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

impl Attempt<'_> {
    /// It was no failure of whoever tried.
    pub(crate) fn give_back(self) {
        self.throttle.addresses.give_back(self.address);
        if let Some(account) = self.account {
            self.throttle.accounts.give_back(account);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.under_way {
            count.fetch_sub(1, Relaxed);
        }
    }
}

/// What an address is counted by: of IPv6, its first half.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many attempts are let through, of so many.
    fn passed(throttle: &Throttle, of: usize, account: Option<&str>, address: &str, now: u64) -> usize {
        (0..of).filter(|_| throttle.attempt_at(account, ip(address), now).is_ok()).count()
    }

    #[test]
    fn an_address_has_so_many_failures_and_one_a_minute() {
        let throttle = Throttle::new();
        assert_eq!(passed(&throttle, 100, None, "192.0.2.1", 0), 20);
        let wait = throttle.attempt_at(None, ip("192.0.2.1"), 15_000).err().unwrap();
        assert_eq!(wait, Duration::from_secs(45));
        assert_eq!(passed(&throttle, 100, None, "192.0.2.1", MINUTE), 1);
        assert_eq!(passed(&throttle, 100, None, "192.0.2.1", 4 * MINUTE), 3);
        // Full again, and no fuller.
        assert_eq!(passed(&throttle, 100, None, "192.0.2.1", 1_000 * MINUTE), 20);
        // The others have their own.
        assert_eq!(passed(&throttle, 100, None, "192.0.2.2", 1_000 * MINUTE), 20);
    }

    #[test]
    fn an_account_has_its_own_whoever_tries() {
        let throttle = Throttle::new();
        let from = |n: usize, now| passed(&throttle, 1, Some("ada"), &format!("192.0.2.{n}"), now);
        let from_many = |now| (0..200).map(|n| from(n, now)).sum::<usize>();
        assert_eq!(from_many(0), 60);
        assert_eq!(from_many(MINUTE), 6);
    }

    #[test]
    fn nobody_keeps_another_out_from_one_address() {
        let throttle = Throttle::new();
        for minute in 0..1_000 {
            passed(&throttle, 100, Some("ada"), "192.0.2.1", minute * MINUTE);
            assert_eq!(passed(&throttle, 1, Some("ada"), "198.51.100.7", minute * MINUTE), 1, "{minute}");
        }
    }

    #[test]
    fn what_is_given_back_counts_for_nothing() {
        let throttle = Throttle::new();
        for _ in 0..1_000 {
            throttle.attempt_at(Some("ada"), ip("192.0.2.1"), 5).ok().unwrap().give_back();
        }
        assert_eq!(passed(&throttle, 100, Some("ada"), "192.0.2.1", 5), 20);
    }

    #[test]
    fn an_account_has_few_attempts_at_once() {
        let throttle = Throttle::new();
        let attempt = |account, n: u32| throttle.attempt_at(Some(account), ip(&format!("192.0.2.{n}")), 0);
        let mut under_way: Vec<_> = (0..AT_ONCE).map(|n| attempt("eve", n).ok().unwrap()).collect();
        for n in AT_ONCE..200 {
            assert_eq!(attempt("eve", n).err(), Some(SOON));
        }
        // Others, of whom there is one that shares its place with eve at most.
        assert!(["ada", "bob"].iter().any(|name| attempt(name, 9).is_ok()));
        // Right or wrong, whoever is done makes room for one.
        under_way.pop().unwrap().give_back();
        under_way.push(attempt("eve", 5).ok().unwrap());
        drop(under_way.pop());
        under_way.push(attempt("eve", 5).ok().unwrap());
        assert!(attempt("eve", 5).is_err());
        // Who was told to come back had nothing taken from them.
        assert_eq!(passed(&throttle, 100, None, "192.0.2.199", 0), 20);
    }

    #[test]
    fn a_refusal_costs_no_other_budget() {
        let throttle = Throttle::new();
        for n in 0..60 {
            assert_eq!(passed(&throttle, 1, Some("ada"), &format!("192.0.2.{n}"), 0), 1);
        }
        assert_eq!(passed(&throttle, 100, Some("ada"), "198.51.100.7", 0), 0);
        assert_eq!(passed(&throttle, 100, None, "198.51.100.7", 0), 20);
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let throttle = Throttle::new();
        let from_many = |prefix: &str| {
            (0..100).filter(|n| passed(&throttle, 1, None, &format!("{prefix}:{n:x}::{n:x}"), 0) == 1).count()
        };
        assert_eq!(from_many("2001:db8:0:1"), 20);
        assert_eq!(from_many("2001:db8:0:2"), 20);
        // As a listener for both families tells of IPv4.
        assert_eq!(
            passed(&throttle, 30, None, "::ffff:192.0.2.9", 0) + passed(&throttle, 30, None, "192.0.2.9", 0),
            20
        );
    }
}
