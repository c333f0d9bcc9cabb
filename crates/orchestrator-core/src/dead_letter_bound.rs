//! Keeps the dead letters of each app within their bounds, for `retention`, which says when: those that are too old go, and
//! the oldest of an app that has too many. Asks the database of an app only after one of its deliveries was given up, when
//! it may have too many or has not been looked at for a while, or in its turn.

use crate::looks::{Looks, to_stay};
use picloud_shared::{
    ids::AppId,
    limits::{DEAD_LETTER_BYTES, DEAD_LETTER_TIME, DEAD_LETTERS, TOPIC_PAYLOAD_BYTES},
    time::now_ms,
};
use picloud_store::{KeptDeadLetters, RemovedDeadLetters, Store, StoreError};
use std::time::Instant;

/// Deaths of an app after which it is looked at anyway, as other processes may have given up as many.
const LOOK_DEATHS: i64 = 500;
/// Bytes of a large dead letter.
const LARGE: i64 = TOPIC_PAYLOAD_BYTES as i64;

/// What keeps them so.
pub(crate) struct DeadLetterBound {
    store: Store,
    /// By deaths; there is room for as many as if they were large.
    looks: Looks,
}

impl DeadLetterBound {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, looks: Looks::after(LOOK_DEATHS) }
    }

    /// Prunes where deliveries were given up. Which looks were long ago, the caller says.
    pub(crate) async fn look(&mut self, is_long_ago: impl Fn(&Option<Instant>) -> bool) -> Result<(), StoreError> {
        for app in self.looks.due(self.store.take_died(), is_long_ago) {
            let room = self.prune(app).await?;
            self.looks.looked(app, Instant::now(), room);
        }
        Ok(())
    }

    /// For how many more there is room then, were they large.
    pub(crate) async fn prune(&self, app: AppId) -> Result<i64, StoreError> {
        let KeptDeadLetters { letters, bytes, oldest } = self.store.kept_dead_letters(app).await?;
        let age = i64::try_from(DEAD_LETTER_TIME.as_millis()).unwrap_or(i64::MAX);
        let until = now_ms().saturating_sub(age);
        let (most, most_bytes) = (to_stay(letters, DEAD_LETTERS), to_stay(bytes, DEAD_LETTER_BYTES));
        if letters > most || bytes > most_bytes || oldest.is_some_and(|oldest| oldest < until) {
            loop {
                let removed = self.store.prune_dead_letters(app, most, most_bytes, until).await?;
                if removed == RemovedDeadLetters::default() {
                    break;
                }
                if removed.too_many > 0 {
                    let removed = removed.too_many;
                    tracing::warn!(%app, removed, "an app has more dead letters than are kept; the oldest were removed");
                }
            }
        }
        Ok((DEAD_LETTERS - letters.min(most)).min((DEAD_LETTER_BYTES - bytes.min(most_bytes)) / LARGE))
    }
}
