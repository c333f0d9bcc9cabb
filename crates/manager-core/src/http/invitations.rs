//! Invitations by one-time link: making, listing, revoking and accepting them.

use super::{
    access::{Access, Address, Admin, AdminSession, Caller, OwnerSession, UnscopedOwner},
    error::ApiError,
    extract::{InvitationPath as Id, Json, Query},
    page::{self, Before},
};
use crate::{
    Manager,
    invitations::{Guest, Invited},
};
use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use picloud_shared::{
    api::{self, AcceptInvitation, AcceptedInvitation, Invitation, InvitationLink, InviteToApp, InviteToServer},
    ids::InvitationId,
    time::now_ms,
};
use picloud_store::InvitedTo;
use serde_json::{Value, json};

/// Makes a one-time link, good for a week, by which somebody gets a role in an app. Needs the role owner, and a
/// session.
#[utoipa::path(
    post,
    path = "/apps/{app}/invitations",
    tag = "members",
    operation_id = "create_app_invitation",
    request_body = InviteToApp,
    responses((status = 201, description = "The link, shown once", body = InvitationLink))
)]
pub(super) async fn invite_to_app(
    State(manager): State<Manager>,
    OwnerSession(access): OwnerSession,
    Json(InviteToApp { role }): Json<InviteToApp>,
) -> Result<(StatusCode, axum::Json<InvitationLink>), ApiError> {
    let to = InvitedTo::App { app: access.app.id, role };
    let audited = access.audited_itself(&manager, "create_app_invitation", json!({"role": role}));
    let made = audited.invite(to, access.caller.who.user.id).await?;
    Ok(link(&manager, made, &access.caller, to, Some(access.app)))
}

/// The open invitations to an app, the newest first. Needs the role owner.
#[utoipa::path(
    get,
    path = "/apps/{app}/invitations",
    tag = "members",
    operation_id = "list_app_invitations",
    params(Before<InvitationId>),
    responses((status = 200, description = "A page of them", body = api::Page<Invitation>))
)]
pub(super) async fn list_of_app(
    State(manager): State<Manager>,
    UnscopedOwner(Access { app, .. }): UnscopedOwner,
    Query(Before { before, limit }): Query<Before<InvitationId>>,
) -> Result<axum::Json<api::Page<Invitation>>, ApiError> {
    let size = page::size(limit)?;
    let open = manager.store.invitations(Some(app.id), before, size + 1, now_ms()).await?;
    Ok(axum::Json(page::of(open.into_iter().map(seen).collect(), size, |invitation| invitation.id)))
}

/// Revokes an invitation to an app. Needs the role owner.
#[utoipa::path(
    delete,
    path = "/apps/{app}/invitations/{id}",
    tag = "members",
    operation_id = "delete_app_invitation",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn revoke_of_app(
    State(manager): State<Manager>,
    UnscopedOwner(access): UnscopedOwner,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let audited = access.audited(&manager, "delete_app_invitation", &id, json!({}));
    let gone = audited.store.delete_invitation(Some(access.app.id), id).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("invitation")) }
}

/// Makes a one-time link, good for a week, by which somebody becomes a user. For administrators, in a session.
#[utoipa::path(
    post,
    path = "/invitations",
    tag = "users",
    operation_id = "create_invitation",
    request_body = InviteToServer,
    responses((status = 201, description = "The link, shown once", body = InvitationLink))
)]
pub(super) async fn invite(
    State(manager): State<Manager>,
    AdminSession(caller): AdminSession,
    Json(InviteToServer { admin, create_apps }): Json<InviteToServer>,
) -> Result<(StatusCode, axum::Json<InvitationLink>), ApiError> {
    let to = InvitedTo::Server { admin, create_apps };
    let detail = json!({"admin": admin, "create_apps": create_apps});
    let audited = manager.audited(caller.entry("create_invitation", None, detail), caller.warrant());
    let made = audited.invite(to, caller.who.user.id).await?;
    Ok(link(&manager, made, &caller, to, None))
}

/// The open invitations to the server, the newest first. For administrators.
#[utoipa::path(
    get,
    path = "/invitations",
    tag = "users",
    operation_id = "list_invitations",
    params(Before<InvitationId>),
    responses((status = 200, description = "A page of them", body = api::Page<Invitation>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Admin(_): Admin,
    Query(Before { before, limit }): Query<Before<InvitationId>>,
) -> Result<axum::Json<api::Page<Invitation>>, ApiError> {
    let size = page::size(limit)?;
    let open = manager.store.invitations(None, before, size + 1, now_ms()).await?;
    Ok(axum::Json(page::of(open.into_iter().map(seen).collect(), size, |invitation| invitation.id)))
}

/// Revokes an invitation to the server. For administrators.
#[utoipa::path(
    delete,
    path = "/invitations/{id}",
    tag = "users",
    operation_id = "delete_invitation",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn revoke(
    State(manager): State<Manager>,
    Admin(caller): Admin,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let audited = caller.audited(&manager, "delete_invitation", &id, json!({}));
    let gone = audited.store.delete_invitation(None, id).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("invitation")) }
}

/// Whoever's token came with the request, if any did.
pub(super) struct MaybeCaller(Option<Caller>);

impl FromRequestParts<Manager> for MaybeCaller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, manager: &Manager) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, manager).await {
            Ok(caller) => Ok(Self(Some(caller))),
            Err(ApiError::Unauthorized) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }
}

/// Accepts an invitation: with a name and a password as a new user, without as the one whose token comes with the request.
#[utoipa::path(
    post,
    path = "/invitations/accept",
    tag = "users",
    operation_id = "accept_invitation",
    request_body = AcceptInvitation,
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "The user, who is a member of the app now", body = AcceptedInvitation),
        (status = 201, description = "The new user, with a token", body = AcceptedInvitation)
    )
)]
pub(super) async fn accept(
    State(manager): State<Manager>,
    Address(address): Address,
    MaybeCaller(caller): MaybeCaller,
    Json(AcceptInvitation { token, username, password }): Json<AcceptInvitation>,
) -> Result<(StatusCode, axum::Json<AcceptedInvitation>), ApiError> {
    let (guest, name, status) = match (username, password, caller) {
        (Some(username), Some(password), _) => {
            (Guest::New { username: username.clone(), password }, username, StatusCode::CREATED)
        }
        (None, None, Some(caller)) => {
            caller.unscoped()?;
            let entry = caller.entry("accept_invitation", None, Value::Null);
            let (name, warrant) = (caller.who.user.username.clone(), caller.warrant());
            (Guest::User(Box::new(caller.who.user), Box::new(entry), warrant), name, StatusCode::OK)
        }
        (None, None, None) => return Err(ApiError::Unauthorized),
        _ => return Err(ApiError::Invalid("a new user has both a username and a password".to_owned())),
    };
    let (invitation, session) = manager.accept_invitation(&token, guest, address).await?;
    let invitation = seen(invitation);
    let accepted = AcceptedInvitation { token: session, username: name, app: invitation.app, role: invitation.role };
    Ok((status, axum::Json(accepted)))
}

fn link(
    manager: &Manager,
    made: Invited,
    caller: &Caller,
    to: InvitedTo,
    app: Option<picloud_store::App>,
) -> (StatusCode, axum::Json<InvitationLink>) {
    let invitation = seen(picloud_store::Invitation {
        id: made.id,
        to,
        app: app.map(|app| app.slug),
        created_by: caller.who.user.username.clone(),
        created_at: made.created_at,
        expires_at: made.expires_at,
    });
    let url = manager.invitation_url(&made.token);
    (StatusCode::CREATED, axum::Json(InvitationLink { url, token: made.token, invitation }))
}

fn seen(invitation: picloud_store::Invitation) -> Invitation {
    let (role, admin, create_apps) = match invitation.to {
        InvitedTo::App { role, .. } => (Some(role), false, false),
        InvitedTo::Server { admin, create_apps } => (None, admin, create_apps),
    };
    Invitation {
        id: invitation.id,
        app: invitation.app,
        role,
        admin,
        create_apps,
        created_by: invitation.created_by,
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
    }
}
