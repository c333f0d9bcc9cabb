//! What every answer carries: the request's id, headers against caching and sniffing, and, for an error, its body. What the
//! client has already is not sent again.
//! The one place where failures of the platform are logged.

use super::error::ApiError;
use axum::{
    Json,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn wrap(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let seen = if method == Method::GET { request.headers().get(header::IF_NONE_MATCH).cloned() } else { None };
    let mut response = next.run(request).await;
    if seen.is_some() && seen.as_ref() == response.headers().get(header::ETAG) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        // Being overloaded is no defect, and anybody can bring it about at any rate.
        if error.status().is_server_error() && !matches!(*error, ApiError::Overloaded | ApiError::NoRoom(_)) {
            let error: &(dyn std::error::Error + 'static) = &*error;
            tracing::error!(request_id = id, %method, path, error, "a request failed");
        }
        response = with_body(response, &error, id.clone());
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The response with the error's body; of its headers those that do not describe a body.
fn with_body(bare: Response, error: &ApiError, request_id: String) -> Response {
    let mut response = (bare.status(), Json(error.body(request_id))).into_response();
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = bare.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
