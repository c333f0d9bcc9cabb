//! What an app uses of what it may.

use crate::{Client, Result};
use picloud_shared::{api::Usage, names::AppSlug};
use reqwest::Method;

impl Client {
    /// What an app uses now.
    pub async fn usage(&self, app: &AppSlug) -> Result<Usage> {
        self.fetch(self.request(Method::GET, self.endpoint(&["apps", app.as_str(), "usage"]))).await
    }
}
