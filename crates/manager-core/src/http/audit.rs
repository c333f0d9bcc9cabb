//! The audit log: of an app for its owners, of the whole server for administrators.

use super::{
    access::{Access, Admin, Owner},
    error::ApiError,
    extract::Query,
    page,
};
use crate::Manager;
use axum::extract::State;
use picloud_shared::{
    api::{AuditEntry, Page},
    ids::{AppId, AuditId},
    names::Username,
};
use picloud_store::AuditFilter;
use serde::Deserialize;
use utoipa::IntoParams;

/// More bytes than any action has.
const ACTION_BYTES: usize = 64;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only what this user did.
    actor: Option<Username>,
    /// Only what is called so, as the operation is in this document.
    action: Option<String>,
    /// Only what comes before this one: `next` of the page before.
    before: Option<AuditId>,
    /// Most items of the page: 1 to 200, 50 if not given.
    limit: Option<u32>,
}

/// Who changed what in an app, the newest first. Needs the role owner.
#[utoipa::path(
    get,
    path = "/apps/{app}/audit",
    tag = "audit",
    operation_id = "list_app_audit",
    params(Filter),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>))
)]
pub(super) async fn list_of_app(
    State(manager): State<Manager>,
    Owner(Access { app, .. }): Owner,
    Query(filter): Query<Filter>,
) -> Result<axum::Json<Page<AuditEntry>>, ApiError> {
    listed(&manager, Some(app.id), filter).await
}

/// Who changed what on the whole server, also in apps and by users who are gone, the newest first. For administrators.
#[utoipa::path(
    get,
    path = "/audit",
    tag = "audit",
    operation_id = "list_audit",
    params(Filter),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Admin(_): Admin,
    Query(filter): Query<Filter>,
) -> Result<axum::Json<Page<AuditEntry>>, ApiError> {
    listed(&manager, None, filter).await
}

async fn listed(
    manager: &Manager,
    app: Option<AppId>,
    Filter { actor, action, before, limit }: Filter,
) -> Result<axum::Json<Page<AuditEntry>>, ApiError> {
    let size = page::size(limit)?;
    let is_action =
        |text: &str| text.len() <= ACTION_BYTES && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if action.as_deref().is_some_and(|action| !is_action(action)) {
        return Err(ApiError::Invalid("an action is lower-case letters and '_', such as put_script".to_owned()));
    }
    let filter = AuditFilter { app, actor, action, before, limit: size + 1 };
    let entries = manager.store.audit(filter).await?;
    Ok(axum::Json(page::of(entries.into_iter().map(seen).collect(), size, |entry| entry.id)))
}

fn seen((id, entry): (AuditId, picloud_store::AuditEntry)) -> AuditEntry {
    let (actor_id, actor) = entry.actor.unzip();
    AuditEntry {
        id,
        at: entry.at,
        actor,
        actor_id,
        token: entry.token,
        address: entry.address,
        action: entry.action,
        app: entry.app.map(|(_, slug)| slug),
        target: entry.target,
        detail: entry.detail,
    }
}
