//! Where the compiled engine is kept by those commands that have no data directory: among this user's caches.

use clap::Args;
use std::{env, fs::DirBuilder, os::unix::fs::DirBuilderExt, path::PathBuf};

/// What they are told of it.
#[derive(Args)]
pub(crate) struct EngineArgs {
    /// Where the compiled engine is kept for the next time; ~/.cache/picloud when absent
    #[arg(long, env = "PICLOUD_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
}

impl EngineArgs {
    /// A directory whose parent is there; `None` where there is no place for one, so that the engine is compiled each time.
    pub(crate) fn compiled(&self) -> Option<PathBuf> {
        let cache = self.cache_dir.clone().or_else(of_this_user)?;
        match DirBuilder::new().recursive(true).mode(0o700).create(&cache) {
            Ok(()) => Some(cache.join("compiled")),
            Err(error) => {
                tracing::warn!(%error, path = %cache.display(), "the engine is compiled without a cache");
                None
            }
        }
    }
}

fn of_this_user() -> Option<PathBuf> {
    let directory = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = directory("XDG_CACHE_HOME").or_else(|| Some(directory("HOME")?.join(".cache")))?;
    Some(caches.join("picloud"))
}
