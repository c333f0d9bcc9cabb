//! The sources that are live, each with its file, for whoever shows an error in one.

use picloud_shared::names::ScriptName;
use picloud_terminal::excerpt;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// All of them. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Sources(Arc<Mutex<BTreeMap<ScriptName, (PathBuf, String)>>>);

impl Sources {
    /// Puts these in the place of those before.
    pub(crate) fn set(&self, sources: BTreeMap<ScriptName, (PathBuf, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sources;
    }

    /// The file of a script as it is live, and the lines at a place in it.
    pub(crate) fn at(&self, script: &ScriptName, line: Option<u32>, column: Option<u32>) -> (String, Option<String>) {
        let sources = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((file, text)) = sources.get(script) else { return (script.to_string(), None) };
        (file.display().to_string(), line.and_then(|line| excerpt::render(text, line, column)))
    }
}
