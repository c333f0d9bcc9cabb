//! Apps.

use crate::{Client, Result};
use picloud_shared::{
    api::{App, NewApp, UpdateApp},
    names::AppSlug,
};
use reqwest::Method;

impl Client {
    /// All apps that the user may see.
    pub async fn apps(&self) -> Result<Vec<App>> {
        self.fetch_all(&["apps"], "after").await
    }

    /// Makes an app, whose owner the user becomes.
    pub async fn create_app(&self, app: &NewApp) -> Result<App> {
        self.fetch(self.request(Method::POST, self.endpoint(&["apps"])).json(app)).await
    }

    /// One app.
    pub async fn app(&self, app: &AppSlug) -> Result<App> {
        self.fetch(self.request(Method::GET, self.endpoint(&["apps", app.as_str()]))).await
    }

    /// Changes what the update names, and nothing else.
    pub async fn update_app(&self, app: &AppSlug, update: &UpdateApp) -> Result<App> {
        self.fetch(self.request(Method::PATCH, self.endpoint(&["apps", app.as_str()])).json(update)).await
    }

    /// Deletes an app with all that it holds.
    pub async fn delete_app(&self, app: &AppSlug) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.endpoint(&["apps", app.as_str()]))).await
    }
}
