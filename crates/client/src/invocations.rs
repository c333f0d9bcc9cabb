//! Invocations that were recorded.

use crate::{Client, Result};
use picloud_shared::{
    api::{InvocationDetail, InvocationSummary, Page},
    ids::InvocationId,
    names::{AppSlug, ScriptName},
};
use reqwest::Method;

/// Which invocations to list; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct InvocationFilter {
    /// Only this script's.
    pub script: Option<ScriptName>,
    /// Only those that ended so.
    pub status: Option<InvocationStatus>,
    /// Only those before this one: [`Page::next`] of the page before.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// How an invocation ended, in two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvocationStatus {
    /// The script ran to its end.
    Ok,
    /// It did not.
    Failed,
}

impl InvocationStatus {
    /// As sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

impl Client {
    /// One page of an app's invocations, the newest first.
    pub async fn invocations(&self, app: &AppSlug, filter: &InvocationFilter) -> Result<Page<InvocationSummary>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "invocations"]);
        let InvocationFilter { script, status, before, limit } = filter;
        url.query_pairs_mut()
            .extend_pairs(script.as_ref().map(|script| ("script", script.as_str())))
            .extend_pairs(status.map(|status| ("status", status.as_str())))
            .extend_pairs(before.as_ref().map(|before| ("before", before)))
            .extend_pairs(limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }

    /// One invocation with its log and its calls.
    pub async fn invocation(&self, app: &AppSlug, id: InvocationId) -> Result<InvocationDetail> {
        let url = self.endpoint(&["apps", app.as_str(), "invocations", &id.to_string()]);
        self.fetch(self.request(Method::GET, url)).await
    }
}
