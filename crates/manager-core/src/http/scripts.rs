//! Scripts and their versions.

use super::{
    access::{Access, Editor, Viewer},
    conditions::{If, Tagged},
    error::ApiError,
    extract::{Json, Name, Number, Query},
    page::{self, ByName},
};
use crate::{Manager, deploy::DeployError};
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Check, Checked, Page, PutScript, Rollback, Script, Version, VersionSource};
use picloud_store::{Put, RollbackRefused};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    /// Only versions with smaller numbers: `next` of the page before.
    before: Option<i64>,
    /// Most versions of the page: 1 to 200, 50 if not given.
    limit: Option<u32>,
}

/// The scripts of an app, by name. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/scripts",
    tag = "scripts",
    operation_id = "list_scripts",
    params(ByName),
    responses((status = 200, description = "A page of them", body = Page<Script>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(page): Query<ByName>,
) -> Result<axum::Json<Page<Script>>, ApiError> {
    let scripts = manager.store.scripts(app.id).await?;
    let url = manager.app_url(&app.slug);
    let scripts = scripts.into_iter().map(|script| seen(&url, script)).collect();
    Ok(axum::Json(page.cut(scripts, |script| script.name.clone())?))
}

/// Checks a source and makes it the version that answers. Needs the role editor.
#[utoipa::path(
    put,
    path = "/apps/{app}/scripts/{name}",
    tag = "scripts",
    operation_id = "put_script",
    params(If),
    request_body = PutScript,
    responses(
        (status = 200, description = "The script, with a new version", body = Script),
        (status = 201, description = "The new script", body = Script)
    )
)]
pub(super) async fn put(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
    If(precondition): If,
    Json(put): Json<PutScript>,
) -> Result<(StatusCode, Tagged<axum::Json<Script>>), ApiError> {
    let detail = json!({"sha256": hex::encode(Sha256::digest(&put.source))});
    let audited = access.audited(&manager, "put_script", &name, detail);
    let Access { app, caller, .. } = access;
    let Put { script, created } = audited.put_script(app.id, name, put, caller.who.user.id, &precondition).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, tagged(&manager.app_url(&app.slug), script, None)))
}

/// One script, with its source. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/scripts/{name}",
    tag = "scripts",
    operation_id = "show_script",
    responses((status = 200, description = "The script", body = Script))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
) -> Result<Tagged<axum::Json<Script>>, ApiError> {
    let (script, source) = manager.store.script(app.id, &name).await?.ok_or(ApiError::NotFound("script"))?;
    Ok(tagged(&manager.app_url(&app.slug), script, Some(source)))
}

/// Deletes a script, with its versions and its invocations. Needs the role editor.
#[utoipa::path(
    delete,
    path = "/apps/{app}/scripts/{name}",
    tag = "scripts",
    operation_id = "delete_script",
    params(If),
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
    If(precondition): If,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "delete_script", &name, json!({}));
    manager.store.delete_script(access.app.id, &name, &precondition).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// The versions of a script, newest first. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/scripts/{name}/versions",
    tag = "scripts",
    operation_id = "list_versions",
    params(Before),
    responses((status = 200, description = "A page of them", body = Page<Version>))
)]
pub(super) async fn versions(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
    Query(Before { before, limit }): Query<Before>,
) -> Result<axum::Json<Page<Version>>, ApiError> {
    let size = page::size(limit)?;
    let versions = manager.store.versions(app.id, &name).await?.ok_or(ApiError::NotFound("script"))?;
    let older = versions.into_iter().filter(|version| before.is_none_or(|before| version.number < before));
    let versions = older.take(size as usize + 1).map(seen_version).collect();
    Ok(axum::Json(page::of(versions, size, |version| version.number)))
}

/// One version of a script, with its source. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/scripts/{name}/versions/{number}",
    tag = "scripts",
    operation_id = "show_version",
    responses((status = 200, description = "The version", body = VersionSource))
)]
pub(super) async fn version(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
    Number(number): Number,
) -> Result<axum::Json<VersionSource>, ApiError> {
    let version = manager.store.version(app.id, &name, number).await?;
    let (version, source) = version.ok_or(ApiError::NotFound("version"))?;
    Ok(axum::Json(VersionSource { version: seen_version(version), source }))
}

/// Makes an earlier version the one that answers. Needs the role editor.
#[utoipa::path(
    post,
    path = "/apps/{app}/scripts/{name}/rollback",
    tag = "scripts",
    operation_id = "roll_back_script",
    params(If),
    request_body = Rollback,
    responses((status = 200, description = "The script", body = Script))
)]
pub(super) async fn rollback(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
    If(precondition): If,
    Json(rollback): Json<Rollback>,
) -> Result<Tagged<axum::Json<Script>>, ApiError> {
    let audited = access.audited(&manager, "roll_back_script", &name, json!({}));
    let app = access.app;
    let script = audited.rollback_script(app.id, &name, rollback.version, &precondition).await;
    let script = script.map_err(|error| match (error, rollback.version) {
        (DeployError::RollbackRefused(RollbackRefused::NoSuchVersion), None) => ApiError::NoVersionBefore,
        (error, _) => error.into(),
    })?;
    Ok(tagged(&manager.app_url(&app.slug), script, None))
}

/// Checks a source without storing it. There need not be such a script. Needs the role viewer.
#[utoipa::path(
    post,
    path = "/apps/{app}/scripts/{name}/check",
    tag = "scripts",
    operation_id = "check_source",
    request_body = Check,
    responses((status = 200, description = "What is wrong with the source, if anything", body = Checked))
)]
pub(super) async fn check(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(name): Name,
    Json(check): Json<Check>,
) -> Result<axum::Json<Checked>, ApiError> {
    let found = manager.check_source(app.id, name, check.source).await?;
    Ok(axum::Json(Checked { diagnostics: found.into_iter().collect() }))
}

fn tagged(url: &str, script: picloud_store::Script, source: Option<String>) -> Tagged<axum::Json<Script>> {
    Tagged(script.tag(), axum::Json(Script { source, ..seen(url, script) }))
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
