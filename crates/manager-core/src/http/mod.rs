//! The HTTP side of the control plane. This page is the whole route table; each resource has a file of its own, where
//! above every operation stands its method, its path, and the role that it needs.

mod about;
mod access;
mod apps;
mod audit;
mod auth;
mod bodies;
mod conditions;
mod dashboard;
mod dead_letters;
mod deliveries;
mod domains;
mod envelope;
mod error;
mod extract;
mod files;
pub(crate) mod follow;
mod health;
mod invitations;
mod invocations;
mod kv;
mod logs;
mod members;
pub(crate) mod metrics;
mod openapi;
mod origin;
mod page;
mod refusals;
mod releases;
mod schedules;
mod scripts;
mod secrets;
mod server;
mod setup;
mod stats;
mod tokens;
mod topics;
mod usage;
mod users;
mod vars;

use crate::Manager;
use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use conditions::Conditional;
use error::ApiError;
use picloud_shared::limits::{
    DEPLOY_BYTES, FILE_BYTES, KV_VALUE_BYTES, Limits, SETTING_BYTES, SOURCE_BYTES, TOPIC_PAYLOAD_BYTES,
};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

/// Where the API is.
const API: &str = "/api/v1";

/// Most bytes of a body that carries neither a source nor a request.
const SMALL_BODY: usize = 16 << 10;

/// Most bytes that one byte of text takes in JSON, as `\u0000`.
const JSON_ESCAPE: usize = 6;

/// Room for what stands in the body beside a source or a request's body.
const BESIDE: usize = 64 << 10;

/// Every operation of the API, with its document. `largest` is the most bytes that a request to a script may have.
fn operations(largest: usize) -> OpenApiRouter<Manager> {
    let source_body = DefaultBodyLimit::max(JSON_ESCAPE * SOURCE_BYTES + BESIDE);
    // Escapes are few in a source, and this is held in memory.
    let deploy_body = DefaultBodyLimit::max(2 * DEPLOY_BYTES);
    let invoke_body = DefaultBodyLimit::max(largest.saturating_mul(JSON_ESCAPE).saturating_add(BESIDE));
    let event_body = DefaultBodyLimit::max(JSON_ESCAPE * TOPIC_PAYLOAD_BYTES + BESIDE);
    let setting_body = DefaultBodyLimit::max(JSON_ESCAPE * SETTING_BYTES + BESIDE);
    let value_body = DefaultBodyLimit::max(JSON_ESCAPE * KV_VALUE_BYTES + BESIDE);
    let file_body = DefaultBodyLimit::max(FILE_BYTES + 1);

    OpenApiRouter::new()
        .routes(routes!(about::show))
        .routes(routes!(setup::create))
        .routes(routes!(auth::login))
        .routes(routes!(auth::logout))
        .routes(routes!(auth::me))
        .routes(routes!(auth::change_password))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::delete))
        .routes(routes!(users::list))
        .routes(routes!(users::update, users::delete))
        .routes(routes!(invitations::list, invitations::invite))
        .routes(routes!(invitations::accept))
        .routes(routes!(invitations::revoke))
        .routes(routes!(server::show))
        .routes(routes!(audit::list))
        .routes(routes!(apps::list, apps::create))
        .routes(routes!(apps::show, apps::update, apps::delete))
        .routes(routes!(scripts::list))
        .routes(routes!(scripts::put, scripts::show, scripts::delete).layer(source_body))
        .routes(routes!(scripts::versions))
        .routes(routes!(scripts::version))
        .routes(routes!(scripts::rollback))
        .routes(routes!(scripts::check).layer(source_body))
        .routes(routes!(releases::deploy).layer(deploy_body))
        .routes(routes!(releases::list))
        .routes(routes!(releases::roll_back))
        .routes(routes!(invocations::invoke).layer(invoke_body))
        .routes(routes!(invocations::list))
        .routes(routes!(invocations::show))
        .routes(routes!(logs::list))
        .routes(routes!(stats::show))
        .routes(routes!(usage::show))
        .routes(routes!(files::list))
        .routes(routes!(files::read, files::write, files::delete).layer(file_body))
        .routes(routes!(kv::list))
        .routes(routes!(kv::show, kv::set, kv::delete).layer(value_body))
        .routes(routes!(members::list))
        .routes(routes!(members::set, members::remove))
        .routes(routes!(invitations::list_of_app, invitations::invite_to_app))
        .routes(routes!(invitations::revoke_of_app))
        .routes(routes!(audit::list_of_app))
        .routes(routes!(domains::list, domains::add))
        .routes(routes!(domains::remove))
        .routes(routes!(vars::list))
        .routes(routes!(vars::set, vars::delete).layer(setting_body))
        .routes(routes!(secrets::list))
        .routes(routes!(secrets::set, secrets::delete).layer(setting_body))
        .routes(routes!(topics::list))
        .routes(routes!(topics::publish).layer(event_body))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::run))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::replay_all))
        .routes(routes!(dead_letters::delete))
        .routes(routes!(dead_letters::replay))
}

/// The API below [`API`], and its document.
fn api(largest: usize) -> (Router<Manager>, OpenApi) {
    let (router, document) = OpenApiRouter::new().nest(API, operations(largest)).split_for_parts();
    (router, openapi::of(document))
}

/// The OpenAPI document of the API, as JSON.
///
/// # Errors
/// When it cannot be written as JSON, which only serde does not know to be impossible.
pub fn document() -> serde_json::Result<String> {
    api(Limits::default().request_body).1.to_pretty_json()
}

pub(crate) fn router(manager: &Manager) -> Router {
    let (api, document) = api(manager.settings.limits.maxima().request_body);
    let conditional = Conditional::of(&document);
    let document = Arc::new(document);
    Router::new()
        .merge(api)
        .route(&format!("{API}/openapi.json"), get(async move || axum::Json(document)))
        .route("/internal/domain-check", get(domains::check))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(dashboard::serve)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(SMALL_BODY))
        .layer(middleware::from_fn_with_state(manager.clone(), bodies::bound))
        .layer(middleware::from_fn_with_state(conditional, conditions::check))
        .layer(middleware::from_fn_with_state(manager.clone(), origin::check))
        .layer(middleware::from_fn(envelope::wrap))
        .with_state(manager.clone())
}
