//! Dead letters: looking at them, delivering them again, deleting them.

use super::{
    access::{Access, Editor, Viewer},
    deliveries,
    error::ApiError,
    extract::{DeadLetter as Id, Json, Query},
    page::{self, Before},
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{DeadLetter, Page, Replay, Replayed},
    ids::DeliveryId,
};
use picloud_store::Found;
use serde_json::json;

/// Dead letters, the latest event first. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/dead-letters",
    tag = "topics",
    operation_id = "list_dead_letters",
    params(Before<DeliveryId>),
    responses((status = 200, description = "A page of them", body = Page<DeadLetter>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(Before { before, limit }): Query<Before<DeliveryId>>,
) -> Result<axum::Json<Page<DeadLetter>>, ApiError> {
    let Found { items, next } = manager.store.dead_letters(app.id, before, page::size(limit)?).await?;
    let items = items.into_iter().map(seen).collect();
    Ok(axum::Json(Page { items, next: next.map(|next| next.to_string()) }))
}

/// Delivers a dead letter again. Needs the role editor.
#[utoipa::path(
    post,
    path = "/apps/{app}/dead-letters/{id}/replay",
    tag = "topics",
    operation_id = "replay_dead_letter",
    responses((status = 200, description = "It waits to be delivered", body = Replayed))
)]
pub(super) async fn replay(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Id(id): Id,
) -> Result<axum::Json<Replayed>, ApiError> {
    let manager = access.audited(&manager, "replay_dead_letter", &id, json!({}));
    let replayed = manager.store.replay(access.app.id, Some(id), None).await??;
    Ok(axum::Json(Replayed { replayed }))
}

/// Delivers all dead letters of an app again, or those of one topic. Needs the role editor.
#[utoipa::path(
    post,
    path = "/apps/{app}/dead-letters/replay",
    tag = "topics",
    operation_id = "replay_dead_letters",
    request_body = Replay,
    responses((status = 200, description = "They wait to be delivered", body = Replayed))
)]
pub(super) async fn replay_all(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Json(Replay { topic }): Json<Replay>,
) -> Result<axum::Json<Replayed>, ApiError> {
    let manager = access.audited_itself(&manager, "replay_dead_letters", json!({"topic": topic}));
    let replayed = manager.store.replay(access.app.id, None, topic.as_ref()).await??;
    Ok(axum::Json(Replayed { replayed }))
}

/// Deletes a dead letter. Needs the role editor.
#[utoipa::path(
    delete,
    path = "/apps/{app}/dead-letters/{id}",
    tag = "topics",
    operation_id = "delete_dead_letter",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "delete_dead_letter", &id, json!({}));
    let gone = manager.store.delete_dead_letter(access.app.id, id).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("dead letter")) }
}

fn seen(letter: picloud_store::DeadLetter) -> DeadLetter {
    let (topic, scheduled_at) = deliveries::about(letter.occasion);
    DeadLetter {
        id: letter.id,
        topic,
        scheduled_at,
        script: letter.script,
        key: letter.key,
        payload: deliveries::seen_payload(letter.payload),
        attempts: letter.attempts,
        error: letter.error,
        last_invocation: letter.last_invocation,
        dead_at: letter.dead_at,
    }
}
