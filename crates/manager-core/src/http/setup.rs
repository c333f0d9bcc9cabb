//! The first user.

use super::{access::Address, error::ApiError, extract::Json};
use crate::{Manager, token};
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Setup, Token};

/// Makes the first user, an administrator, for whoever has the one-time set-up token.
#[utoipa::path(
    post,
    path = "/setup",
    tag = "auth",
    operation_id = "set_up",
    request_body = Setup,
    security(()),
    responses((status = 201, description = "A token of the new user", body = Token))
)]
pub(super) async fn create(
    State(manager): State<Manager>,
    Address(address): Address,
    Json(Setup { token, username, password }): Json<Setup>,
) -> Result<(StatusCode, axum::Json<Token>), ApiError> {
    let user = manager.set_up(&token, username, &password, address).await?;
    let token = token::begin_session(&manager.store, user.id, user.password_hash).await?;
    Ok((StatusCode::CREATED, axum::Json(Token { token })))
}
