//! Numbers that caches compare instead of asking the database: each moves when something was committed that a cache may
//! hold, by this process, or, on PostgreSQL, by another that says so.

use crate::{Store, StoreError, pool::Transaction};
use picloud_shared::ids::StoreId;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is said of apps, scripts and routes, before the id of the store that says it.
const APPS: &str = "apps";
/// What is said of domains.
const DOMAINS: &str = "domains";

#[derive(Debug)]
pub(crate) struct Revisions {
    /// Whose messages tell nothing new.
    own: String,
    apps: AtomicU64,
    domains: AtomicU64,
}

impl Revisions {
    pub(crate) fn new() -> Self {
        Self { own: StoreId::new().to_string(), apps: AtomicU64::new(0), domains: AtomicU64::new(0) }
    }

    /// Takes note of what was said, by whomever. `false` when it is about something else.
    pub(crate) fn take_note(&self, message: &str) -> bool {
        let Some((what, by)) = message.split_once(' ') else { return false };
        let revision = match what {
            APPS => &self.apps,
            DOMAINS => &self.domains,
            _ => return false,
        };
        if by != self.own {
            revision.fetch_add(1, Relaxed);
        }
        true
    }

    /// Something may have been said and not been heard.
    pub(crate) fn doubt(&self) {
        self.apps.fetch_add(1, Relaxed);
        self.domains.fetch_add(1, Relaxed);
    }
}

impl Store {
    /// Grows with every change of an app, a script or a route, and with every token that ends before its time, that was
    /// committed through this store or its clones; with changes of apps, scripts and routes by other processes once they are
    /// heard of ([`crate::Wake`]). Caches compare it without asking the database.
    pub fn revision(&self) -> u64 {
        self.inner.revisions.apps.load(Relaxed)
    }

    /// The same of changes after which [`Store::all_domains`] may tell something else.
    pub fn domains_revision(&self) -> u64 {
        self.inner.revisions.domains.load(Relaxed)
    }

    /// Has caches ask the database anew, as other processes may have said something that was not heard.
    pub fn doubt(&self) {
        self.inner.revisions.doubt();
    }

    /// To be called after the commit, never before: a cache that saw the new number must find the new rows.
    pub(crate) fn changed(&self) {
        self.inner.revisions.apps.fetch_add(1, Relaxed);
    }

    /// The same of domains.
    pub(crate) fn domains_changed(&self) {
        self.inner.revisions.domains.fetch_add(1, Relaxed);
    }

    /// Tells the other processes once the transaction is committed.
    pub(crate) async fn notify_changed(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        self.notify(transaction, &format!("{APPS} {}", self.inner.revisions.own)).await
    }

    /// The same of domains.
    pub(crate) async fn notify_domains(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        self.notify(transaction, &format!("{DOMAINS} {}", self.inner.revisions.own)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_moves_its_own_number() {
        let revisions = Revisions::new();
        let numbers = || (revisions.apps.load(Relaxed), revisions.domains.load(Relaxed));
        assert!(revisions.take_note(&format!("apps {}", revisions.own)) && numbers() == (0, 0));
        assert!(revisions.take_note(&format!("apps {}", StoreId::new())) && numbers() == (1, 0));
        assert!(revisions.take_note(&format!("domains {}", StoreId::new())) && numbers() == (1, 1));
        for other in ["", "schedules", "apps", "others x"] {
            assert!(!revisions.take_note(other) && numbers() == (1, 1), "{other}");
        }
        revisions.doubt();
        assert_eq!(numbers(), (2, 2));
    }
}
