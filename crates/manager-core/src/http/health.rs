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
    let queries = manager.store.queries();
    let text = format!(
        "# HELP picloud_database_queries_total Statements sent to the database since the start.\n\
         # TYPE picloud_database_queries_total counter\n\
         picloud_database_queries_total {queries}\n"
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// `GET /`.
pub(super) async fn about() -> Json<Value> {
    Json(json!({"name": "PiCloud", "version": env!("CARGO_PKG_VERSION"), "api": "/api/v1"}))
}
