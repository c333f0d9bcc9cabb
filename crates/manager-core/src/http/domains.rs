//! Domains of apps: adding and removing them, and telling a proxy for which names it may have a certificate made.

use super::{
    access::{Access, Owner, Viewer},
    error::ApiError,
    extract::{Domain as Name, Json, Query},
    page::ByName,
};
use crate::Manager;
use axum::{extract::State, http::StatusCode};
use picloud_shared::{
    api::{Domain, NewDomain, Page},
    domains::DomainName,
    names::AppSlug,
    time::now_ms,
};
use picloud_store::{AddRefused, Added};
use serde::Deserialize;
use serde_json::json;

/// The domains of an app, by name. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/domains",
    tag = "domains",
    operation_id = "list_domains",
    params(ByName),
    responses((status = 200, description = "A page of them", body = Page<Domain>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(page): Query<ByName>,
) -> Result<axum::Json<Page<Domain>>, ApiError> {
    let domains = manager.store.domains(app.id).await?;
    let seen = |picloud_store::Domain { domain, created_at }| Domain { domain, created_at };
    Ok(axum::Json(page.cut(domains.into_iter().map(seen).collect(), |domain| domain.domain.clone())?))
}

/// Has an app answer at a domain. Needs the role owner.
#[utoipa::path(
    post,
    path = "/apps/{app}/domains",
    tag = "domains",
    operation_id = "add_domain",
    request_body = NewDomain,
    responses(
        (status = 200, description = "The app has it already", body = Domain),
        (status = 201, description = "The app has it now", body = Domain)
    )
)]
pub(super) async fn add(
    State(manager): State<Manager>,
    Owner(access): Owner,
    Json(NewDomain { domain }): Json<NewDomain>,
) -> Result<(StatusCode, axum::Json<Domain>), ApiError> {
    check_free(&manager, &domain)?;
    let manager = access.audited(&manager, "add_domain", &domain, json!({}));
    let Added { created_at, new } = match manager.store.add_domain(access.app.id, &domain, now_ms()).await? {
        Ok(added) => added,
        Err(AddRefused::NoSuchApp) => return Err(ApiError::NotFound("app")),
        Err(AddRefused::Taken) => return Err(ApiError::DomainTaken(domain)),
        Err(refused @ AddRefused::TooMany(_)) => return Err(ApiError::Invalid(refused.to_string())),
    };
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(Domain { domain, created_at })))
}

/// Takes a domain from an app; any app may have it then. Needs the role owner.
#[utoipa::path(
    delete,
    path = "/apps/{app}/domains/{domain}",
    tag = "domains",
    operation_id = "remove_domain",
    responses((status = 204, description = "The app does not answer there any more"))
)]
pub(super) async fn remove(
    State(manager): State<Manager>,
    Owner(access): Owner,
    Name(domain): Name,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "remove_domain", &domain, json!({}));
    let gone = manager.store.remove_domain(access.app.id, &domain).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("domain")) }
}

/// Who had one of these would answer in the place of other apps.
fn check_free(manager: &Manager, domain: &DomainName) -> Result<(), ApiError> {
    let apps_domain = &manager.settings.apps_domain;
    if apps_domain.includes(domain) {
        return Err(ApiError::Invalid(format!(
            "{domain} is the server's own: at {apps_domain}, and below it, apps answer by their slugs"
        )));
    }
    if DomainName::of_url(&manager.settings.apps_url).as_ref() == Some(domain) {
        return Err(ApiError::Invalid(format!("{domain} is the server's own: all apps answer there")));
    }
    Ok(())
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    domain: String,
}

/// `GET /internal/domain-check?domain=…`, for the proxy in front, without a token: 200 when an app answers at this host,
/// else 404, and nothing more. What can be no app's name is answered without asking the database.
pub(super) async fn check(
    State(manager): State<Manager>,
    Query(Asked { domain }): Query<Asked>,
) -> Result<StatusCode, ApiError> {
    let known = match manager.settings.apps_domain.label_of(&domain) {
        Some(label) => match label.to_ascii_lowercase().parse::<AppSlug>() {
            Ok(slug) => manager.store.app_revision(&slug).await?.is_some(),
            Err(_) => false,
        },
        None => match domain.parse::<DomainName>() {
            Ok(name) => manager.store.has_domain(&name).await?,
            Err(_) => false,
        },
    };
    if known { Ok(StatusCode::OK) } else { Err(ApiError::NotFound("domain")) }
}
