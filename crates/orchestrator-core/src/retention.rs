//! Prunes what apps keep for a time or up to a size, after something was recorded or given up: that is when there is more, and somebody
//! is awake anyway. It has no timer, and asks nothing while nothing is recorded. An app that records nothing has its turn
//! when others do. Also removes, a step at a time, what deleted apps and scripts have left, once they are deleted; a process
//! that ended before it was through is gone on for at the next start, or by another in its round.

use crate::{
    dead_letter_bound::DeadLetterBound,
    looks::{Looks, to_stay},
};
use picloud_shared::{ids::AppId, limit_rules::LimitRules, time::now_ms};
use picloud_store::{KeptRecords, Store, StoreError};
use std::{
    pin::pin,
    time::{Duration, Instant},
};

/// How often an app is looked at that records little, and how often one that records nothing has its turn.
const LOOK_TIME: Duration = Duration::from_secs(10);
/// Bytes of records after which an app is looked at anyway, as other processes may have recorded as many.
const LOOK_BYTES: i64 = 1 << 20;

/// What prunes.
pub struct Retention {
    store: Store,
    rules: LimitRules,
    /// By bytes of records.
    looks: Looks,
    dead_letters: DeadLetterBound,
    /// When one had its turn that might record nothing, and which.
    round: Option<Instant>,
    last: Option<AppId>,
    /// Whether there may be something left of what was deleted.
    left: bool,
}

/// Steps of removing what was deleted, after which others have their turn.
const STEPS: usize = 20;

impl Retention {
    /// One for every app of the store. Looks whether an earlier process has left something of what was deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new(store: Store, rules: LimitRules) -> Result<Self, StoreError> {
        let left = store.remove_gone().await?;
        let dead_letters = DeadLetterBound::new(store.clone());
        Ok(Self { store, rules, looks: Looks::after(LOOK_BYTES), dead_letters, round: None, last: None, left })
    }

    /// Prunes until `stop` ends.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let (mut recorded, mut gone) = (self.store.recorded(), self.store.gone());
        let work = async {
            loop {
                if !self.left {
                    // The senders lie in the store.
                    tokio::select! {
                        _ = recorded.changed() => {}
                        _ = gone.changed() => self.left = true,
                    }
                }
                if let Err(error) = self.look().await {
                    tracing::error!(%error, "what apps keep cannot be pruned");
                    self.left = false;
                }
            }
        };
        let (mut work, mut stop) = (pin!(work), pin!(stop));
        // What it is doing then is rolled back, or committed.
        tokio::select! {
            () = &mut work => {}
            () = &mut stop => {}
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        let is_long_ago = |at: &Option<Instant>| at.is_none_or(|at| now.duration_since(at) >= LOOK_TIME);
        for app in self.looks.due(self.store.take_recorded(), is_long_ago) {
            let Some(kept) = self.store.kept_records(app).await? else {
                self.looks.forget(app);
                continue;
            };
            let room = self.prune(&kept).await?;
            self.looks.looked(app, now, room);
        }
        self.dead_letters.look(is_long_ago).await?;
        if is_long_ago(&self.round) {
            self.round = Some(now);
            self.left = true;
            self.go_round().await?;
        }
        for _ in 0..STEPS {
            self.left = self.left && self.store.remove_gone().await?;
        }
        Ok(())
    }

    /// What is nobody's turn otherwise.
    async fn go_round(&mut self) -> Result<(), StoreError> {
        let next = self.store.next_kept_records(self.last).await?;
        self.last = next.as_ref().map(|kept| kept.app);
        if let Some(kept) = next {
            self.prune(&kept).await?;
            self.dead_letters.prune(kept.app).await?;
        }
        // What ends meanwhile is for the next time.
        let now = now_ms();
        while self.store.prune_expired(now).await? {}
        while self.store.give_back().await? {}
        Ok(())
    }

    /// How many bytes there is room for then.
    async fn prune(&self, kept: &KeptRecords) -> Result<i64, StoreError> {
        let limits = match &kept.limits {
            Ok(limits) => self.rules.in_force(limits),
            Err(why) => {
                tracing::error!(app = %kept.app, why, "an app's limits cannot be read, and none of its records are removed");
                return Ok(LOOK_BYTES);
            }
        };
        let bound = limits.record_bytes;
        let bytes = to_stay(kept.bytes, bound);
        let age = i64::try_from(limits.record_time.as_millis()).unwrap_or(i64::MAX);
        let until = now_ms().saturating_sub(age);
        if kept.bytes > bytes || kept.oldest.is_some_and(|oldest| oldest < until) {
            while self.store.prune_records(kept.app, bytes, until).await? {}
        }
        Ok(bound.saturating_sub(kept.bytes.min(bytes)))
    }
}
