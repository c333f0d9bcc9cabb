//! Deploying all scripts of an app at once, and going back to what an earlier deploy left.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::Json,
};
use crate::{Manager, deploy::DeployError};
use axum::extract::State;
use picloud_shared::{
    api::{Deploy, Deployed, Diagnostic, Release, Role, RollBackApp},
    executor::Faults,
};
use serde_json::json;

/// Makes the scripts of an app those given, all or nothing: as a release, or as a dry run. Needs the role editor, and owner
/// for other limits.
#[utoipa::path(
    post,
    path = "/apps/{app}/deploy",
    tag = "scripts",
    operation_id = "deploy",
    request_body = Deploy,
    responses((status = 200, description = "What changed, or would change", body = Deployed))
)]
pub(super) async fn deploy(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Json(deploy): Json<Deploy>,
) -> Result<axum::Json<Deployed>, ApiError> {
    let manager = access.audited_itself(&manager, "deploy", json!({"scripts": deploy.scripts.len()}));
    let Access { app, role, caller } = access;
    let deployed = manager.deploy(&app, deploy, role == Role::Owner, caller.who.user.id, None).await;
    deployed.map(axum::Json).map_err(naming_the_script)
}

/// The releases of an app that are kept, latest first. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/releases",
    tag = "scripts",
    operation_id = "list_releases",
    responses((status = 200, description = "The latest twenty", body = Vec<Release>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
) -> Result<axum::Json<Vec<Release>>, ApiError> {
    Ok(axum::Json(manager.store.releases(app.id).await?))
}

/// Makes the scripts and limits of an app those that a release left, as a release of its own. Needs the role editor, and
/// owner for other limits.
#[utoipa::path(
    post,
    path = "/apps/{app}/rollback",
    tag = "scripts",
    operation_id = "roll_back_app",
    request_body = RollBackApp,
    responses((status = 200, description = "What changed, or would change", body = Deployed))
)]
pub(super) async fn roll_back(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Json(rollback): Json<RollBackApp>,
) -> Result<axum::Json<Deployed>, ApiError> {
    let manager = access.audited_itself(&manager, "roll_back_app", json!({}));
    let Access { app, role, caller } = access;
    let deployed = manager.roll_back_app(&app, rollback, role == Role::Owner, caller.who.user.id).await;
    deployed.map(axum::Json).map_err(naming_the_script)
}

/// Of many scripts, the one at fault is named even where the place is in itself.
fn naming_the_script(error: DeployError) -> ApiError {
    match error {
        DeployError::InvalidScripts(Faults { first, .. }) => {
            let script = Some(first.script.clone());
            ApiError::InvalidScript(Diagnostic { script, ..first.into() })
        }
        error => error.into(),
    }
}
