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
    api::{InvocationDetail, InvocationSummary, Invoke, InvokedResponse, Page},
    ids::InvocationId,
    names::ScriptName,
};
use picloud_store::{Invocation, InvocationFilter, StoredLog};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    script: Option<ScriptName>,
    status: Option<Status>,
    before: Option<InvocationId>,
    limit: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Failed,
}

/// `GET /apps/{app}/invocations`, newest first.
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(Filter { script, status, before, limit }): Query<Filter>,
) -> Result<axum::Json<Page<InvocationSummary>>, ApiError> {
    let size = page::size(limit)?;
    let failed = status.map(|status| status == Status::Failed);
    let filter = InvocationFilter { script, failed, before, limit: size + 1 };
    let found = manager.store.invocations(app.id, filter).await?;
    let items = found.into_iter().map(|invocation| seen(invocation, Vec::new()).summary).collect();
    Ok(axum::Json(page::of(items, size, |summary| summary.id)))
}

/// `GET /apps/{app}/invocations/{id}`.
pub(super) async fn show(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Id(id): Id,
) -> Result<axum::Json<InvocationDetail>, ApiError> {
    let (invocation, logs) = manager.store.invocation(app.id, id).await?.ok_or(ApiError::NotFound("invocation"))?;
    Ok(axum::Json(seen(invocation, logs)))
}

/// `POST /apps/{app}/scripts/{name}/invoke`: a script that fails is no failure of this request.
pub(super) async fn invoke(
    State(manager): State<Manager>,
    Editor(Access { app, .. }): Editor,
    Name(name): Name,
    Json(invoke): Json<Invoke>,
) -> Result<axum::Json<InvocationDetail>, ApiError> {
    let Run { invocation, logs, outcome } = manager.run(&app, &name, invoke).await?;
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
