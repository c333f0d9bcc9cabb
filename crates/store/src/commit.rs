//! Committing what others in this process have to hear of. What is committed is told, also when whoever asked for it has gone
//! meanwhile: a client that hangs up, or a script whose time ends, may have its commit on the way already.

use crate::{Store, StoreError, pool::Transaction};

/// What a transaction has changed for those who keep it in memory or wait for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// What [`Store::revision`] counts.
    Apps,
    /// What [`Store::domains_revision`] counts.
    Domains,
    /// Deliveries that may be due sooner than was known.
    Deliveries,
    /// Schedules, likewise.
    Schedules,
    /// What is to be removed in steps.
    Gone,
}

impl Store {
    /// Commits, and tells this process; other processes were told within the transaction.
    pub(crate) async fn commit(&self, transaction: Transaction, changes: &'static [Change]) -> Result<(), StoreError> {
        let store = self.clone();
        let tell = move || {
            // A commit that failed may have come through all the same.
            for change in changes {
                match change {
                    Change::Apps => store.changed(),
                    Change::Domains => store.domains_changed(),
                    Change::Deliveries => store.deliveries_changed(),
                    Change::Schedules => store.schedules_changed(),
                    Change::Gone => store.tell_gone(),
                }
            }
        };
        Ok(transaction.commit_and(tell).await?)
    }
}
