//! Secrets: they are set here and read by scripts alone. No answer holds a value.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Json, Secret as Name},
    vars::check_value,
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{Secret, SetSecret},
    time::now_ms,
};

/// `GET /apps/{app}/secrets`, by name: which there are, not what they hold.
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
) -> Result<axum::Json<Vec<Secret>>, ApiError> {
    let secrets = manager.store.secrets(app.id).await?;
    Ok(axum::Json(secrets.into_iter().map(|(name, updated_at)| Secret { name, updated_at }).collect()))
}

/// `PUT /apps/{app}/secrets/{name}`: the next invocation sees it.
pub(super) async fn set(
    State(manager): State<Manager>,
    Editor(Access { app, .. }): Editor,
    Name(name): Name,
    Json(SetSecret { value }): Json<SetSecret>,
) -> Result<StatusCode, ApiError> {
    check_value(&value)?;
    let sealed = manager.settings.vault.seal(app.id, &name, &value)?;
    manager.store.set_secret(app.id, &name, &sealed, now_ms()).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /apps/{app}/secrets/{name}`.
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(Access { app, .. }): Editor,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let gone = manager.store.delete_secret(app.id, &name).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("secret")) }
}
