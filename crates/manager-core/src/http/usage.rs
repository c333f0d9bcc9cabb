//! What an app uses of what it may.

use super::{
    access::{Access, Viewer},
    error::ApiError,
};
use crate::Manager;
use axum::extract::State;
use picloud_shared::{
    api::{Usage, Used},
    limits::{APP_FILE_BYTES, APP_FILES, APP_SCRIPTS, DELIVERIES_WAITING},
    time::now_ms,
};

/// What an app uses of what it may. What is counted by the minute is that of this node. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/usage",
    tag = "apps",
    operation_id = "show_usage",
    responses((status = 200, description = "What is used, each with its limit", body = Usage))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
) -> Result<axum::Json<Usage>, ApiError> {
    let kept = manager.store.app_usage(app.id).await?;
    let limits = manager.settings.limits.in_force(&app.limits);
    let activity = manager.activity.of(app.id);
    let minute = activity.minute(now_ms());
    let used = |used, limit: i64| Used { used, limit: (limit < i64::MAX).then_some(limit) };
    Ok(axum::Json(Usage {
        requests_this_minute: used(number(minute.requests), number(limits.requests_per_minute)),
        fuel_this_minute: used(number(minute.fuel), number(limits.fuel_per_minute)),
        concurrency: used(number(activity.in_flight()), number(limits.concurrency)),
        scripts: used(kept.scripts, number(APP_SCRIPTS)),
        file_bytes: used(kept.file_bytes, APP_FILE_BYTES),
        files: used(kept.files, APP_FILES),
        record_bytes: used(kept.record_bytes, limits.record_bytes),
        kv_bytes: used(kept.kv_bytes, limits.kv_bytes),
        kv_entries: used(kept.kv_entries, limits.kv_entries),
        deliveries: used(kept.deliveries, number(DELIVERIES_WAITING)),
    }))
}

fn number<T: TryInto<i64>>(count: T) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
