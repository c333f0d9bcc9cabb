//! Deploying all scripts of an app at once.

use crate::{Client, Result};
use picloud_shared::{
    api::{Deploy, Deployed, Release, RollBackApp},
    names::AppSlug,
};
use reqwest::Method;

impl Client {
    /// Makes the scripts of an app those given, all or nothing.
    pub async fn deploy(&self, app: &AppSlug, deploy: &Deploy) -> Result<Deployed> {
        self.fetch(self.request(Method::POST, self.endpoint(&["apps", app.as_str(), "deploy"])).json(deploy)).await
    }

    /// The releases of an app that are kept, latest first.
    pub async fn releases(&self, app: &AppSlug) -> Result<Vec<Release>> {
        self.fetch(self.request(Method::GET, self.endpoint(&["apps", app.as_str(), "releases"]))).await
    }

    /// Makes the scripts of an app those that a release left.
    pub async fn roll_back_app(&self, app: &AppSlug, rollback: &RollBackApp) -> Result<Deployed> {
        self.fetch(self.request(Method::POST, self.endpoint(&["apps", app.as_str(), "rollback"])).json(rollback)).await
    }
}
