//! Log lines of scripts.

use crate::{Client, Result};
use picloud_shared::{
    api::{LogEntry, LogLevel, Page, StatusFilter},
    ids::InvocationId,
    names::{AppSlug, ScriptName},
    time::TimestampMs,
};
use reqwest::Method;

/// Which log lines to list; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Only this script's.
    pub script: Option<ScriptName>,
    /// Only this invocation's.
    pub invocation: Option<InvocationId>,
    /// Only those of invocations that ended so.
    pub status: Option<StatusFilter>,
    /// Only those that are at least so important.
    pub level: Option<LogLevel>,
    /// Only those that have this in their text.
    pub text: Option<String>,
    /// Only those written then or later.
    pub since: Option<TimestampMs>,
    /// Only those of invocations before this one: [`Page::next`] of the page before.
    pub before: Option<String>,
    /// The lines of at most so many invocations.
    pub limit: Option<u32>,
}

impl Client {
    /// One page of an app's log: the newest invocation first, the lines of each in the order written.
    pub async fn logs(&self, app: &AppSlug, filter: &LogFilter) -> Result<Page<LogEntry>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "logs"]);
        let LogFilter { script, invocation, status, level, text, since, before, limit } = filter;
        url.query_pairs_mut()
            .extend_pairs(script.as_ref().map(|script| ("script", script.as_str())))
            .extend_pairs(invocation.map(|invocation| ("invocation", invocation.to_string())))
            .extend_pairs(status.map(|status| ("status", String::from(status))))
            .extend_pairs(level.map(|level| ("level", level.as_str())))
            .extend_pairs(text.as_ref().map(|text| ("text", text)))
            .extend_pairs(since.map(|since| ("since", since.to_string())))
            .extend_pairs(before.as_ref().map(|before| ("before", before)))
            .extend_pairs(limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }
}
