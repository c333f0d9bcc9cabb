//! Secrets.

use crate::{Client, Result};
use picloud_shared::{
    api::{Secret, SetSecret},
    names::{AppSlug, SecretName},
};
use reqwest::Method;

impl Client {
    /// The secrets of an app: which there are, not what they hold.
    pub async fn secrets(&self, app: &AppSlug) -> Result<Vec<Secret>> {
        self.fetch_all(&["apps", app.as_str(), "secrets"], "after").await
    }

    /// Sets a secret, whatever it was before.
    pub async fn set_secret(&self, app: &AppSlug, name: &SecretName, set: &SetSecret) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "secrets", name.as_str()]);
        self.execute(self.request(Method::PUT, url).json(set)).await
    }

    /// Deletes a secret.
    pub async fn delete_secret(&self, app: &AppSlug, name: &SecretName) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "secrets", name.as_str()]);
        self.execute(self.request(Method::DELETE, url)).await
    }
}
