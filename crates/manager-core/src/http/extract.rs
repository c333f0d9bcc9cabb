//! Axum's extractors, their refusals told as [`ApiError`].

use super::{bodies::Counted, error::ApiError};
use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use picloud_shared::{
    domains::DomainName,
    ids::{DeliveryId, InvitationId, InvocationId, ScheduleId, TokenId},
    limits::{BODY_TIME, KV_KEY_BYTES},
    names::{FilePath, InvalidName, ScriptName, SecretName, TopicName, Username, VarName},
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{error::Error, str::FromStr};
use utoipa::ToSchema;

macro_rules! body_extractors {
    ($($(#[$doc:meta])* $name:ident, $rejection:ident;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name<T>(pub(super) T);

        impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for $name<T> {
            type Rejection = ApiError;
            async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
                let read = async {
                    let request = with_room_for_values(request, state).await?;
                    let axum::$name(value) = axum::$name::from_request(request, state).await?;
                    Ok(Self(value))
                };
                tokio::time::timeout(BODY_TIME, read).await.unwrap_or(Err(ApiError::BodyTooSlow))
            }
        }

        impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> Self {
                refused(rejection.status(), rejection.body_text(), &rejection)
            }
        }
    )*};
}

macro_rules! parts_extractors {
    ($($(#[$doc:meta])* $name:ident, $rejection:ident;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name<T>(pub(super) T);

        impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for $name<T> {
            type Rejection = ApiError;
            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
                let axum::extract::$name(value) =
                    axum::extract::$name::from_request_parts(parts, state).await?;
                Ok(Self(value))
            }
        }

        impl From<$rejection> for ApiError {
            fn from(rejection: $rejection) -> Self {
                refused(rejection.status(), rejection.body_text(), &rejection)
            }
        }
    )*};
}

body_extractors! {
    /// A JSON body.
    Json, JsonRejection;
}

/// Reads a body that is large enough to count, and counts what its values will take before they are made of it.
async fn with_room_for_values<S: Send + Sync>(request: Request, state: &S) -> Result<Request, ApiError> {
    let Some(counted) = request.extensions().get::<Counted>().cloned() else { return Ok(request) };
    let (parts, body) = request.into_parts();
    let Bytes(text) = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await?;
    counted.becomes_values()?;
    Ok(Request::from_parts(parts, text.into()))
}

/// A body of bytes, whatever they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Bytes(pub(super) axum::body::Bytes);

impl<S: Send + Sync> FromRequest<S> for Bytes {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = tokio::time::timeout(BODY_TIME, axum::body::Bytes::from_request(request, state));
        let read = read.await.map_err(|_| ApiError::BodyTooSlow)?;
        read.map(Self).map_err(|rejection| refused(rejection.status(), rejection.body_text(), &rejection))
    }
}

parts_extractors! {
    /// The query.
    Query, QueryRejection;
    /// What the path captured.
    Path, PathRejection;
}

/// A rejection's text says which extractor failed, its source says what is wrong: the caller needs the latter. Where it is a value
/// that is wrong, that goes without the place in the JSON, which nobody has written by hand, beside the name of the field.
fn refused(status: StatusCode, text: String, rejection: &dyn Error) -> ApiError {
    let mut detail = rejection.source().map_or(text, ToString::to_string);
    if status == StatusCode::UNPROCESSABLE_ENTITY
        && let Some(place) = detail.rfind(" at line ")
    {
        detail.truncate(place);
    }
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge(detail),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::UnsupportedMediaType(detail),
        StatusCode::UNPROCESSABLE_ENTITY => ApiError::Invalid(detail),
        status if status.is_server_error() => ApiError::Internal(detail.into()),
        _ => ApiError::Malformed(detail),
    }
}

macro_rules! captured {
    ($($(#[$doc:meta])* $name:ident($type:ty), $captured:ident, $refused:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name(pub(super) $type);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = ApiError;
            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
                #[derive(Deserialize)]
                struct Captured {
                    $captured: String,
                }
                let Path(Captured { $captured }) = Path::from_request_parts(parts, state).await?;
                $captured.parse().map(Self).map_err($refused)
            }
        }
    )*};
}

/// A key of an app's key-value store.
pub(super) struct KvKey(pub(super) String);

impl FromStr for KvKey {
    type Err = ApiError;
    fn from_str(text: &str) -> Result<Self, ApiError> {
        if (1..=KV_KEY_BYTES).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ApiError::Invalid(format!("a key has 1 to {KV_KEY_BYTES} bytes, not {}", text.len())))
        }
    }
}

fn invalid_name(rule: InvalidName) -> ApiError {
    ApiError::Invalid(rule.to_string())
}

captured! {
    /// The script that the path names. There need not be one.
    Name(ScriptName), name, invalid_name;
    /// The number that the path names. A text that is none numbers nothing.
    Number(i64), number, |_| ApiError::NotFound("version");
    /// The topic that the path names. Nobody needs to be subscribed to it.
    Topic(TopicName), topic, invalid_name;
    /// The key that the path names. There need not be one.
    Key(KvKey), key, |error| error;
    /// The file that the path names. There need not be one.
    File(FilePath), path, invalid_name;
    /// The variable that the path names. There need not be one.
    Var(VarName), name, invalid_name;
    /// The secret that the path names. There need not be one.
    Secret(SecretName), name, invalid_name;
    /// The domain that the path names. No app need have it.
    Domain(DomainName), domain, |error| ApiError::Invalid(error.to_string());
    /// The invocation that the path names. A text that is no id names none.
    Invocation(InvocationId), id, |_| ApiError::NotFound("invocation");
    /// The user that the path names. There need not be one.
    User(Username), username, invalid_name;
    /// The token that the path names. A text that is no id names none.
    TokenPath(TokenId), id, |_| ApiError::NotFound("token");
    /// The invitation that the path names. A text that is no id names none.
    InvitationPath(InvitationId), id, |_| ApiError::NotFound("invitation");
    /// The dead letter that the path names. A text that is no id names none.
    DeadLetter(DeliveryId), id, |_| ApiError::NotFound("dead letter");
    /// The delivery that the path names. A text that is no id names none.
    Delivery(DeliveryId), id, |_| ApiError::NotFound("delivery");
    /// The schedule that the path names. A text that is no id names none.
    Schedule(ScheduleId), id, |_| ApiError::NotFound("schedule");
}
