//! Entity tags (RFC 9110, sections 8.8.3 and 13.1): an answer carries the tag of what it shows, and a request may say
//! which it has seen, so that of two who change the same thing one is told.

use super::error::ApiError;
use axum::{
    extract::FromRequestParts,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{ETAG, IF_MATCH, IF_NONE_MATCH},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use picloud_shared::precondition::Precondition;

/// Most tags that a request names: who has seen more than a few states knows none of them.
const TAGS: usize = 16;

/// What the request says that it has seen.
pub(super) struct If(pub(super) Precondition);

impl<S: Send + Sync> FromRequestParts<S> for If {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let (matches, none) = (given(&parts.headers, &IF_MATCH)?, given(&parts.headers, &IF_NONE_MATCH)?);
        match (matches, none) {
            (None, None) => Ok(Self(Precondition::None)),
            (Some(Tags::Any), None) => Ok(Self(Precondition::Exists)),
            (Some(Tags::These(tags)), None) => Ok(Self(Precondition::OneOf(tags))),
            (None, Some(Tags::Any)) => Ok(Self(Precondition::Absent)),
            (None, Some(Tags::These(_))) => {
                Err(ApiError::Malformed("a change takes if-none-match: * only, for what must not be there yet".into()))
            }
            (Some(_), Some(_)) => Err(ApiError::Malformed("if-match and if-none-match exclude each other".into())),
        }
    }
}

/// An answer with the tag of what it shows.
pub(super) struct Tagged<T>(pub(super) String, pub(super) T);

impl<T: IntoResponse> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let Self(tag, answer) = self;
        let mut response = answer.into_response();
        if let Ok(tag) = HeaderValue::try_from(format!("\"{tag}\"")) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

enum Tags {
    Any,
    These(Vec<String>),
}

/// The tags of a header, without their quotes.
fn given(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ApiError> {
    let malformed = || ApiError::Malformed(format!("{name} is * or tags such as \"0198c…\", separated by commas"));
    let mut tags = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| malformed())?.trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in text.split(',') {
            // Proxies that compress make tags weak; what they stand for is the same.
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(malformed)?;
            if tags.len() == TAGS {
                return Err(ApiError::Malformed(format!("{name} has at most {TAGS} tags")));
            }
            tags.push(tag.to_owned());
        }
    }
    Ok(if headers.contains_key(name) { Some(Tags::These(tags)) } else { None })
}
