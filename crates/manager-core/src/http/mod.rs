//! The HTTP side of the control plane. This page is the whole route table; each resource has a file of its own, which
//! says for every endpoint what role it needs.

mod access;
mod apps;
mod auth;
mod dead_letters;
mod domains;
mod envelope;
mod error;
mod extract;
mod files;
mod health;
mod invocations;
mod logs;
mod page;
mod schedules;
mod scripts;
mod secrets;
mod setup;
mod setup_page;
mod topics;
mod vars;

use crate::Manager;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{delete, get, post, put},
};
use error::ApiError;
use picloud_shared::limits::{FILE_BYTES, SETTING_BYTES, SOURCE_BYTES, TOPIC_PAYLOAD_BYTES};

/// Most bytes of a body that carries neither a source nor a request.
const SMALL_BODY: usize = 16 << 10;

/// Most bytes that one byte of text takes in JSON, as `\u0000`.
const JSON_ESCAPE: usize = 6;

/// Room for what stands in the body beside a source or a request's body.
const BESIDE: usize = 64 << 10;

pub(crate) fn router(manager: &Manager) -> Router {
    let source_body = DefaultBodyLimit::max(JSON_ESCAPE * SOURCE_BYTES + BESIDE);
    let largest = manager.settings.limits.maxima().request_body;
    let invoke_body = DefaultBodyLimit::max(largest.saturating_mul(JSON_ESCAPE).saturating_add(BESIDE));

    let event_body = DefaultBodyLimit::max(JSON_ESCAPE * TOPIC_PAYLOAD_BYTES + BESIDE);

    let setting_body = DefaultBodyLimit::max(JSON_ESCAPE * SETTING_BYTES + BESIDE);

    let file_body = DefaultBodyLimit::max(FILE_BYTES + 1);

    let script = Router::new()
        .route("/", put(scripts::put).get(scripts::show).delete(scripts::delete).layer(source_body))
        .route("/versions", get(scripts::versions))
        .route("/rollback", post(scripts::rollback))
        .route("/check", post(scripts::check).layer(source_body))
        .route("/invoke", post(invocations::invoke).layer(invoke_body));

    let app = Router::new()
        .route("/", get(apps::show).patch(apps::update).delete(apps::delete))
        .route("/scripts", get(scripts::list))
        .nest("/scripts/{name}", script)
        .route("/invocations", get(invocations::list))
        .route("/invocations/{id}", get(invocations::show))
        .route("/logs", get(logs::list))
        .route("/files", get(files::list))
        .route("/files/{*path}", get(files::read).put(files::write).delete(files::delete).layer(file_body))
        .route("/domains", get(domains::list).post(domains::add))
        .route("/domains/{domain}", delete(domains::remove))
        .route("/vars", get(vars::list))
        .route("/vars/{name}", put(vars::set).delete(vars::delete).layer(setting_body))
        .route("/secrets", get(secrets::list))
        .route("/secrets/{name}", put(secrets::set).delete(secrets::delete).layer(setting_body))
        .route("/topics", get(topics::list))
        .route("/topics/{topic}", post(topics::publish).layer(event_body))
        .route("/schedules", get(schedules::list))
        .route("/schedules/{id}/run", post(schedules::run))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/replay", post(dead_letters::replay_all))
        .route("/dead-letters/{id}", delete(dead_letters::delete))
        .route("/dead-letters/{id}/replay", post(dead_letters::replay));

    let api = Router::new()
        .route("/setup", post(setup::create))
        .route("/auth/login", post(auth::login))
        .route("/auth/logout", post(auth::logout))
        .route("/auth/me", get(auth::me))
        .route("/apps", get(apps::list).post(apps::create))
        .nest("/apps/{app}", app);

    Router::new()
        .nest("/api/v1", api)
        .route("/", get(health::about))
        .route("/setup", get(setup::form).post(setup::submit))
        .route("/internal/domain-check", get(domains::check))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || ApiError::NoSuchEndpoint)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(SMALL_BODY))
        .layer(middleware::from_fn(envelope::wrap))
        .with_state(manager.clone())
}
