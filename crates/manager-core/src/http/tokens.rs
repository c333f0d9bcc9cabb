//! One's own tokens: sessions, and API tokens for programs.

use super::{
    access::{Session, Unscoped},
    error::ApiError,
    extract::{Json, Query, TokenPath as Id},
    page::{self, Before},
};
use crate::{
    Manager,
    token::{self, DAY_MS},
};
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{ApiToken, NewApiToken, Page, TokenInfo, TokenKind},
    ids::TokenId,
    names::AppSlug,
    time::now_ms,
};
use picloud_store::{Credential, NewTokenKind, Token};
use serde_json::json;
use std::collections::BTreeSet;

/// Most characters of an API token's name.
const NAME_CHARS: usize = 100;
/// Most days that an API token is good for.
const MOST_DAYS: u32 = 366;
/// Most apps that an API token names.
const MOST_APPS: usize = 100;

/// One's tokens that are good, the newest first, without the tokens themselves. Needs a token that has all rights of its user.
#[utoipa::path(
    get,
    path = "/auth/tokens",
    tag = "auth",
    operation_id = "list_tokens",
    params(Before<TokenId>),
    responses((status = 200, description = "A page of them", body = Page<TokenInfo>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Unscoped(caller): Unscoped,
    Query(Before { before, limit }): Query<Before<TokenId>>,
) -> Result<axum::Json<Page<TokenInfo>>, ApiError> {
    let size = page::size(limit)?;
    let tokens = manager.store.tokens(caller.who.user.id, before, size + 1, now_ms()).await?;
    let items = tokens.into_iter().map(|token| seen(token, &caller.who)).collect();
    Ok(axum::Json(page::of(items, size, |token| token.id)))
}

/// Makes an API token. Needs a session.
#[utoipa::path(
    post,
    path = "/auth/tokens",
    tag = "auth",
    operation_id = "create_token",
    request_body = NewApiToken,
    responses((status = 201, description = "The token, shown once", body = ApiToken))
)]
pub(super) async fn create(
    State(manager): State<Manager>,
    Session(caller): Session,
    Json(new): Json<NewApiToken>,
) -> Result<(StatusCode, axum::Json<ApiToken>), ApiError> {
    check(&new)?;
    let NewApiToken { name, role, apps, expires_in_days } = new;
    // In the order in which they are shown later, each once.
    let slugs: Option<Vec<AppSlug>> = apps.map(|apps| BTreeSet::from_iter(apps).into_iter().collect());
    let mut ids = None;
    for slug in slugs.iter().flatten() {
        let found = manager.store.app_for(&caller.who, slug).await?.ok_or(ApiError::NotFound("app"))?;
        ids.get_or_insert_with(Vec::new).push(found.app.id);
    }
    let (id, now) = (TokenId::new(), now_ms());
    let expires_at = now + i64::from(expires_in_days) * DAY_MS;
    let detail = json!({"name": name, "role": role, "apps": slugs, "expires_at": expires_at});
    let manager = caller.audited(&manager, "create_token", &id, detail);
    let kind = NewTokenKind::Api { session: caller.who.token, name: name.clone(), role, apps: ids };
    let token = token::issue(&manager.store, id, caller.who.user.id, kind, now, expires_at).await?;
    let info = Token { id, name: Some(name), role, apps: slugs, created_at: now, expires_at, last_used_at: None };
    Ok((StatusCode::CREATED, axum::Json(ApiToken { token, info: seen(info, &caller.who) })))
}

/// Ends a token of one's own: it is worth nothing from then on.
#[utoipa::path(
    delete,
    path = "/auth/tokens/{id}",
    tag = "auth",
    operation_id = "delete_token",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Unscoped(caller): Unscoped,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let manager = caller.audited(&manager, "delete_token", &id, json!({}));
    let gone = manager.store.delete_token(caller.who.user.id, id).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("token")) }
}

fn check(new: &NewApiToken) -> Result<(), ApiError> {
    let named = (1..=NAME_CHARS).contains(&new.name.chars().count()) && !new.name.contains(char::is_control);
    if !named {
        return Err(ApiError::Invalid(format!(
            "a token's name is 1 to {NAME_CHARS} characters, without control characters"
        )));
    }
    if !(1..=MOST_DAYS).contains(&new.expires_in_days) {
        return Err(ApiError::Invalid(format!("a token is good for 1 to {MOST_DAYS} days")));
    }
    if new.apps.as_ref().is_some_and(|apps| !(1..=MOST_APPS).contains(&apps.len())) {
        return Err(ApiError::Invalid(format!("a token names 1 to {MOST_APPS} apps; leave them out for all")));
    }
    Ok(())
}

fn seen(token: Token, caller: &Credential) -> TokenInfo {
    TokenInfo {
        kind: if token.name.is_some() { TokenKind::Api } else { TokenKind::Session },
        current: token.id == caller.token,
        id: token.id,
        name: token.name,
        role: token.role,
        apps: token.apps,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    }
}
