//! Signing in and out. Tokens are the only credentials; there are no cookies.

use super::{
    access::{Bearer, Caller},
    error::ApiError,
    extract::Json,
};
use crate::{Manager, token};
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Login, Me, Token};

/// Signs in with name and password.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    operation_id = "login",
    request_body = Login,
    security(()),
    responses((status = 200, description = "A token for further requests", body = Token))
)]
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

/// Signs out: the token that asks is worth nothing from then on.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    operation_id = "logout",
    responses((status = 204, description = "The token is worth nothing any more"))
)]
pub(super) async fn logout(State(manager): State<Manager>, Bearer(sha256): Bearer) -> Result<StatusCode, ApiError> {
    let known = manager.store.delete_token(&sha256).await?;
    if known { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::Unauthorized) }
}

/// Who the caller is.
#[utoipa::path(
    get,
    path = "/auth/me",
    tag = "auth",
    operation_id = "me",
    responses((status = 200, description = "The user", body = Me))
)]
pub(super) async fn me(Caller(user): Caller) -> axum::Json<Me> {
    axum::Json(Me { id: user.id, username: user.username, admin: user.admin })
}
