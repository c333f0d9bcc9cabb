//! Deliveries that have not ended: looking at them.

use super::{
    access::{Access, Viewer},
    error::ApiError,
    extract::{Delivery as Id, Query},
    page,
};
use crate::Manager;
use axum::extract::State;
use picloud_shared::{
    api::{Delivery, DeliveryState, Page},
    ids::DeliveryId,
    names::{ScriptName, TopicName},
    time::TimestampMs,
};
use picloud_store::{DeliveryFilter, Occasion};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those of this topic.
    topic: Option<TopicName>,
    /// Only those to this script.
    script: Option<ScriptName>,
    /// Only those that are so far.
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Only what comes before this one: `next` of the page before.
    before: Option<DeliveryId>,
    /// Most items of the page: 1 to 200, 50 if not given.
    limit: Option<u32>,
}

/// Deliveries of events that have not ended, the latest event first: what waits, what runs, and what is tried again. What has
/// arrived is among the invocations, what was given up among the dead letters. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/deliveries",
    tag = "topics",
    operation_id = "list_deliveries",
    params(Filter),
    responses((status = 200, description = "A page of them", body = Page<Delivery>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(Filter { topic, script, state, before, limit }): Query<Filter>,
) -> Result<axum::Json<Page<Delivery>>, ApiError> {
    let size = page::size(limit)?;
    let filter = DeliveryFilter { topic, script, state, before, limit: size + 1 };
    let found = manager.store.deliveries(app.id, filter).await?;
    let items = found.into_iter().map(|delivery| seen(delivery, None)).collect();
    Ok(axum::Json(page::of(items, size, |delivery: &Delivery| delivery.id)))
}

/// One delivery that has not ended, with its payload. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/deliveries/{id}",
    tag = "topics",
    operation_id = "show_delivery",
    responses((status = 200, description = "The delivery", body = Delivery))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Id(id): Id,
) -> Result<axum::Json<Delivery>, ApiError> {
    let (delivery, payload) = manager.store.delivery(app.id, id).await?.ok_or(ApiError::NotFound("delivery"))?;
    Ok(axum::Json(seen(delivery, Some(seen_payload(payload)))))
}

fn seen(delivery: picloud_store::Delivery, payload: Option<Value>) -> Delivery {
    let (topic, scheduled_at) = about(delivery.occasion);
    Delivery {
        id: delivery.id,
        topic,
        scheduled_at,
        script: delivery.script,
        key: delivery.key,
        state: delivery.state,
        attempts: delivery.attempts,
        due_at: delivery.due_at,
        error: delivery.error,
        last_invocation: delivery.last_invocation,
        payload,
    }
}

/// The topic, or the slot of a schedule.
pub(super) fn about(occasion: Occasion) -> (Option<TopicName>, Option<TimestampMs>) {
    match occasion {
        Occasion::Topic(topic) => (Some(topic), None),
        Occasion::Slot(at) => (None, Some(at)),
    }
}

/// A payload, or, where it is nested too deeply to be read back, its text.
pub(super) fn seen_payload(payload: String) -> Value {
    serde_json::from_str(&payload).unwrap_or(Value::String(payload))
}
