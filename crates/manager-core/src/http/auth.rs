//! Signing in and out. Tokens are the only credentials; there are no cookies.

use super::{
    access::{Bearer, Caller},
    error::ApiError,
    extract::Json,
};
use crate::{Manager, token};
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Login, Me, Token};

/// `POST /auth/login`, for anybody.
pub(super) async fn login(
    State(manager): State<Manager>,
    Json(login): Json<Login>,
) -> Result<axum::Json<Token>, ApiError> {
    let user = manager.store.user_by_name(&login.username).await?;
    let hash = user.as_ref().map(|user| user.password_hash.as_str());
    let right = manager.passwords.verify(&login.password, hash).await?;
    let user = user.filter(|_| right).ok_or(ApiError::WrongCredentials)?;
    Ok(axum::Json(Token { token: token::issue(&manager.store, user.id).await? }))
}

/// `POST /auth/logout`: the token that asks is worth nothing from then on.
pub(super) async fn logout(State(manager): State<Manager>, Bearer(sha256): Bearer) -> Result<StatusCode, ApiError> {
    let known = manager.store.delete_token(&sha256).await?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::Unauthorized) }
}

/// `GET /auth/me`.
pub(super) async fn me(Caller(user): Caller) -> axum::Json<Me> {
    axum::Json(Me { id: user.id, username: user.username, admin: user.admin })
}
