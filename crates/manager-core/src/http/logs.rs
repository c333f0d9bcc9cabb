//! Logs.

use super::{
    access::{Access, Viewer},
    error::ApiError,
    extract::Query,
    page,
};
use crate::Manager;
use axum::extract::State;
use picloud_shared::{
    api::{LogEntry, Page},
    ids::InvocationId,
    names::ScriptName,
};
use picloud_store::{LogFilter, StoredLog};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    script: Option<ScriptName>,
    before: Option<InvocationId>,
    limit: Option<u32>,
}

/// `GET /apps/{app}/logs`: newest invocation first, the lines of each in order. The limit counts invocations, so that
/// none is torn between two pages.
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(Filter { script, before, limit }): Query<Filter>,
) -> Result<axum::Json<Page<LogEntry>>, ApiError> {
    let size = page::size(limit)?;
    let lines = manager.store.logs(app.id, LogFilter { script, before, limit: size + 1 }).await?;
    let lines = lines.into_iter().map(seen).collect();
    Ok(axum::Json(page::of(lines, size, |line: &LogEntry| line.invocation)))
}

pub(super) fn seen(StoredLog { invocation, script, at, level, message, fields }: StoredLog) -> LogEntry {
    LogEntry { invocation, script, at, level, message, fields }
}
