//! Variables.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Json, Query, Var as Name},
    page::ByName,
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{Page, SetVar, Var},
    limits::SETTING_BYTES,
    time::now_ms,
};
use serde_json::json;

/// The variables of an app, by name. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/vars",
    tag = "settings",
    operation_id = "list_vars",
    params(ByName),
    responses((status = 200, description = "A page of them", body = Page<Var>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(page): Query<ByName>,
) -> Result<axum::Json<Page<Var>>, ApiError> {
    let vars = manager.store.vars(app.id).await?;
    let seen = |(name, var): (_, picloud_store::Var)| Var { name, value: var.value, updated_at: var.updated_at };
    Ok(axum::Json(page.cut(vars.into_iter().map(seen).collect(), |var| var.name.clone())?))
}

/// Sets a variable: the next invocation sees it. Needs the role editor.
#[utoipa::path(
    put,
    path = "/apps/{app}/vars/{name}",
    tag = "settings",
    operation_id = "set_var",
    request_body = SetVar,
    responses((status = 204, description = "It is set"))
)]
pub(super) async fn set(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
    Json(SetVar { value }): Json<SetVar>,
) -> Result<StatusCode, ApiError> {
    check_value(&value)?;
    let manager = access.audited(&manager, "set_var", &name, json!({}));
    manager.store.set_var(access.app.id, &name, &value, now_ms()).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a variable. Needs the role editor.
#[utoipa::path(
    delete,
    path = "/apps/{app}/vars/{name}",
    tag = "settings",
    operation_id = "delete_var",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "delete_var", &name, json!({}));
    let gone = manager.store.delete_var(access.app.id, &name).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("variable")) }
}

/// Whether a variable or a secret may have this value.
pub(super) fn check_value(value: &str) -> Result<(), ApiError> {
    if value.len() > SETTING_BYTES {
        return Err(ApiError::TooLarge(format!("a value has at most {SETTING_BYTES} bytes, not {}", value.len())));
    }
    Ok(())
}
