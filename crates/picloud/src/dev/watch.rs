//! Hearing that something in a directory has changed. What has, whoever hears it finds out by reading: editors write in place, by
//! a new file that takes the old one's name, or both.

use notify::{
    Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

/// What is saved comes in several events: it is over when none has come for so long.
const QUIET: Duration = Duration::from_millis(15);
/// And looked at after so long in any case, as where something is written all the time.
const PATIENCE: Duration = Duration::from_millis(150);
/// How often a directory that is away is looked for, and one is read whose changes the kernel does not tell.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Hears of changes below a directory.
pub(crate) struct Changes {
    directory: PathBuf,
    told: Arc<Notify>,
    /// Which directory it is, whatever has its name by now.
    watched: Option<Identity>,
    watcher: Option<Box<dyn Watcher + Send>>,
}

/// Device and inode.
type Identity = (u64, u64);

impl Changes {
    /// Hears from now on.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut changes = Self { directory: directory.to_owned(), told: Arc::default(), watched: None, watcher: None };
        changes.watch();
        changes
    }

    /// Waits for the next change, and until nothing more comes.
    pub(crate) async fn next(&mut self) {
        // The directory may have been taken away, and another may have got its name.
        while self.watcher.is_none() {
            sleep(LOOK_AGAIN).await;
            if self.watch() {
                return;
            }
        }
        self.told.notified().await;
        let heard = Instant::now();
        while heard.elapsed() < PATIENCE && timeout(QUIET, self.told.notified()).await.is_ok() {}
        if identity(&self.directory) != self.watched {
            self.watcher = None;
            self.watch();
        }
    }

    /// Whether the directory is there.
    fn watch(&mut self) -> bool {
        self.watched = identity(&self.directory);
        if self.watched.is_none() {
            return false;
        }
        self.watcher = self.by_kernel().or_else(|error| {
            tracing::warn!(%error, "the kernel tells of no changes here; the directory is read twice a second instead");
            self.by_looking()
        })
        .inspect_err(|error| tracing::error!(%error, "changes of the directory cannot be seen"))
        .ok();
        self.watcher.is_some()
    }

    fn by_kernel(&self) -> notify::Result<Box<dyn Watcher + Send>> {
        let mut watcher = RecommendedWatcher::new(self.teller(), Config::default().with_follow_symlinks(false))?;
        watcher.watch(&self.directory, RecursiveMode::Recursive)?;
        Ok(Box::new(watcher))
    }

    fn by_looking(&self) -> notify::Result<Box<dyn Watcher + Send>> {
        let config =
            Config::default().with_poll_interval(LOOK_AGAIN).with_compare_contents(true).with_follow_symlinks(false);
        let mut watcher = PollWatcher::new(self.teller(), config)?;
        watcher.watch(&self.directory, RecursiveMode::Recursive)?;
        Ok(Box::new(watcher))
    }

    fn teller(&self) -> impl FnMut(notify::Result<Event>) + use<> {
        let told = Arc::clone(&self.told);
        move |event: notify::Result<Event>| {
            // What could not be told may have been anything.
            if event.is_ok_and(|event| !changes_something(event.kind)) {
                return;
            }
            told.notify_one();
        }
    }
}

fn identity(directory: &Path) -> Option<Identity> {
    let metadata = directory.metadata().ok().filter(Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

/// Reading is told too, and whoever hears of a change reads.
fn changes_something(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
