//! Entity tags (RFC 9110, sections 8.8.3 and 13.1): an answer carries the tag of what it shows, and a request may say
//! which it has seen, so that of two who change the same thing one is told. What says so of an operation that does not look
//! at it is refused: nobody relies on a guard that is not there.

use super::error::ApiError;
use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{ETAG, IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE},
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use picloud_shared::precondition::Precondition;
use std::{collections::BTreeSet, sync::Arc};
use utoipa::{
    IntoParams, PartialSchema,
    openapi::{
        OpenApi, RefOr, Required,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    },
};

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

/// In the document of each operation that takes it.
impl IntoParams for If {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = |name: HeaderName, description: &str| {
            ParameterBuilder::new()
                .name(name.as_str())
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(description))
                .schema(Some(String::schema()))
                .build()
        };
        vec![
            header(IF_MATCH, "The tags that were seen, of which it has to have one still; `*` for whatever is there"),
            header(IF_NONE_MATCH, "`*`: it is made, where there is none"),
        ]
    }
}

/// The operations that look at what a request says that it has seen, as methods and paths.
#[derive(Clone)]
pub(super) struct Conditional(Arc<BTreeSet<(&'static str, String)>>);

impl Conditional {
    /// Those whose document says so.
    pub(super) fn of(document: &OpenApi) -> Self {
        let takes = |operation: &Operation| {
            let parameters = operation.parameters.iter().flatten();
            parameters.into_iter().any(|one| matches!(one, RefOr::T(one) if one.name == IF_MATCH.as_str()))
        };
        let mut all = BTreeSet::new();
        for (path, item) in &document.paths.paths {
            let of_path = [("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete), ("PATCH", &item.patch)];
            for (method, operation) in of_path {
                if operation.as_ref().is_some_and(takes) {
                    all.insert((method, path.clone()));
                }
            }
        }
        Self(Arc::new(all))
    }

    fn has(&self, method: &str, path: &str) -> bool {
        // As the document writes paths.
        let path = path.replace("{*", "{");
        self.0.iter().any(|(of, one)| *of == method && *one == path)
    }
}

/// Refuses conditions that nobody would look at.
pub(super) async fn check(State(conditional): State<Conditional>, request: Request, next: Next) -> Response {
    let given = |name: &&HeaderName| request.headers().contains_key(*name);
    // What is a change takes no times, and what is none changes nothing.
    let ignored = match request.extensions().get::<MatchedPath>() {
        Some(path) if !request.method().is_safe() => {
            let looked_at = conditional.has(request.method().as_str(), path.as_str());
            let others: &[HeaderName] = if looked_at { &[] } else { &[IF_MATCH, IF_NONE_MATCH] };
            others.iter().chain([&IF_UNMODIFIED_SINCE]).find(given).cloned()
        }
        _ => None,
    };
    match ignored {
        Some(name) => {
            ApiError::Malformed(format!("this operation does not look at {name}; leave it out")).into_response()
        }
        None => next.run(request).await,
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
