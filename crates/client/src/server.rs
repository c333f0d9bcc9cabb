//! The server itself.

use crate::{Client, Result};
use picloud_shared::api::Server;
use reqwest::Method;

impl Client {
    /// What the server was started with, and what it works on; for administrators.
    pub async fn server(&self) -> Result<Server> {
        self.fetch(self.request(Method::GET, self.endpoint(&["server"]))).await
    }
}
