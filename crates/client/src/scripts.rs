//! Scripts, their versions, and running them.

use crate::{Client, Result};
use picloud_shared::{
    api::{Check, Checked, InvocationDetail, Invoke, PutScript, Rollback, Script, Version, VersionSource},
    names::{AppSlug, ScriptName},
};
use reqwest::Method;
use url::Url;

impl Client {
    /// All scripts of an app, without their sources.
    pub async fn scripts(&self, app: &AppSlug) -> Result<Vec<Script>> {
        self.fetch_all(&["apps", app.as_str(), "scripts"], "after").await
    }

    /// One script with its source.
    pub async fn script(&self, app: &AppSlug, name: &ScriptName) -> Result<Script> {
        self.fetch(self.request(Method::GET, self.script_endpoint(app, name, None))).await
    }

    /// Stores a new version and makes it the active one.
    pub async fn put_script(&self, app: &AppSlug, name: &ScriptName, script: &PutScript) -> Result<Script> {
        self.fetch(self.request(Method::PUT, self.script_endpoint(app, name, None)).json(script)).await
    }

    /// Deletes a script with all its versions.
    pub async fn delete_script(&self, app: &AppSlug, name: &ScriptName) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.script_endpoint(app, name, None))).await
    }

    /// All versions of a script, the newest first.
    pub async fn versions(&self, app: &AppSlug, name: &ScriptName) -> Result<Vec<Version>> {
        self.fetch_all(&["apps", app.as_str(), "scripts", name.as_str(), "versions"], "before").await
    }

    /// One version of a script, with its source.
    pub async fn version(&self, app: &AppSlug, name: &ScriptName, number: i64) -> Result<VersionSource> {
        let number = number.to_string();
        let segments = ["apps", app.as_str(), "scripts", name.as_str(), "versions", &number];
        self.fetch(self.request(Method::GET, self.endpoint(&segments))).await
    }

    /// Makes another version the active one.
    pub async fn rollback(&self, app: &AppSlug, name: &ScriptName, rollback: &Rollback) -> Result<Script> {
        self.fetch(self.request(Method::POST, self.script_endpoint(app, name, Some("rollback"))).json(rollback)).await
    }

    /// Checks a source without storing it; there need not be such a script.
    pub async fn check(&self, app: &AppSlug, name: &ScriptName, check: &Check) -> Result<Checked> {
        self.fetch(self.request(Method::POST, self.script_endpoint(app, name, Some("check"))).json(check)).await
    }

    /// Runs a script once and waits for its outcome.
    pub async fn invoke(&self, app: &AppSlug, name: &ScriptName, invoke: &Invoke) -> Result<InvocationDetail> {
        self.fetch(self.request(Method::POST, self.script_endpoint(app, name, Some("invoke"))).json(invoke)).await
    }

    fn script_endpoint(&self, app: &AppSlug, name: &ScriptName, verb: Option<&str>) -> Url {
        let mut segments = vec!["apps", app.as_str(), "scripts", name.as_str()];
        segments.extend(verb);
        self.endpoint(&segments)
    }
}
