//! Scripts and their versions.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Json, Name},
};
use crate::{Manager, deploy::DeployError};
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Check, Checked, PutScript, Rollback, Script, Version};
use picloud_store::{Put, RollbackRefused};

/// `GET /apps/{app}/scripts`.
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
) -> Result<axum::Json<Vec<Script>>, ApiError> {
    let scripts = manager.store.scripts(app.id).await?;
    let url = manager.app_url(&app.slug);
    Ok(axum::Json(scripts.into_iter().map(|script| seen(&url, script)).collect()))
}

/// `PUT /apps/{app}/scripts/{name}`: 201 for a new script, 200 for a new version.
pub(super) async fn put(
    State(manager): State<Manager>,
    Editor(Access { app, caller, .. }): Editor,
    Name(name): Name,
    Json(put): Json<PutScript>,
) -> Result<(StatusCode, axum::Json<Script>), ApiError> {
    let Put { script, created } = manager.put_script(app.id, name, put, caller.id).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(seen(&manager.app_url(&app.slug), script))))
}

/// `GET /apps/{app}/scripts/{name}`: with the source.
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
) -> Result<axum::Json<Script>, ApiError> {
    let (script, source) = manager.store.script(app.id, &name).await?.ok_or(ApiError::NotFound("script"))?;
    Ok(axum::Json(Script { source: Some(source), ..seen(&manager.app_url(&app.slug), script) }))
}

/// `DELETE /apps/{app}/scripts/{name}`, with its versions and its invocations.
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(Access { app, .. }): Editor,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    manager.store.delete_script(app.id, &name).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /apps/{app}/scripts/{name}/versions`, newest first.
pub(super) async fn versions(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
) -> Result<axum::Json<Vec<Version>>, ApiError> {
    let versions = manager.store.versions(app.id, &name).await?.ok_or(ApiError::NotFound("script"))?;
    Ok(axum::Json(versions.into_iter().map(seen_version).collect()))
}

/// `POST /apps/{app}/scripts/{name}/rollback`.
pub(super) async fn rollback(
    State(manager): State<Manager>,
    Editor(Access { app, .. }): Editor,
    Name(name): Name,
    Json(rollback): Json<Rollback>,
) -> Result<axum::Json<Script>, ApiError> {
    let script = manager.rollback_script(app.id, &name, rollback.version).await;
    let script = script.map_err(|error| match (error, rollback.version) {
        (DeployError::RollbackRefused(RollbackRefused::NoSuchVersion), None) => ApiError::NoVersionBefore,
        (error, _) => error.into(),
    })?;
    Ok(axum::Json(seen(&manager.app_url(&app.slug), script)))
}

/// `POST /apps/{app}/scripts/{name}/check`. There need not be such a script.
pub(super) async fn check(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
    Json(check): Json<Check>,
) -> Result<axum::Json<Checked>, ApiError> {
    let found = manager.check_source(app.id, name, check.source).await?;
    Ok(axum::Json(Checked { diagnostics: found.into_iter().collect() }))
}

fn seen(url: &str, script: picloud_store::Script) -> Script {
    Script {
        id: script.id,
        name: script.name,
        version: seen_version(script.version),
        source: None,
        routes: script.routes,
        topics: script.topics,
        schedules: script.schedules,
        imports: script.imports.into_iter().collect(),
        url: url.to_owned(),
        totals: script.totals,
    }
}

fn seen_version(version: picloud_store::Version) -> Version {
    Version {
        id: version.id,
        number: version.number,
        sha256: hex::encode(version.sha256),
        created_at: version.created_at,
        active: version.active,
    }
}
