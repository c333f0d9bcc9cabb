//! What probes and passers-by ask.

use super::error::ApiError;
use crate::Manager;
use axum::{Json, extract::State};
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
