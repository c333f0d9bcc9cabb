//! Signing in, one's password, and one's tokens.

use crate::{Client, Result};
use picloud_shared::{
    api::{About, ApiToken, ChangePassword, Login, Me, NewApiToken, Page, Setup, Token, TokenInfo},
    ids::TokenId,
};
use reqwest::Method;

impl Client {
    /// What anybody may know of the server; needs no token.
    pub async fn about(&self) -> Result<About> {
        self.fetch(self.request(Method::GET, self.endpoint(&["about"]))).await
    }

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

    /// Changes the password of the user whose session it is, and ends all other sessions.
    pub async fn change_password(&self, change: &ChangePassword) -> Result<()> {
        self.execute(self.request(Method::POST, self.endpoint(&["auth", "password"])).json(change)).await
    }

    /// The user's tokens, the newest first; those after the first page with its `next`.
    pub async fn tokens(&self, before: Option<&str>, limit: Option<u32>) -> Result<Page<TokenInfo>> {
        self.fetch_page(&["auth", "tokens"], "before", before, limit).await
    }

    /// Makes an API token.
    pub async fn create_token(&self, new: &NewApiToken) -> Result<ApiToken> {
        self.fetch(self.request(Method::POST, self.endpoint(&["auth", "tokens"])).json(new)).await
    }

    /// Ends a token of the user's.
    pub async fn delete_token(&self, id: TokenId) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.endpoint(&["auth", "tokens", &id.to_string()]))).await
    }
}
