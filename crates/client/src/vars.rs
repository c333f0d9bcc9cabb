//! Variables.

use crate::{Client, Result};
use picloud_shared::{
    api::{SetVar, Var},
    names::{AppSlug, VarName},
};
use reqwest::Method;

impl Client {
    /// The variables of an app.
    pub async fn vars(&self, app: &AppSlug) -> Result<Vec<Var>> {
        self.fetch_all(&["apps", app.as_str(), "vars"], "after").await
    }

    /// Sets a variable, whatever it was before.
    pub async fn set_var(&self, app: &AppSlug, name: &VarName, set: &SetVar) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "vars", name.as_str()]);
        self.execute(self.request(Method::PUT, url).json(set)).await
    }

    /// Deletes a variable.
    pub async fn delete_var(&self, app: &AppSlug, name: &VarName) -> Result<()> {
        let url = self.endpoint(&["apps", app.as_str(), "vars", name.as_str()]);
        self.execute(self.request(Method::DELETE, url)).await
    }
}
