//! Invocations: what ran, and running something by hand.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Invocation as Id, Json, Name, Query},
    logs, page,
};
use crate::{Manager, invoke::Run};
use axum::extract::State;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use picloud_abi::invocation::{Outcome, Response};
use picloud_shared::{
    api::{InvocationDetail, InvocationSummary, Invoke, InvokedResponse, Page, StatusFilter, Trigger},
    ids::InvocationId,
    names::ScriptName,
    time::TimestampMs,
};
use picloud_store::{Found, Invocation, InvocationFilter, StoredLog};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only those of this script.
    script: Option<ScriptName>,
    /// Only those that ended so: `ok`, `failed`, `2xx` to `5xx`, or a status such as `404`.
    #[param(inline)]
    status: Option<StatusFilter>,
    /// Only those with this outcome, such as `out_of_fuel`.
    outcome: Option<String>,
    /// Only those that were started so.
    #[param(inline)]
    trigger: Option<Trigger>,
    /// Only those that this invocation called.
    #[param(value_type = Option<String>)]
    parent: Option<InvocationId>,
    /// Only those that began then or later.
    #[param(value_type = Option<i64>)]
    since: Option<TimestampMs>,
    /// Only those that began then or before.
    #[param(value_type = Option<i64>)]
    until: Option<TimestampMs>,
    /// Only those that have this in their request's line or in their error's message; at most 200 characters.
    text: Option<String>,
    /// Only what comes before this one: `next` of the page before.
    before: Option<InvocationId>,
    /// Most items of the page: 1 to 200, 50 if not given.
    limit: Option<u32>,
}

/// Invocations, newest first. Where it is looked for something, a page may have fewer items than wanted, or none, and a
/// next one all the same: no more is looked at at once. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/invocations",
    tag = "invocations",
    operation_id = "list_invocations",
    params(Filter),
    responses((status = 200, description = "A page of them", body = Page<InvocationSummary>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(filter): Query<Filter>,
) -> Result<axum::Json<Page<InvocationSummary>>, ApiError> {
    let Filter { script, status, outcome, trigger, parent, since, until, text, before, limit } = filter;
    let (text, limit) = (page::text(text)?, page::size(limit)?);
    let filter = InvocationFilter { script, status, outcome, trigger, parent, since, until, text, before, limit };
    let Found { items, next } = manager.store.invocations(app.id, filter).await?;
    let items = items.into_iter().map(|invocation| seen(invocation, Vec::new()).summary).collect();
    Ok(axum::Json(Page { items, next: next.map(|next| next.to_string()) }))
}

/// One invocation with all that is known of it. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/invocations/{id}",
    tag = "invocations",
    operation_id = "show_invocation",
    responses((status = 200, description = "The invocation", body = InvocationDetail))
)]
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Id(id): Id,
) -> Result<axum::Json<InvocationDetail>, ApiError> {
    let (invocation, logs) = manager.store.invocation(app.id, id).await?.ok_or(ApiError::NotFound("invocation"))?;
    Ok(axum::Json(seen(invocation, logs)))
}

/// Runs a script now. A script that fails is no failure of this request. Needs the role editor.
#[utoipa::path(
    post,
    path = "/apps/{app}/scripts/{name}/invoke",
    tag = "invocations",
    operation_id = "invoke_script",
    request_body = Invoke,
    responses((status = 200, description = "The invocation, with its response or result", body = InvocationDetail))
)]
pub(super) async fn invoke(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(name): Name,
    Json(invoke): Json<Invoke>,
) -> Result<axum::Json<InvocationDetail>, ApiError> {
    access.look_again(&manager).await?;
    let Run { invocation, logs, outcome } = manager.run(&access.app, &name, invoke).await?;
    let mut detail = seen(invocation, logs);
    match outcome {
        Outcome::Response(response) => detail.response = Some(seen_response(response)),
        Outcome::Value(json) => detail.result = Some(seen_result(json)),
        Outcome::Failure(_) => {}
    }
    Ok(axum::Json(detail))
}

fn seen(invocation: Invocation, logs: Vec<StoredLog>) -> InvocationDetail {
    InvocationDetail {
        summary: InvocationSummary {
            id: invocation.id,
            script: invocation.script,
            version: invocation.version,
            trigger: invocation.trigger,
            parent: invocation.parent,
            request: invocation.request,
            status: invocation.status,
            outcome: invocation.outcome,
            fuel: number(invocation.fuel),
            fuel_limit: number(invocation.fuel_limit),
            memory_bytes: number(invocation.memory_bytes),
            duration_us: number(invocation.duration_us),
            started_at: invocation.started_at,
            node: invocation.node,
            error: invocation.error,
        },
        logs: logs.into_iter().map(logs::seen).collect(),
        logs_dropped: invocation.logs_dropped.into(),
        calls: invocation.calls,
        response: None,
        result: None,
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The value, or, where it is nested so deeply that a reader of the answer may refuse it, its text.
fn seen_result(json: String) -> Value {
    // Parsed one level down, as it stands in the answer.
    let parsed = serde_json::from_str(&format!("[{json}]"));
    parsed.map_or(Value::String(json), |[value]: [Value; 1]| value)
}

fn seen_response(Response { status, headers, body }: Response) -> InvokedResponse {
    let (body, body_base64) = match String::from_utf8(body.into_vec()) {
        Ok(text) => (Some(text), None),
        Err(error) => (None, Some(BASE64_STANDARD.encode(error.as_bytes()))),
    };
    InvokedResponse { status, headers, body, body_base64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_result_is_told_however_deep() {
        assert_eq!(seen_result("[1]".into()), json!([1]));
        for depth in [1, 126, 127, 128, 100_000] {
            let text = "[".repeat(depth) + &"]".repeat(depth);
            let told = json!({"result": seen_result(text.clone())}).to_string();
            let read: Value = serde_json::from_str(&told).unwrap();
            assert_eq!(read["result"].is_array(), depth <= 126, "{depth}");
            assert!(read["result"].is_array() || read["result"] == text, "{depth}");
        }
    }

    #[test]
    fn a_body_is_text_where_it_can_be() {
        let of = |body: &[u8]| seen_response(Response { status: 200, headers: Vec::new(), body: body.to_vec().into() });
        assert_eq!(of("ä\0".as_bytes()).body.as_deref(), Some("ä\0"));
        assert_eq!(of(&[0xff]).body, None);
        assert_eq!(of(&[0xff]).body_base64.as_deref(), Some("/w=="));
    }
}
