//! The first user: through the API, or through the one page of HTML that works without a script.

use super::{
    access::Address,
    error::ApiError,
    extract::{Form, Json, Query},
    form_page::{self, Filled, Link, SETUP},
};
use crate::{Manager, token};
use axum::{extract::State, http::StatusCode, response::Response};
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

/// `GET /setup?token=…`: the form, or why there is none.
pub(super) async fn form(
    State(manager): State<Manager>,
    Query(Link { token }): Query<Link>,
) -> Result<Response, ApiError> {
    form_page::opened(&SETUP, &token, manager.may_set_up(&token).await.map_err(ApiError::from))
}

/// `POST /setup`
pub(super) async fn submit(
    State(manager): State<Manager>,
    Address(address): Address,
    Form(filled): Form<Filled>,
) -> Result<Response, ApiError> {
    let made = match filled.username() {
        Ok(name) => manager.set_up(&filled.token, name, &filled.password, address).await.map_err(ApiError::from),
        Err(rule) => Err(rule),
    };
    form_page::sent(&SETUP, &filled, made.map(drop))
}
