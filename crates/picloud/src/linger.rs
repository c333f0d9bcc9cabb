//! Lets a client finish. One that is still sending its body when it is refused would find its connection closed, and
//! never read why: what is left of the body is read and thrown away first, up to a bound.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header::EXPECT,
};
use hyper::body::{Frame, Incoming, SizeHint};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

/// Most bytes that are thrown away, and the longest time that this may take.
const REST_BYTES: usize = 32 << 20;
const REST_TIME: Duration = Duration::from_secs(5);

/// A request whose body comes back, where it is not read to its end, and what reads the rest of it then.
pub(crate) fn lend(request: hyper::Request<Incoming>) -> (Request, Rest) {
    // Who waits to be told to send has nothing on the way.
    let nothing_comes = request.body().is_end_stream() || request.headers().contains_key(EXPECT);
    let back = (!nothing_comes).then(Back::default);
    let request = request.map(|body| match &back {
        Some(back) => Body::new(Lent { body: Some(body), back: Arc::clone(back) }),
        None if body.is_end_stream() => Body::empty(),
        None => Body::new(body),
    });
    (request, Rest(back))
}

/// What is left of a body, if anything is.
pub(crate) struct Rest(Option<Back>);

type Back = Arc<Mutex<Option<Incoming>>>;

impl Rest {
    /// Returns once it is read or not worth reading; the request has been answered.
    pub(crate) async fn read(self) {
        let Some(rest) = self.0.and_then(|back| back.lock().unwrap_or_else(PoisonError::into_inner).take()) else {
            return;
        };
        // Whether it ends in time or not, the answer goes out now.
        let _ = tokio::time::timeout(REST_TIME, discard(rest)).await;
    }
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
struct Lent {
    body: Option<Incoming>,
    back: Back,
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
