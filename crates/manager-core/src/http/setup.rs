//! The first user: through the API, or through the one page of HTML that works without a script.

use super::{
    access::Address,
    error::ApiError,
    extract::{Form, Json, Query},
    form_page::{self, Page},
};
use crate::{Manager, token};
use axum::{extract::State, http::StatusCode, response::Response};
use picloud_shared::{
    api::{Setup, Token},
    names::Username,
};
use serde::Deserialize;

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

#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    token: String,
}

/// `GET /setup?token=…`: the form, or why there is none.
pub(super) async fn form(
    State(manager): State<Manager>,
    Query(Link { token }): Query<Link>,
) -> Result<Response, ApiError> {
    match manager.may_set_up(&token).await.map_err(ApiError::from) {
        Ok(()) => Ok(form_page::setup(StatusCode::OK, &Page::Form { token: &token, username: "", problem: None })),
        Err(error) => refuse(error, &token, ""),
    }
}

#[derive(Deserialize)]
pub(super) struct Filled {
    token: String,
    username: String,
    password: String,
}

/// `POST /setup`
pub(super) async fn submit(
    State(manager): State<Manager>,
    Address(address): Address,
    Form(Filled { token, username, password }): Form<Filled>,
) -> Result<Response, ApiError> {
    let made = match Username::try_from(username.clone()) {
        Ok(name) => manager.set_up(&token, name, &password, address).await.map_err(ApiError::from),
        Err(rule) => Err(ApiError::Invalid(rule.to_string())),
    };
    match made {
        Ok(_) => Ok(form_page::setup(StatusCode::CREATED, &Page::Done { username: &username })),
        Err(error) => refuse(error, &token, &username),
    }
}

/// What was wrong is told in the form, or without one where it could only fail again; a failure of the platform is not
/// told here.
fn refuse(error: ApiError, token: &str, username: &str) -> Result<Response, ApiError> {
    let status = error.status();
    let page = match error {
        error if status.is_server_error() => return Err(error),
        ApiError::AlreadySetUp => Page::Over,
        ApiError::WrongSetupToken => Page::WrongLink,
        error => Page::Form { token, username, problem: Some(error.to_string()) },
    };
    Ok(form_page::setup(status, &page))
}
