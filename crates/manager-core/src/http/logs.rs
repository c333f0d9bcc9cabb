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
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those of this script.
    script: Option<ScriptName>,
    /// Only what comes before this one: `next` of the page before.
    before: Option<InvocationId>,
    /// Most items of the page: 1 to 200, 50 if not given.
    limit: Option<u32>,
}

/// Log lines: newest invocation first, the lines of each in order. The limit counts invocations, so that none is torn
/// between two pages. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/logs",
    tag = "invocations",
    operation_id = "list_logs",
    params(Filter),
    responses((status = 200, description = "A page of them", body = Page<LogEntry>))
)]
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
