//! Entries of an app's key-value store.

use crate::{Client, Result};
use picloud_shared::{
    api::{KvItem, Page, SetKv},
    names::AppSlug,
};
use reqwest::Method;
use url::Url;

impl Client {
    /// The keys of an app that begin with `prefix` and come after `after`, in the order of their bytes.
    pub async fn keys(
        &self,
        app: &AppSlug,
        prefix: &str,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<String>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "kv"]);
        url.query_pairs_mut()
            .append_pair("prefix", prefix)
            .extend_pairs(after.map(|after| ("after", after)))
            .extend_pairs(limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }

    /// One entry.
    pub async fn key(&self, app: &AppSlug, key: &str) -> Result<KvItem> {
        self.fetch(self.request(Method::GET, self.key_endpoint(app, key))).await
    }

    /// Sets a key.
    pub async fn set_key(&self, app: &AppSlug, key: &str, set: &SetKv) -> Result<()> {
        self.execute(self.request(Method::PUT, self.key_endpoint(app, key)).json(set)).await
    }

    /// Deletes a key.
    pub async fn delete_key(&self, app: &AppSlug, key: &str) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.key_endpoint(app, key))).await
    }

    fn key_endpoint(&self, app: &AppSlug, key: &str) -> Url {
        self.endpoint(&["apps", app.as_str(), "kv", key])
    }
}
