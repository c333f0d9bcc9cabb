//! Members of apps, and their roles.

use super::{
    access::{Access, UnscopedOwner, Viewer},
    error::ApiError,
    extract::{Json, Query, User as Name},
    page::{self, AfterUser},
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Member, Page, Role, SetMember};
use picloud_store::RoleGiven;
use serde_json::json;

/// The members of an app, by name. Administrators are owners of every app without being among them. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/members",
    tag = "members",
    operation_id = "list_members",
    params(AfterUser),
    responses((status = 200, description = "A page of them", body = Page<Member>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(AfterUser { after, limit }): Query<AfterUser>,
) -> Result<axum::Json<Page<Member>>, ApiError> {
    let size = page::size(limit)?;
    let members = manager.store.members(app.id, after.as_ref(), size + 1).await?;
    let seen = |picloud_store::Member { username, role }| Member { username, role };
    Ok(axum::Json(page::of(members.into_iter().map(seen).collect(), size, |member| member.username.clone())))
}

/// Gives a user a role in an app, whatever they had before. Needs the role owner, by a token that has all of its user's rights.
#[utoipa::path(
    put,
    path = "/apps/{app}/members/{username}",
    tag = "members",
    operation_id = "set_member",
    request_body = SetMember,
    responses(
        (status = 200, description = "The member, with another role", body = Member),
        (status = 201, description = "The new member", body = Member)
    )
)]
pub(super) async fn set(
    State(manager): State<Manager>,
    UnscopedOwner(access): UnscopedOwner,
    Name(username): Name,
    Json(SetMember { role }): Json<SetMember>,
) -> Result<(StatusCode, axum::Json<Member>), ApiError> {
    let manager = access.audited(&manager, "set_member", &username, json!({"role": role}));
    let given = manager.store.set_member(access.app.id, &username, role, access.caller.who.user.id).await??;
    let status = if given == RoleGiven::Added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(Member { username, role })))
}

/// Takes a user's role in an app. For owners, and for the user, with a token that has all of their rights.
#[utoipa::path(
    delete,
    path = "/apps/{app}/members/{username}",
    tag = "members",
    operation_id = "remove_member",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn remove(
    State(manager): State<Manager>,
    Viewer(access): Viewer,
    Name(username): Name,
) -> Result<StatusCode, ApiError> {
    let who = &access.caller.who;
    let leaves = who.user.username == username && !who.is_scoped();
    if access.role < Role::Owner && !leaves {
        return Err(ApiError::Forbidden(Role::Owner));
    }
    access.caller.unscoped()?;
    let manager = access.audited(&manager, "remove_member", &username, json!({}));
    manager.store.remove_member(access.app.id, &username, who.user.id).await??;
    Ok(StatusCode::NO_CONTENT)
}
