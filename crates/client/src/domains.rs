//! Domains of apps.

use crate::{Client, Result};
use picloud_shared::{
    api::{Domain, NewDomain},
    domains::DomainName,
    names::AppSlug,
};
use reqwest::Method;

impl Client {
    /// The domains of an app.
    pub async fn domains(&self, app: &AppSlug) -> Result<Vec<Domain>> {
        self.fetch_all(&["apps", app.as_str(), "domains"], "after").await
    }

    /// Has an app answer at a domain.
    pub async fn add_domain(&self, app: &AppSlug, new: &NewDomain) -> Result<Domain> {
        let url = self.endpoint(&["apps", app.as_str(), "domains"]);
        self.fetch(self.request(Method::POST, url).json(new)).await
    }

    /// Takes a domain from an app.
    pub async fn remove_domain(&self, app: &AppSlug, domain: &DomainName) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "domains", domain.as_str()]);
        self.execute(self.request(Method::DELETE, url)).await
    }
}
