//! Users, for administrators.

use crate::{Client, Result};
use picloud_shared::{
    api::{Page, UpdateUser, User},
    names::Username,
};
use reqwest::Method;

impl Client {
    /// The users, by name; those after the first page with its `next`.
    pub async fn users(&self, after: Option<&str>, limit: Option<u32>) -> Result<Page<User>> {
        self.fetch_page(&["users"], "after", after, limit).await
    }

    /// Changes what the update names, and nothing else.
    pub async fn update_user(&self, username: &Username, update: &UpdateUser) -> Result<User> {
        self.fetch(self.request(Method::PATCH, self.endpoint(&["users", username.as_str()])).json(update)).await
    }

    /// Deletes a user with all tokens; what the user has made stays.
    pub async fn delete_user(&self, username: &Username) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.endpoint(&["users", username.as_str()]))).await
    }
}
