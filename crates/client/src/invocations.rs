//! Invocations that were recorded.

use crate::{Client, Result};
use picloud_shared::{
    api::{InvocationDetail, InvocationSummary, Page, StatusFilter, Trigger},
    ids::InvocationId,
    names::{AppSlug, ScriptName},
    time::TimestampMs,
};
use reqwest::Method;

/// Which invocations to list; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct InvocationFilter {
    /// Only this script's.
    pub script: Option<ScriptName>,
    /// Only those that ended so.
    pub status: Option<StatusFilter>,
    /// Only those with this outcome, such as `out_of_fuel`.
    pub outcome: Option<String>,
    /// Only those that were started so.
    pub trigger: Option<Trigger>,
    /// Only those that this one called.
    pub parent: Option<InvocationId>,
    /// Only those that began then or later.
    pub since: Option<TimestampMs>,
    /// Only those that began then or before.
    pub until: Option<TimestampMs>,
    /// Only those that have this in their request's line or in their error's message.
    pub text: Option<String>,
    /// Only those before this one: [`Page::next`] of the page before.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Client {
    /// One page of an app's invocations, the newest first.
    pub async fn invocations(&self, app: &AppSlug, filter: &InvocationFilter) -> Result<Page<InvocationSummary>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "invocations"]);
        let InvocationFilter { script, status, outcome, trigger, parent, since, until, text, before, limit } = filter;
        url.query_pairs_mut()
            .extend_pairs(script.as_ref().map(|script| ("script", script.as_str())))
            .extend_pairs(status.map(|status| ("status", String::from(status))))
            .extend_pairs(outcome.as_ref().map(|outcome| ("outcome", outcome)))
            .extend_pairs(trigger.map(|trigger| ("trigger", trigger.as_str())))
            .extend_pairs(parent.map(|parent| ("parent", parent.to_string())))
            .extend_pairs(since.map(|since| ("since", since.to_string())))
            .extend_pairs(until.map(|until| ("until", until.to_string())))
            .extend_pairs(text.as_ref().map(|text| ("text", text)))
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
