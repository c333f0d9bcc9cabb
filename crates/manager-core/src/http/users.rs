//! Users, for administrators.

use super::{
    access::Admin,
    error::ApiError,
    extract::{Json, Query, User as Name},
    page::{self, AfterUser},
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{Page, UpdateUser, User};
use picloud_store::UserChanges;
use serde_json::json;

/// The users, by name. For administrators.
#[utoipa::path(
    get,
    path = "/users",
    tag = "users",
    operation_id = "list_users",
    params(AfterUser),
    responses((status = 200, description = "A page of them", body = Page<User>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Admin(_): Admin,
    Query(AfterUser { after, limit }): Query<AfterUser>,
) -> Result<axum::Json<Page<User>>, ApiError> {
    let size = page::size(limit)?;
    let users = manager.store.users(after.as_ref(), size + 1).await?;
    Ok(axum::Json(page::of(users.into_iter().map(seen).collect(), size, |user| user.username.clone())))
}

/// Changes a user; what is absent stays. Who is disabled has no token any more. For administrators;
/// making one needs a session.
#[utoipa::path(
    patch,
    path = "/users/{username}",
    tag = "users",
    operation_id = "update_user",
    request_body = UpdateUser,
    responses((status = 200, description = "The user as it is now", body = User))
)]
pub(super) async fn update(
    State(manager): State<Manager>,
    Admin(caller): Admin,
    Name(username): Name,
    Json(update): Json<UpdateUser>,
) -> Result<axum::Json<User>, ApiError> {
    let UpdateUser { admin, create_apps, disabled } = update;
    if admin == Some(true) {
        caller.in_session()?;
    }
    let manager = caller.audited(&manager, "update_user", &username, json!(update));
    let changes = UserChanges { admin, create_apps, disabled };
    let user = manager.store.update_user(&username, changes, caller.who.user.id).await??;
    Ok(axum::Json(seen(user)))
}

/// Deletes a user with all tokens; what the user has made stays. For administrators.
#[utoipa::path(
    delete,
    path = "/users/{username}",
    tag = "users",
    operation_id = "delete_user",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Admin(caller): Admin,
    Name(username): Name,
) -> Result<StatusCode, ApiError> {
    let manager = caller.audited(&manager, "delete_user", &username, json!({}));
    manager.store.delete_user(&username, caller.who.user.id).await??;
    Ok(StatusCode::NO_CONTENT)
}

fn seen(user: picloud_store::User) -> User {
    User {
        id: user.id,
        username: user.username,
        admin: user.admin,
        create_apps: user.create_apps,
        disabled: user.disabled,
        created_at: user.created_at,
    }
}
