//! What this process has recorded and given up lately, for those who prune it and those who follow logs: told after the
//! commit, by app, so that nobody asks the database to find out.

use crate::Store;
use picloud_shared::ids::AppId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// What one transaction has recorded of an app.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) app: AppId,
    /// That the records take.
    pub(crate) bytes: i64,
    /// Whether there are log lines among them.
    pub(crate) logs: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Bytes of each app since they were taken last.
    bytes: Mutex<HashMap<AppId, i64>>,
    /// Deliveries of each app that were given up since they were taken last.
    died: Mutex<HashMap<AppId, i64>>,
    told: watch::Sender<()>,
    /// Apps whose logs somebody follows.
    followed: Mutex<HashMap<AppId, watch::Sender<()>>>,
}

/// Hears of log lines of one app that this process has recorded.
#[derive(Debug)]
pub struct LogsHeard {
    store: Store,
    app: AppId,
    // Taken out when it goes, so that the sender can tell whether others are left.
    heard: Option<watch::Receiver<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one insertion.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// To be called after the commit.
    pub(crate) fn tell_recorded(&self, written: &[Written]) {
        let recorded = &self.inner.recorded;
        if written.is_empty() {
            return;
        }
        {
            let mut bytes = lock(&recorded.bytes);
            for written in written {
                *bytes.entry(written.app).or_default() += written.bytes;
            }
        }
        recorded.told.send_replace(());
        let followed = lock(&recorded.followed);
        for followed in written.iter().filter(|written| written.logs).filter_map(|written| followed.get(&written.app)) {
            followed.send_replace(());
        }
    }

    /// That a delivery of the app was given up. To be called after the commit.
    pub(crate) fn tell_died(&self, app: AppId) {
        *lock(&self.inner.recorded.died).entry(app).or_default() += 1;
        self.inner.recorded.told.send_replace(());
    }

    /// Changes when something was recorded by this process, or a delivery given up.
    pub fn recorded(&self) -> watch::Receiver<()> {
        self.inner.recorded.told.subscribe()
    }

    /// The apps of which this process has recorded invocations since this was asked last, and how many bytes they take.
    pub fn take_recorded(&self) -> HashMap<AppId, i64> {
        std::mem::take(&mut *lock(&self.inner.recorded.bytes))
    }

    /// The apps of which this process has given up deliveries since this was asked last, and how many.
    pub fn take_died(&self) -> HashMap<AppId, i64> {
        std::mem::take(&mut *lock(&self.inner.recorded.died))
    }

    /// Hears of an app's log lines from now on.
    pub fn hear_logs(&self, app: AppId) -> LogsHeard {
        let mut followed = lock(&self.inner.recorded.followed);
        let heard = followed.entry(app).or_default().subscribe();
        LogsHeard { store: self.clone(), app, heard: Some(heard) }
    }
}

impl LogsHeard {
    /// Ends when this process has recorded lines since this ended last.
    pub async fn heard(&mut self) {
        match &mut self.heard {
            // The sender stays for as long as this does.
            Some(heard) => drop(heard.changed().await),
            None => std::future::pending().await,
        }
    }
}

impl Drop for LogsHeard {
    fn drop(&mut self) {
        let mut followed = lock(&self.store.inner.recorded.followed);
        self.heard = None;
        if followed.get(&self.app).is_some_and(|sender| sender.receiver_count() == 0) {
            followed.remove(&self.app);
        }
    }
}
