//! Bounds the bytes of request bodies that this process holds at once, in common with the ingress. A body counts from when
//! somebody reads it, which is after its sender was let in, until the request is answered.

use super::{API, error::ApiError};
use crate::Manager;
use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use picloud_shared::{
    bodies::{self, NoRoom},
    limits::SMALL_BODY_BYTES,
    target,
};
use std::sync::{Arc, Mutex, PoisonError};

/// How many times the bytes of a JSON text its values take: a number in a list has two bytes, and 32 as a value.
const VALUES: usize = 16;

/// The body of a request, as it counts. Clones are of the same one.
#[derive(Clone)]
pub(super) struct Counted(Arc<Mutex<Count>>);

struct Count {
    body: bodies::Body,
    /// Until it is read.
    announced: Option<usize>,
    refused: Option<NoRoom>,
}

impl Counted {
    fn count(&self, more: impl FnOnce(&mut bodies::Body) -> Result<(), NoRoom>) -> Result<(), NoRoom> {
        let Count { body, announced, refused } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = announced.take().map_or(Ok(()), |bytes| body.expect(bytes)).and_then(|()| more(body));
        *refused = refused.or(counted.err());
        counted
    }

    fn refused(&self) -> Option<NoRoom> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).refused
    }

    /// What was read is about to become values of JSON.
    pub(super) fn becomes_values(&self) -> Result<(), ApiError> {
        Ok(self.count(|body| body.grows(VALUES))?)
    }
}

pub(super) async fn bound(State(manager): State<Manager>, request: Request, next: Next) -> Response {
    let announced = request.body().size_hint().exact().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    if announced.is_some_and(|bytes| bytes <= SMALL_BODY_BYTES) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let body_of = manager.activity.bodies.begin((API, app(parts.uri.path())));
    let counted = Counted(Arc::new(Mutex::new(Count { body: body_of, announced, refused: None })));
    parts.extensions.insert(counted.clone());
    let data = body.into_data_stream().map({
        let counted = counted.clone();
        move |data| {
            let data = data?;
            counted.count(|body| body.arrived(data.len())).map_err(axum::Error::new)?;
            Ok::<_, axum::Error>(data)
        }
    });
    let response = next.run(Request::from_parts(parts, Body::from_stream(data))).await;
    // Whoever read it knows only that it broke off.
    counted.refused().map_or(response, |no_room| ApiError::from(no_room).into_response())
}

/// The app that a path names, if one, however its name is written.
fn app(path: &str) -> Option<String> {
    let of_app = path.strip_prefix(API)?.strip_prefix("/apps/")?;
    target::segments(of_app).ok()?.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_apps() {
        for (path, named) in [
            ("/api/v1/apps/shop/deploy", Some("shop")),
            ("/api/v1/apps/%73ho%70/kv/a%2Fb", Some("shop")),
            ("/api/v1/apps", None),
            ("/api/v1/apps/%ff", None),
            ("/setup", None),
        ] {
            assert_eq!(app(path).as_deref(), named, "{path}");
        }
    }
}
