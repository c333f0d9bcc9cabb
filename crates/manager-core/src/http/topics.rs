//! Topics: who is subscribed, and publishing.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Json, Query, Topic as Name},
    page::ByName,
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{Page, Publish, Published, Topic},
    events::checked_delay,
};
use picloud_store::NewEvent;

/// Milliseconds of a second.
const SECOND: u64 = 1_000;

/// The topics that scripts are subscribed to, and those that have deliveries, by name. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/topics",
    tag = "topics",
    operation_id = "list_topics",
    params(ByName),
    responses((status = 200, description = "A page of them", body = Page<Topic>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(page): Query<ByName>,
) -> Result<axum::Json<Page<Topic>>, ApiError> {
    let topics = manager.store.topics(app.id).await?;
    let seen = |(name, topic): (_, picloud_store::Topic)| Topic {
        name,
        subscribers: topic.subscribers,
        waiting: topic.waiting,
        dead: topic.dead,
    };
    Ok(axum::Json(page.cut(topics.into_iter().map(seen).collect(), |topic| topic.name.clone())?))
}

/// Publishes an event, also where nobody is subscribed. Needs the role editor.
#[utoipa::path(
    post,
    path = "/apps/{app}/topics/{topic}",
    tag = "topics",
    operation_id = "publish_event",
    request_body = Publish,
    responses((status = 202, description = "The event is stored", body = Published))
)]
pub(super) async fn publish(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(topic): Name,
    Json(Publish { payload, key, delay }): Json<Publish>,
) -> Result<(StatusCode, axum::Json<Published>), ApiError> {
    let payload = payload.to_string();
    let delay_ms = checked_delay(&payload, key.as_deref(), u64::from(delay.unwrap_or(0)) * SECOND)?;
    // No event caused this one.
    let event = NewEvent { topic, key, payload, delay_ms, depth: 1 };
    access.look_again(&manager).await?;
    let deliveries = manager.store.publish(access.app.id, event).await??;
    Ok((StatusCode::ACCEPTED, axum::Json(Published { deliveries })))
}
