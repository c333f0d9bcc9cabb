//! What probes and passers-by ask.

use super::error::ApiError;
use crate::Manager;
use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use serde_json::{Value, json};

/// `GET /healthz`: the process is alive.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// `GET /readyz`: the database answers.
pub(super) async fn ready(State(manager): State<Manager>) -> Result<Json<Value>, ApiError> {
    manager.store.ping().await.map_err(ApiError::NotReady)?;
    Ok(Json(json!({"status": "ok"})))
}

/// `GET /metrics`, in Prometheus' text format.
pub(super) async fn metrics(State(manager): State<Manager>) -> ([(HeaderName, &'static str); 1], String) {
    let load = manager.executor.load();
    let text = [
        metric(
            "picloud_database_queries_total",
            "counter",
            "Statements sent to the database.",
            manager.store.queries(),
        ),
        metric("picloud_pool_slots", "gauge", "Invocations that there may be at once.", load.slots),
        metric("picloud_pool_slots_free", "gauge", "Invocations that there is room for now.", load.slots_free),
        metric("picloud_invocations_waiting", "gauge", "Invocations that wait to begin.", load.waiting),
        metric(
            "picloud_image_hits_total",
            "counter",
            "Invocations that found their version compiled.",
            load.image_hits,
        ),
        metric(
            "picloud_image_misses_total",
            "counter",
            "Invocations that had their version compiled, or waited for that.",
            load.image_misses,
        ),
        metric(
            "picloud_instances_kept_total",
            "counter",
            "Invocations in an instance that had been kept.",
            load.instances_kept,
        ),
        metric("picloud_instances_new_total", "counter", "Invocations in a new instance.", load.instances_new),
    ]
    .concat();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn metric(name: &str, kind: &str, help: &str, value: impl std::fmt::Display) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
}

/// `GET /`.
pub(super) async fn about() -> Json<Value> {
    Json(json!({"name": "PiCloud", "version": env!("CARGO_PKG_VERSION"), "api": "/api/v1"}))
}
