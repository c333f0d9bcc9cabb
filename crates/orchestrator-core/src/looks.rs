//! When `retention` looks at an app, and how far it prunes then.

use picloud_shared::ids::AppId;
use std::{collections::HashMap, time::Instant};

/// Pruning goes on until so much below the bound, a sixteenth of it, so that it need not begin again at once.
const SPARE: i64 = 16;

/// Of which apps something came since they were looked at: those of which there may be too much are due, and those of which
/// a little came a while ago.
pub(crate) struct Looks {
    apps: HashMap<AppId, Seen>,
    most: i64,
}

/// When an app was looked at, what this process has added to it since, and how much there was room for then.
struct Seen {
    at: Option<Instant>,
    added: i64,
    room: i64,
}

impl Looks {
    /// After `most` an app is due anyway, as other processes may have added as much.
    pub(crate) fn after(most: i64) -> Self {
        Self { apps: HashMap::new(), most }
    }

    /// The apps that are due now, with what was added since this was asked last. Which looks were long ago, the caller says.
    pub(crate) fn due(
        &mut self,
        added: HashMap<AppId, i64>,
        is_long_ago: impl Fn(&Option<Instant>) -> bool,
    ) -> Vec<AppId> {
        for (app, added) in added {
            self.apps.entry(app).or_insert(Seen { at: None, added: 0, room: 0 }).added += added;
        }
        self.apps.retain(|_, seen| seen.added > 0 || !is_long_ago(&seen.at));
        let due = |seen: &Seen| seen.added > seen.room.min(self.most) || (seen.added > 0 && is_long_ago(&seen.at));
        self.apps.iter().filter(|(_, seen)| due(seen)).map(|(app, _)| *app).collect()
    }

    /// One was looked at, and has room for so much more.
    pub(crate) fn looked(&mut self, app: AppId, at: Instant, room: i64) {
        self.apps.insert(app, Seen { at: Some(at), added: 0, room });
    }

    /// One is there no more.
    pub(crate) fn forget(&mut self, app: AppId) {
        self.apps.remove(&app);
    }
}

/// How much is to stay of what is kept, whose bound is this.
pub(crate) const fn to_stay(kept: i64, bound: i64) -> i64 {
    if kept > bound { bound - bound / SPARE } else { bound }
}
