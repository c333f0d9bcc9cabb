//! When the next slot of any schedule is due, and firing it then. Firing makes deliveries, which are claimed like all
//! others.

use super::Next;
use picloud_store::{Fired, Store, StoreError};
use std::time::Duration;
use tokio::time::Instant;

/// Slots that are fired in one transaction: few enough that what waits for it hardly notices.
const BATCH: usize = 500;

/// What is known of the schedules of all apps.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    /// When to look again; `None` when that is not known.
    next: Option<Next>,
}

impl Timetable {
    /// What is known may no longer be so: schedules, or the clock, have changed.
    pub(super) fn forget(&mut self) {
        self.next = None;
    }

    /// Fires what is due, one batch of it, and tells when to look again: when the next slot will be, and at the latest after
    /// `anyway`, if that is given. Asks the database only then, and when it does not know.
    pub(super) async fn fire_due(&mut self, store: &Store, anyway: Option<Duration>) -> Result<Next, StoreError> {
        if let Some(next) = self.next
            && next.is_none_or(|next| next > Instant::now())
        {
            return Ok(next);
        }
        let Fired { fired, missed, dropped, unreadable, next_in_ms } = store.fire_schedules(BATCH).await?;
        if fired + missed + dropped > 0 {
            tracing::debug!(fired, missed, dropped, "slots of schedules were due");
        }
        for schedule in unreadable {
            tracing::error!(schedule, "a schedule cannot be read, and is left out; the others are fired");
        }
        if dropped > 0 {
            tracing::warn!(dropped, "slots of schedules were dropped: their apps have too many deliveries waiting");
        }
        let wait = next_in_ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        let next = wait.into_iter().chain(anyway).min().map(|wait| Instant::now() + wait);
        self.next = Some(next);
        Ok(next)
    }
}
