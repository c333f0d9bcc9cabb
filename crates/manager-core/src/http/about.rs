//! What anybody may know of the server.

use super::error::ApiError;
use crate::Manager;
use axum::extract::State;
use picloud_shared::api::About;

/// The version, and whether there is a user yet.
#[utoipa::path(
    get,
    path = "/about",
    tag = "auth",
    operation_id = "about",
    security(()),
    responses((status = 200, description = "What anybody may know", body = About))
)]
pub(super) async fn show(State(manager): State<Manager>) -> Result<axum::Json<About>, ApiError> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(axum::Json(About { version, set_up: manager.store.has_users().await? }))
}
