//! Schedules: when scripts run by the clock, and running one now.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Query, Schedule as Id},
    page::ByName,
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::api::{LastFiring, Page, ScheduleRun, ScheduleState};
use picloud_store::StoredSchedule;
use serde_json::json;

/// Slots to come that are shown.
const NEXT: usize = 5;

/// The schedules of the active versions, by script. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/schedules",
    tag = "schedules",
    operation_id = "list_schedules",
    params(ByName),
    responses((status = 200, description = "A page of them", body = Page<ScheduleState>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(page): Query<ByName>,
) -> Result<axum::Json<Page<ScheduleState>>, ApiError> {
    let schedules = manager.store.schedules(app.id).await?;
    let place = |state: &ScheduleState| format!("{} {}", state.script, state.schedule);
    let mut schedules: Vec<ScheduleState> = schedules.into_iter().map(seen).collect();
    schedules.sort_by_cached_key(place);
    Ok(axum::Json(page.cut(schedules, place)?))
}

/// Runs what a schedule runs, now. Needs the role editor.
#[utoipa::path(
    post,
    path = "/apps/{app}/schedules/{id}/run",
    tag = "schedules",
    operation_id = "run_schedule",
    responses((status = 202, description = "The event is stored", body = ScheduleRun))
)]
pub(super) async fn run(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Id(id): Id,
) -> Result<(StatusCode, axum::Json<ScheduleRun>), ApiError> {
    let manager = access.audited(&manager, "run_schedule", &id, json!({}));
    let delivery = manager.store.run_schedule(access.app.id, id).await??;
    Ok((StatusCode::ACCEPTED, axum::Json(ScheduleRun { delivery })))
}

fn seen(stored: StoredSchedule) -> ScheduleState {
    let StoredSchedule { id, script, schedule, next_at, last_at, last } = stored;
    let following = next_at.map(|next| schedule.next_after_up_to(next, NEXT - 1));
    let next = next_at.into_iter().chain(following.into_iter().flatten()).collect();
    let last = last_at.map(|at| {
        let (invocation, outcome) = last.unzip();
        LastFiring { at, invocation, outcome }
    });
    ScheduleState { id, script, schedule, next, last }
}
