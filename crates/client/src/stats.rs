//! What invocations come to, by time.

use crate::{Client, Result};
use picloud_shared::{
    api::{Stats, StatsRange},
    names::{AppSlug, ScriptName},
};
use reqwest::Method;

impl Client {
    /// What the invocations of an app, or of one of its scripts, come to.
    pub async fn stats(&self, app: &AppSlug, script: Option<&ScriptName>, range: StatsRange) -> Result<Stats> {
        let mut url = self.endpoint(&["apps", app.as_str(), "stats"]);
        url.query_pairs_mut()
            .append_pair("range", range.as_str())
            .extend_pairs(script.map(|script| ("script", script.as_str())));
        self.fetch(self.request(Method::GET, url)).await
    }
}
