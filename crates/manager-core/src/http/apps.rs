//! Apps.

use super::{
    access::{Access, Caller, Owner, Unscoped, Viewer},
    conditions::{If, Tagged},
    error::ApiError,
    extract::{Json, Query},
    page::{self, ByName},
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{App, NewApp, Page, Role, UpdateApp},
    cors::CorsSetting,
    ids::AppId,
    outbound::AllowedHosts,
    time::now_ms,
};
use picloud_store::{AppChanges, AuditEntry, Right, Warrant};
use serde_json::json;

/// Most characters of an app's name.
const NAME_CHARS: usize = 100;

/// The apps that the caller is a member of; for an administrator, all.
#[utoipa::path(
    get,
    path = "/apps",
    tag = "apps",
    operation_id = "list_apps",
    params(ByName),
    responses((status = 200, description = "A page of them, by slug", body = Page<App>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    caller: Caller,
    Query(ByName { after, limit }): Query<ByName>,
) -> Result<axum::Json<Page<App>>, ApiError> {
    let size = page::size(limit)?;
    let memberships = manager.store.apps_for(&caller.who, after.as_deref(), size + 1).await?;
    let apps = memberships.into_iter().map(|membership| seen(&manager, membership.app, membership.role)).collect();
    Ok(axum::Json(page::of(apps, size, |app| app.slug.clone())))
}

/// Makes an app, whose owner the caller becomes. For administrators, and for users whom they let.
#[utoipa::path(
    post,
    path = "/apps",
    tag = "apps",
    operation_id = "create_app",
    request_body = NewApp,
    responses((status = 201, description = "The new app", body = App))
)]
pub(super) async fn create(
    State(manager): State<Manager>,
    Unscoped(caller): Unscoped,
    Json(new): Json<NewApp>,
) -> Result<(StatusCode, axum::Json<App>), ApiError> {
    if !caller.who.may_create_apps() {
        return Err(ApiError::MayNotCreateApps);
    }
    let name = new.name.map(checked_name).transpose()?.unwrap_or_else(|| new.slug.to_string());
    let app = picloud_store::NewApp {
        id: AppId::new(),
        slug: new.slug,
        name,
        debug: new.debug,
        owner: Some(caller.who.user.id),
        now: now_ms(),
    };
    let entry = caller.entry("create_app", None, json!({"name": app.name, "debug": app.debug}));
    let warrant = Warrant { right: Right::MakingApps, ..caller.warrant() };
    let audited = manager.audited(AuditEntry { app: Some((app.id, app.slug.clone())), ..entry }, warrant);
    let app = audited.store.create_app(app).await??;
    Ok((StatusCode::CREATED, axum::Json(seen(&manager, app, Role::Owner))))
}

/// One app. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}",
    tag = "apps",
    operation_id = "show_app",
    responses((status = 200, description = "The app", body = App))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, role, .. }): Viewer,
) -> Tagged<axum::Json<App>> {
    Tagged(app.tag(), axum::Json(seen(&manager, app, role)))
}

/// Changes an app; what is absent stays. Needs the role owner.
#[utoipa::path(
    patch,
    path = "/apps/{app}",
    tag = "apps",
    operation_id = "update_app",
    params(If),
    request_body = UpdateApp,
    responses((status = 200, description = "The app as it is now", body = App))
)]
pub(super) async fn update(
    State(manager): State<Manager>,
    Owner(access): Owner,
    If(precondition): If,
    Json(update): Json<UpdateApp>,
) -> Result<Tagged<axum::Json<App>>, ApiError> {
    let audited = access.audited_itself(&manager, "update_app", json!(update));
    let Access { app, role, caller } = access;
    let name = update.name.map(checked_name).transpose()?;
    manager.settings.limits.check(&update.limits).map_err(|error| ApiError::Invalid(error.to_string()))?;
    if update.outbound.as_ref().is_some_and(|hosts| hosts.entries().len() > AllowedHosts::MOST) {
        return Err(ApiError::Invalid(format!("an app's list has at most {} hosts", AllowedHosts::MOST)));
    }
    if let Some(CorsSetting(Some(cors))) = &update.cors {
        cors.check().map_err(|error| ApiError::Invalid(error.to_string()))?;
    }
    let UpdateApp { debug, limits, outbound, cors, .. } = update;
    let opened_by = caller.who.is_admin().then_some(caller.who.user.id);
    let changes = AppChanges { name, debug, limits, outbound, opened_by, cors };
    let app = audited.store.update_app(app.id, changes, &precondition).await??;
    Ok(Tagged(app.tag(), axum::Json(seen(&manager, app, role))))
}

/// Deletes an app with everything in it. Needs the role owner.
#[utoipa::path(
    delete,
    path = "/apps/{app}",
    tag = "apps",
    operation_id = "delete_app",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(State(manager): State<Manager>, Owner(access): Owner) -> Result<StatusCode, ApiError> {
    let manager = access.audited_itself(&manager, "delete_app", json!({}));
    let gone = manager.store.delete_app(access.app.id).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("app")) }
}

fn seen(manager: &Manager, app: picloud_store::App, role: Role) -> App {
    App {
        id: app.id,
        url: manager.app_url(&app.slug),
        slug: app.slug,
        name: app.name,
        debug: app.debug,
        limits_in_force: manager.settings.limits.in_force(&app.limits).values(),
        limits: app.limits,
        outbound: app.outbound,
        cors: app.cors,
        role,
        created_at: app.created_at,
    }
}

fn checked_name(name: String) -> Result<String, ApiError> {
    let valid = (1..=NAME_CHARS).contains(&name.chars().count()) && !name.contains(char::is_control);
    if valid {
        Ok(name)
    } else {
        Err(ApiError::Invalid(format!("an app's name is 1 to {NAME_CHARS} characters, without control characters")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_printable() {
        for good in ["a", "Käse & Söhne", &"ü".repeat(100)] {
            assert!(checked_name(good.into()).is_ok(), "{good}");
        }
        for bad in ["", "a\0", "a\n", &"ü".repeat(101)] {
            assert!(checked_name(bad.into()).is_err(), "{bad}");
        }
    }
}
