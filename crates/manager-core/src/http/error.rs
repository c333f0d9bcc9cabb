//! The one error of the API; `refusals` makes it of what the parts below refuse. What a caller did wrong is told with what to do about it; what went wrong inside is told
//! to the log alone, once, by [`super::envelope`].

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use picloud_shared::{
    api::{Diagnostic, ErrorBody, ErrorDetail, Role},
    bodies::NoRoom,
    domains::DomainName,
    imports::ImportError,
    limits::{DELIVERIES_WAITING, SOURCE_BYTES},
    names::{AppSlug, ScriptName, Username},
    outbound::AllowedHost,
    precondition::Changed,
    route::Route,
};
use picloud_store::{AcceptRefused, CreateRefused, DeleteRefused, MemberRefused, StoreError, UserRefused};
use std::{sync::Arc, time::Duration};

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("{0}")]
    Malformed(String),
    #[error("this needs a valid token: authorization: Bearer pic_…")]
    Unauthorized,
    #[error("wrong user name or password")]
    WrongCredentials,
    #[error("this user is disabled; ask an administrator")]
    Disabled,
    #[error("this server is not known as {0:?}: if that is its name, start it with --manager-host {0}")]
    ForeignHost(String),
    #[error("this comes from a page of another origin, which may ask nothing here")]
    ForeignOrigin,
    #[error("this is not the set-up token; the server prints a new set-up link each time it starts")]
    WrongSetupToken,
    #[error("this needs the role {}", .0.as_str())]
    Forbidden(Role),
    #[error("this needs the role {}, and this token is for the role {} at most", .needed.as_str(), .most.as_str())]
    TokenForbidden { needed: Role, most: Role },
    #[error("this needs an administrator of the server")]
    AdministratorsOnly,
    #[error("making apps needs a user who may: an administrator, or one whom an administrator lets")]
    MayNotCreateApps,
    #[error("this token is for apps, with a role or a list of its own; this needs one that has all rights of its user")]
    ScopedToken,
    #[error("an API token cannot do this; sign in with the password")]
    NeedsSession,
    #[error("{0} may be a private address, which only an administrator of the server may open to an app")]
    AdministratorOnly(AllowedHost),
    #[error("no such endpoint")]
    NoSuchEndpoint,
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("there is no version to go back to")]
    NoVersionBefore,
    #[error("this endpoint does not know this method; the header allow names those it knows")]
    MethodNotAllowed,
    #[error("this server is set up already; sign in instead")]
    AlreadySetUp,
    #[error("there is an app {0} already")]
    SlugTaken(AppSlug),
    #[error("{0}")]
    TooManyApps(CreateRefused),
    #[error("the user name {0} is taken")]
    UsernameTaken(Username),
    #[error("{0}")]
    LastAdministrator(UserRefused),
    #[error("{0}")]
    LastOwner(MemberRefused),
    #[error("{0}")]
    NotForUsers(AcceptRefused),
    #[error("this invitation was accepted already, or has expired")]
    InvitationOver,
    #[error("the domain {0} is taken")]
    DomainTaken(DomainName),
    #[error("the route \"{route}\" is that of the script {script} already")]
    RouteConflict { route: Route, script: ScriptName },
    #[error("{0}, so that it cannot be deleted")]
    Imported(DeleteRefused),
    #[error("{0}")]
    Changed(Changed),
    #[error("the source has more than {SOURCE_BYTES} bytes")]
    SourceTooLarge,
    #[error("{0}")]
    BodyTooLarge(String),
    #[error("the request's body took too long")]
    BodyTooSlow,
    #[error("{0}")]
    UnsupportedMediaType(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{}", .0.message)]
    InvalidScript(Diagnostic),
    #[error("{0}")]
    TooLarge(String),
    #[error(
        "{DELIVERIES_WAITING} deliveries of the app may wait, and this would be more; try again when some have arrived"
    )]
    QueueFull,
    #[error("{0}")]
    StorageFull(String),
    #[error("this app has burnt what it may in a minute; the next one begins in {0} s")]
    RateLimited(u64),
    #[error("too many sign-ins at once; try again in a moment")]
    TooManySignIns,
    #[error("too many attempts; try again in {} s", seconds(.0))]
    Throttled(Duration),
    #[error(
        "as many follow this app's logs, or those of all apps, as may, or you follow as many; try again when some have left"
    )]
    TooManyFollowers,
    #[error("this server has more to do than it can; try again in a moment")]
    Overloaded,
    #[error("{0}")]
    NoRoom(NoRoom),
    #[error("the database does not answer, or has too much to do; try again in a moment")]
    NotReady(#[source] StoreError),
    #[error("something went wrong inside PiCloud; the server's log tells more under this request id")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ApiError {
    /// The status, and the word for programs.
    fn class(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_request"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong_credentials"),
            Self::WrongSetupToken => (StatusCode::FORBIDDEN, "wrong_setup_token"),
            Self::Forbidden(_)
            | Self::TokenForbidden { .. }
            | Self::AdministratorOnly(_)
            | Self::AdministratorsOnly
            | Self::MayNotCreateApps => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Disabled => (StatusCode::FORBIDDEN, "disabled"),
            Self::ScopedToken => (StatusCode::FORBIDDEN, "scoped_token"),
            Self::NeedsSession => (StatusCode::FORBIDDEN, "session_needed"),
            Self::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign_origin"),
            Self::ForeignHost(_) => (StatusCode::MISDIRECTED_REQUEST, "foreign_host"),
            Self::NoSuchEndpoint | Self::NotFound(_) | Self::NoVersionBefore => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::AlreadySetUp => (StatusCode::CONFLICT, "already_set_up"),
            Self::SlugTaken(_) => (StatusCode::CONFLICT, "slug_taken"),
            Self::TooManyApps(_) => (StatusCode::CONFLICT, "too_many_apps"),
            Self::UsernameTaken(_) => (StatusCode::CONFLICT, "username_taken"),
            Self::LastAdministrator(_) => (StatusCode::CONFLICT, "last_administrator"),
            Self::LastOwner(_) => (StatusCode::CONFLICT, "last_owner"),
            Self::NotForUsers(AcceptRefused::ForNewUser) => (StatusCode::CONFLICT, "not_for_users"),
            Self::NotForUsers(_) => (StatusCode::CONFLICT, "already_a_member"),
            Self::InvitationOver => (StatusCode::GONE, "invitation_over"),
            Self::DomainTaken(_) => (StatusCode::CONFLICT, "domain_taken"),
            Self::RouteConflict { .. } => (StatusCode::CONFLICT, "route_conflict"),
            Self::Imported(_) => (StatusCode::CONFLICT, "imported"),
            Self::Changed(_) => (StatusCode::PRECONDITION_FAILED, "changed"),
            Self::SourceTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "source_too_large"),
            Self::BodyTooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
            Self::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_request"),
            Self::InvalidScript(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_script"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::StorageFull(_) => (StatusCode::PAYLOAD_TOO_LARGE, "storage_full"),
            Self::QueueFull => (StatusCode::TOO_MANY_REQUESTS, "queue_full"),
            Self::RateLimited(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::TooManySignIns | Self::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_sign_ins"),
            Self::TooManyFollowers => (StatusCode::TOO_MANY_REQUESTS, "too_many_followers"),
            Self::Overloaded | Self::NoRoom(NoRoom::ForAnybody) => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Self::NoRoom(NoRoom::ForSender) => (StatusCode::TOO_MANY_REQUESTS, "app_busy"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.class().0
    }

    /// The body that tells it.
    pub(super) fn body(&self, request_id: String) -> ErrorBody {
        let code = self.class().1.to_owned();
        let detail =
            ErrorDetail { code, message: self.to_string(), request_id, script: None, line: None, column: None };
        let error = match self {
            Self::InvalidScript(Diagnostic { script, line, column, .. }) => {
                ErrorDetail { script: script.clone(), line: *line, column: *column, ..detail }
            }
            _ => detail,
        };
        ErrorBody { error }
    }

    /// What was there when the source was checked, and was not any more when it was stored.
    pub(super) fn cannot_import(error: &ImportError) -> Self {
        Self::InvalidScript(Diagnostic { message: error.to_string(), script: None, line: None, column: None })
    }

    pub(super) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// Whole seconds after which it is possible again.
fn seconds(wait: &Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX)
}

/// Without a body: that is made by [`super::envelope`], which knows the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        match &self {
            Self::Unauthorized => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::RateLimited(seconds) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Self::Overloaded
            | Self::NoRoom(_)
            | Self::TooManySignIns
            | Self::TooManyFollowers
            | Self::QueueFull
            | Self::NotReady(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::Throttled(wait) => {
                response.headers_mut().insert(header::RETRY_AFTER, seconds(wait).into());
            }
            _ => {}
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
