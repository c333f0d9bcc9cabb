//! Signing in and out, and one's own password. Tokens are the only credentials; there are no cookies.

use super::{
    access::{Address, Caller, Session},
    error::ApiError,
    extract::Json,
};
use crate::{Manager, token};
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{ChangePassword, Login, Me, Token},
    time::now_ms,
};
use picloud_store::AuditEntry;
use serde_json::json;

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
    Address(address): Address,
    Json(login): Json<Login>,
) -> Result<axum::Json<Token>, ApiError> {
    let user = manager.believe(&login.username, &login.password, address).await?;
    let entry = AuditEntry {
        at: now_ms(),
        actor: Some((user.id, user.username.clone())),
        token: None,
        address: Some(address),
        action: "login".to_owned(),
        app: None,
        target: Some(user.username.to_string()),
        detail: json!({}),
    };
    let store = manager.store.audited(entry);
    Ok(axum::Json(Token { token: token::begin_session(&store, user.id, user.password_hash).await? }))
}

/// Signs out: the token that asks is worth nothing from then on.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    operation_id = "logout",
    responses((status = 204, description = "The token is worth nothing any more"))
)]
pub(super) async fn logout(State(manager): State<Manager>, caller: Caller) -> Result<StatusCode, ApiError> {
    let manager = caller.audited(&manager, "logout", &caller.who.token, json!({}));
    let known = manager.store.delete_token(caller.who.user.id, caller.who.token).await?;
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
pub(super) async fn me(Caller { who, .. }: Caller) -> axum::Json<Me> {
    axum::Json(Me {
        admin: who.is_admin(),
        create_apps: who.may_create_apps(),
        id: who.user.id,
        username: who.user.username,
    })
}

/// Changes one's password, in a session, and ends all other sessions. API tokens stay.
#[utoipa::path(
    post,
    path = "/auth/password",
    tag = "auth",
    operation_id = "change_password",
    request_body = ChangePassword,
    responses((status = 204, description = "It is changed"))
)]
pub(super) async fn change_password(
    State(manager): State<Manager>,
    Session(caller): Session,
    Json(ChangePassword { old_password, new_password }): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    let user = manager.believe(caller.who.user.username.as_str(), &old_password, caller.address).await?;
    let new_hash = manager.passwords.hash(&new_password).await?;
    let manager = caller.audited(&manager, "change_password", &user.username, json!({}));
    let changed =
        manager.store.change_password(user.id, &user.password_hash, &new_hash, caller.who.token, now_ms()).await?;
    if changed { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::WrongCredentials) }
}
