//! Signing in.

use crate::{Client, Result};
use picloud_shared::api::{Login, Me, Setup, Token};
use reqwest::Method;

impl Client {
    /// Makes the first user with the one-time set-up token, and signs in.
    pub async fn setup(&self, setup: &Setup) -> Result<Token> {
        self.fetch(self.request(Method::POST, self.endpoint(&["setup"])).json(setup)).await
    }

    /// Signs in with a name and a password.
    pub async fn login(&self, login: &Login) -> Result<Token> {
        self.fetch(self.request(Method::POST, self.endpoint(&["auth", "login"])).json(login)).await
    }

    /// Tells whom the token stands for.
    pub async fn me(&self) -> Result<Me> {
        self.fetch(self.request(Method::GET, self.endpoint(&["auth", "me"]))).await
    }

    /// Revokes the token.
    pub async fn logout(&self) -> Result<()> {
        self.execute(self.request(Method::POST, self.endpoint(&["auth", "logout"]))).await
    }
}
