//! Logs.

use super::{
    access::{Access, Viewer},
    error::ApiError,
    extract::Query,
    page,
};
use crate::Manager;
use axum::{
    extract::State,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use picloud_shared::{
    api::{LogEntry, LogLevel, Page, StatusFilter},
    ids::InvocationId,
    names::ScriptName,
    time::TimestampMs,
};
use picloud_store::{Found, LogFilter, StoredLog, TailFilter};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Whether to follow the log: an event stream of the lines to come, from behind the one that `last-event-id` names.
    #[serde(default)]
    #[param(required = false)]
    follow: bool,
    /// Only those of this script.
    script: Option<ScriptName>,
    /// Only those of this invocation.
    #[param(value_type = Option<String>)]
    invocation: Option<InvocationId>,
    /// Only those of invocations that ended so: `ok`, `failed`, `2xx` to `5xx`, or a status such as `500`.
    #[param(inline)]
    status: Option<StatusFilter>,
    /// Only lines that are at least so important.
    #[param(inline)]
    level: Option<LogLevel>,
    /// Only lines that have this in their text; at most 200 characters.
    text: Option<String>,
    /// Only lines written then or later.
    #[param(value_type = Option<i64>)]
    since: Option<TimestampMs>,
    /// Only what comes before this one: `next` of the page before.
    before: Option<InvocationId>,
    /// Most items of the page: 1 to 200, 50 if not given.
    limit: Option<u32>,
}

/// Log lines: newest invocation first, the lines of each in order. The limit counts invocations, so that none is torn
/// between two pages. With `follow=true` an event stream of those to come, in the order in which they are recorded: the data
/// of each event is a line, its id the place behind it; the first event has no data, and the id of where the stream begins. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/logs",
    tag = "invocations",
    operation_id = "list_logs",
    params(Filter),
    responses((status = 200, description = "A page of them, or a stream", content(
        (Page<LogEntry> = "application/json"),
        (String = "text/event-stream"),
    )))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, caller, .. }): Viewer,
    Query(filter): Query<Filter>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let Filter { follow, script, invocation, status, level, text, since, before, limit } = filter;
    let text = page::text(text)?;
    if follow {
        if since.is_some() || before.is_some() || limit.is_some() {
            return Err(ApiError::Invalid("who follows a log gives no since, before or limit".to_owned()));
        }
        let filter = TailFilter { script, invocation, status, level, text };
        return super::follow::follow(&manager, parts, app.id, caller.who.user.id, filter).await;
    }
    let filter = LogFilter { script, invocation, status, level, text, since, before, limit: page::size(limit)? };
    let Found { items, next } = manager.store.logs(app.id, filter).await?;
    let items: Vec<LogEntry> = items.into_iter().map(seen).collect();
    Ok(axum::Json(Page { items, next: next.map(|next| next.to_string()) }).into_response())
}

pub(super) fn seen(StoredLog { invocation, script, at, level, message, fields }: StoredLog) -> LogEntry {
    LogEntry { invocation, script, at, level, message, fields }
}
