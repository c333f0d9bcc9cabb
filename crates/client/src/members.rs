//! Members of apps.

use crate::{Client, Result};
use picloud_shared::{
    api::{Member, Page, Role, SetMember},
    names::{AppSlug, Username},
};
use reqwest::Method;

impl Client {
    /// The members of an app, by name; those after the first page with its `next`.
    pub async fn members(&self, app: &AppSlug, after: Option<&str>, limit: Option<u32>) -> Result<Page<Member>> {
        self.fetch_page(&["apps", app.as_str(), "members"], "after", after, limit).await
    }

    /// Gives a user a role in an app, whatever they had before.
    pub async fn set_member(&self, app: &AppSlug, username: &Username, role: Role) -> Result<Member> {
        let url = self.endpoint(&["apps", app.as_str(), "members", username.as_str()]);
        self.fetch(self.request(Method::PUT, url).json(&SetMember { role })).await
    }

    /// Takes a user's role in an app.
    pub async fn remove_member(&self, app: &AppSlug, username: &Username) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "members", username.as_str()]);
        self.execute(self.request(Method::DELETE, url)).await
    }
}
