//! Secrets: they are set here and read by scripts alone. No answer holds a value.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Json, Query, Secret as Name},
    page::ByName,
    vars::check_value,
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{Page, Secret, SetSecret},
    time::now_ms,
};
use serde_json::json;

/// The secrets of an app, by name: which there are, not what they hold. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/secrets",
    tag = "settings",
    operation_id = "list_secrets",
    params(ByName),
    responses((status = 200, description = "A page of them", body = Page<Secret>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(page): Query<ByName>,
) -> Result<axum::Json<Page<Secret>>, ApiError> {
    let secrets = manager.store.secrets(app.id).await?;
    let secrets = secrets.into_iter().map(|(name, updated_at)| Secret { name, updated_at }).collect();
    Ok(axum::Json(page.cut(secrets, |secret| secret.name.clone())?))
}

/// Sets a secret: the next invocation sees it. Needs the role editor.
#[utoipa::path(
    put,
    path = "/apps/{app}/secrets/{name}",
    tag = "settings",
    operation_id = "set_secret",
    request_body = SetSecret,
    responses((status = 204, description = "It is set"))
)]
pub(super) async fn set(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
    Json(SetSecret { value }): Json<SetSecret>,
) -> Result<StatusCode, ApiError> {
    check_value(&value)?;
    let sealed = manager.settings.vault.seal(access.app.id, &name, &value)?;
    let manager = access.audited(&manager, "set_secret", &name, json!({}));
    manager.store.set_secret(access.app.id, &name, &sealed, now_ms()).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a secret. Needs the role editor.
#[utoipa::path(
    delete,
    path = "/apps/{app}/secrets/{name}",
    tag = "settings",
    operation_id = "delete_secret",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "delete_secret", &name, json!({}));
    let gone = manager.store.delete_secret(access.app.id, &name).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("secret")) }
}
