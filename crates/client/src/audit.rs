//! The audit log.

use crate::{Client, Result};
use picloud_shared::{
    api::{AuditEntry, Page},
    names::{AppSlug, Username},
};
use reqwest::Method;

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// By one user.
    pub actor: Option<Username>,
    /// Of one kind, such as `put_script`.
    pub action: Option<String>,
    /// The `next` of the page before.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Client {
    /// What was done in an app, the newest first.
    pub async fn app_audit(&self, app: &AppSlug, filter: &AuditFilter) -> Result<Page<AuditEntry>> {
        self.fetch_audit(&["apps", app.as_str(), "audit"], filter).await
    }

    /// What was done on the whole server, the newest first.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>> {
        self.fetch_audit(&["audit"], filter).await
    }

    async fn fetch_audit(&self, list: &[&str], filter: &AuditFilter) -> Result<Page<AuditEntry>> {
        let AuditFilter { actor, action, before, limit } = filter;
        let limit = limit.map(|limit| limit.to_string());
        let mut url = self.endpoint(list);
        for (name, value) in [
            ("actor", actor.as_ref().map(Username::as_str)),
            ("action", action.as_deref()),
            ("before", before.as_deref()),
            ("limit", limit.as_deref()),
        ] {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        self.fetch(self.request(Method::GET, url)).await
    }
}
