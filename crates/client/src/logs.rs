//! Log lines of scripts.

use crate::{Client, Result};
use picloud_shared::{
    api::{LogEntry, Page},
    names::{AppSlug, ScriptName},
};
use reqwest::Method;

/// Which log lines to list; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Only this script's.
    pub script: Option<ScriptName>,
    /// Only those of invocations before this one: [`Page::next`] of the page before.
    pub before: Option<String>,
    /// The lines of at most so many invocations.
    pub limit: Option<u32>,
}

impl Client {
    /// One page of an app's log: the newest invocation first, the lines of each in the order written.
    pub async fn logs(&self, app: &AppSlug, filter: &LogFilter) -> Result<Page<LogEntry>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "logs"]);
        let LogFilter { script, before, limit } = filter;
        url.query_pairs_mut()
            .extend_pairs(script.as_ref().map(|script| ("script", script.as_str())))
            .extend_pairs(before.as_ref().map(|before| ("before", before)))
            .extend_pairs(limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }
}
