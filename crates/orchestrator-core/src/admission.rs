//! How many invocations an app may have in flight on this node.

use picloud_shared::ids::AppId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts the invocations in flight, app by app.
#[derive(Clone, Debug, Default)]
pub(crate) struct Admission {
    in_flight: Arc<Mutex<HashMap<AppId, usize>>>,
}

/// One invocation in flight; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Admitted {
    app: AppId,
    in_flight: Arc<Mutex<HashMap<AppId, usize>>>,
}

impl Admission {
    /// Whether the app has `limit` in flight already.
    pub(crate) fn is_full(&self, app: AppId, limit: usize) -> bool {
        lock(&self.in_flight).get(&app).is_some_and(|&count| count >= limit)
    }

    /// `None` when the app has `limit` in flight already.
    pub(crate) fn admit(&self, app: AppId, limit: usize) -> Option<Admitted> {
        let mut counts = lock(&self.in_flight);
        let count = counts.entry(app).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Admitted { app, in_flight: Arc::clone(&self.in_flight) })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = lock(&self.in_flight);
        if let Some(count) = counts.get_mut(&self.app) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.app);
            }
        }
    }
}

/// A count is right even if some thread panicked while it held the lock.
fn lock(counts: &Mutex<HashMap<AppId, usize>>) -> MutexGuard<'_, HashMap<AppId, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_app_has_its_own_limit() {
        let (admission, a, b) = (Admission::default(), AppId::new(), AppId::new());
        let held = (admission.admit(a, 2).unwrap(), admission.admit(a, 2).unwrap());
        assert!(admission.admit(a, 2).is_none() && admission.is_full(a, 2) && !admission.is_full(a, 3));
        assert!(admission.admit(b, 2).is_some());
        // The app's limit was raised, then lowered below what is in flight.
        let third = admission.admit(a, 3).unwrap();
        assert!(admission.admit(a, 1).is_none());
        drop((held, third));
        assert!(lock(&admission.in_flight).is_empty());
        assert!(admission.admit(a, 1).is_some());
    }
}
