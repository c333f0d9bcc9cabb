//! How many bytes of request bodies a process holds at once, and who has how many of them. Bytes count as they arrive, not as
//! they are announced, and until their request is answered; a body that stays small counts nothing. Nobody may have more than
//! is left, so that one alone gets half, and whoever comes then finds room still.

use crate::limits::{BODIES_BYTES, SMALL_BODY_BYTES};
use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Counts of shares: found by a hash, so that no map grows with what strangers choose. Two may share one, by chance.
const SHARES: usize = 1 << 12;
/// Bytes that are counted at once, so that a body that comes in small pieces costs few steps.
const STEP: usize = 64 << 10;

/// All of a process.
#[derive(Debug)]
pub struct Bodies {
    most: usize,
    used: AtomicUsize,
    shares: Box<[AtomicUsize]>,
    hasher: RandomState,
}

/// One body. What it has is given back when it is dropped.
#[derive(Debug)]
pub struct Body {
    of: Arc<Bodies>,
    share: usize,
    arrived: usize,
    counted: usize,
}

/// Why a body is not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Its sender has as much as is left.
    #[error("as many bytes of requests to this app are on their way as may be; try again in a moment")]
    ForSender,
    /// There is none, whoever asks.
    #[error("as many bytes of requests are on their way to this server as may be; try again in a moment")]
    ForAnybody,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(BODIES_BYTES)
    }
}

impl Bodies {
    /// With so many bytes at most.
    pub fn new(most: usize) -> Self {
        let shares = (0..SHARES).map(|_| AtomicUsize::new(0)).collect();
        Self { most, used: AtomicUsize::new(0), shares, hasher: RandomState::new() }
    }

    /// A body that is about to be read, and whose share it counts in: that of the requests to an app, or of the calls of the API
    /// about one, which strangers to the app cannot use up.
    pub fn begin(self: &Arc<Self>, share: impl Hash) -> Body {
        let share = self.hasher.hash_one(share) as usize % SHARES;
        Body { of: Arc::clone(self), share, arrived: 0, counted: 0 }
    }

    /// Bytes that there may be at once.
    pub const fn most(&self) -> usize {
        self.most
    }

    /// Bytes that are counted now.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    fn take(&self, share: usize, bytes: usize) -> Result<(), NoRoom> {
        let more = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.most);
        let used = self.used.fetch_update(Relaxed, Relaxed, more).map_err(|_| NoRoom::ForAnybody)?;
        let own = self.shares[share].fetch_add(bytes, Relaxed);
        if own + bytes > self.most - used {
            self.give_back(share, bytes);
            return Err(if own == 0 { NoRoom::ForAnybody } else { NoRoom::ForSender });
        }
        Ok(())
    }

    fn give_back(&self, share: usize, bytes: usize) {
        self.shares[share].fetch_sub(bytes, Relaxed);
        self.used.fetch_sub(bytes, Relaxed);
    }
}

impl Body {
    /// Whether a body that announces so many bytes would find room now. It has none yet.
    ///
    /// # Errors
    /// When it would not.
    pub fn expect(&self, bytes: usize) -> Result<(), NoRoom> {
        if bytes > SMALL_BODY_BYTES {
            self.of.take(self.share, bytes)?;
            self.of.give_back(self.share, bytes);
        }
        Ok(())
    }

    /// So many more have arrived.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn arrived(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.arrived = self.arrived.saturating_add(bytes);
        if self.arrived > SMALL_BODY_BYTES { self.count(self.arrived) } else { Ok(()) }
    }

    /// What has arrived is about to become values that take so many times its bytes. Of that at most a quarter of all counts, so
    /// that the largest body is read where there is no other.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn grows(&mut self, times: usize) -> Result<(), NoRoom> {
        if self.arrived <= SMALL_BODY_BYTES {
            return Ok(());
        }
        self.count(self.arrived.saturating_mul(times).min(self.of.most / 4).max(self.arrived))
    }

    fn count(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let bytes = bytes.saturating_add(STEP - 1) / STEP * STEP;
        if let Some(more) = bytes.checked_sub(self.counted).filter(|more| *more > 0) {
            self.of.take(self.share, more)?;
            self.counted = bytes;
        }
        Ok(())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.counted > 0 {
            self.of.give_back(self.share, self.counted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4 << 20;

    fn read(bodies: &Arc<Bodies>, app: &str, bytes: usize) -> Result<Body, NoRoom> {
        let mut body = bodies.begin(app);
        body.expect(bytes)?;
        for _ in 0..bytes / 1_024 {
            body.arrived(1_024)?;
        }
        Ok(body)
    }

    /// Bodies of 128 KiB of one app, as many as there is room for.
    fn fill(bodies: &Arc<Bodies>, app: &str) -> Vec<Body> {
        std::iter::from_fn(|| read(bodies, app, 128 << 10).ok()).take(1_000).collect()
    }

    #[test]
    fn what_is_small_counts_nothing() {
        let bodies = Arc::new(Bodies::new(0));
        let mut small = bodies.begin("a");
        small.expect(SMALL_BODY_BYTES).unwrap();
        small.arrived(SMALL_BODY_BYTES).unwrap();
        small.grows(100).unwrap();
        assert_eq!(bodies.used(), 0);
        assert_eq!(small.arrived(1), Err(NoRoom::ForAnybody));
        assert_eq!(small.expect(SMALL_BODY_BYTES + 1), Err(NoRoom::ForAnybody));
    }

    #[test]
    fn each_has_as_much_as_is_left() {
        let bodies = Arc::new(Bodies::new(MOST));
        let first = fill(&bodies, "a");
        assert_eq!(bodies.used(), MOST / 2, "one alone has half");
        assert_eq!(read(&bodies, "a", 128 << 10).unwrap_err(), NoRoom::ForSender);
        let second = fill(&bodies, "b");
        assert_eq!(bodies.used(), MOST / 4 * 3, "half of what was left");
        assert!(read(&bodies, "c", 128 << 10).is_ok(), "and whoever comes then finds room");
        assert_eq!(read(&bodies, "c", MOST).unwrap_err(), NoRoom::ForAnybody);
        drop(first);
        assert_eq!(bodies.used(), MOST / 4);
        drop(second);
        assert_eq!(bodies.used(), 0);
        assert!(bodies.shares.iter().all(|share| share.load(Relaxed) == 0));
    }

    #[test]
    fn what_grows_counts_as_what_it_becomes() {
        let bodies = Arc::new(Bodies::new(MOST));
        let mut body = read(&bodies, "a", 64 << 10).unwrap();
        body.grows(10).unwrap();
        assert_eq!(bodies.used(), 640 << 10);
        body.grows(1_000).unwrap();
        assert_eq!(bodies.used(), MOST / 4, "the largest is read where there is no other");
        drop(body);
        assert_eq!(bodies.used(), 0);
    }

    #[test]
    fn racing_senders_never_have_more_than_there_is() {
        let bodies = Arc::new(Bodies::new(MOST));
        std::thread::scope(|scope| {
            for n in 0..8 {
                let bodies = &bodies;
                scope.spawn(move || {
                    for _ in 0..200 {
                        let held = fill(bodies, &n.to_string());
                        assert!(bodies.used() <= MOST);
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(bodies.used(), 0);
        assert!(bodies.shares.iter().all(|share| share.load(Relaxed) == 0));
    }
}
