//! What an administrator may know of the process that answers.

use super::{access::Admin, error::ApiError};
use crate::Manager;
use axum::extract::State;
use picloud_shared::{api::Server, limit_rules::LimitValues};

/// What the server was started with, and what it works on; no passwords and no keys. Needs an administrator.
#[utoipa::path(
    get,
    path = "/server",
    tag = "server",
    operation_id = "show_server",
    responses((status = 200, description = "What there is to know", body = Server))
)]
pub(super) async fn show(State(manager): State<Manager>, Admin(_): Admin) -> Result<axum::Json<Server>, ApiError> {
    let database = manager.store.database_facts().await?;
    let settings = &manager.settings;
    let process = &settings.process;
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(axum::Json(Server {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: settings.node.to_string(),
        started_at: process.started_at,
        database,
        data_directory: process.data_directory.clone(),
        manager_url: settings.manager_url.clone(),
        manager_hosts: settings.manager_hosts.iter().map(ToString::to_string).collect(),
        apps_url: settings.apps_url.clone(),
        apps_domain: settings.apps_domain.to_string(),
        trusted_proxies: settings.trusted_proxies.iter().map(ToString::to_string).collect(),
        engine: process.engine.clone(),
        slots: number(manager.executor.load().slots),
        body_memory_bytes: number(manager.activity.bodies.most()),
        delivery_attempts: process.delivery_attempts,
        delivery_backoff_ms: process.delivery_backoff_ms,
        limits: settings.limits.in_force(&LimitValues::default()).values(),
        max_limits: settings.limits.maxima().values(),
    }))
}
