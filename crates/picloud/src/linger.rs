//! Lets a client finish. One that is still sending its body when it is refused would find its connection closed, and
//! never read why: what is left of the body is read and thrown away first, up to a bound.

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{Request, header::EXPECT},
    response::Response,
};
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tower::Service;

/// Most bytes that are thrown away, and the longest time that this may take.
const REST_BYTES: usize = 32 << 20;
const REST_TIME: Duration = Duration::from_secs(5);

/// Answers a request, and returns once its body is read or not worth reading.
pub(crate) async fn answer<S>(mut service: S, request: Request<Incoming>) -> Result<Response, Infallible>
where
    S: Service<Request<Lent>, Response = Response<Body>, Error = Infallible>,
{
    // Who waits to be told to send has nothing on the way.
    let waits = request.headers().contains_key(EXPECT);
    let back = Arc::new(Mutex::new(None));
    let request = request.map(|body| Lent { body: Some(body), back: Arc::clone(&back) });
    let response = service.call(request).await;
    let rest = back.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(rest) = rest.filter(|_| !waits) {
        // Whether it ends in time or not, the answer goes out now.
        let _ = tokio::time::timeout(REST_TIME, discard(rest)).await;
    }
    response
}

async fn discard(mut rest: Incoming) {
    let mut left = REST_BYTES;
    while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut rest).poll_frame(context)).await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(fewer) = left.checked_sub(length) else { break };
        left = fewer;
    }
}

/// A body that comes back, where it was not read to its end.
pub(crate) struct Lent {
    body: Option<Incoming>,
    back: Arc<Mutex<Option<Incoming>>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::new, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.back.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
