//! A future that outlives whoever awaits it: while it is awaited it runs in its caller's task, which costs least; when
//! the caller goes away it goes on in a task of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::runtime::Handle;

/// The future panicked; its panic has been reported like any other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// See the module.
pub(crate) struct Outlive<F: Future<Output: Send> + Send + 'static> {
    running: Option<Pin<Box<F>>>,
}

impl<F: Future<Output: Send> + Send + 'static> Outlive<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { running: Some(Box::pin(future)) }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Outlive<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out, so that a future that panics is gone with its panic.
        let Some(mut future) = self.running.take() else { return Poll::Ready(Err(Panicked)) };
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => {
                self.running = Some(future);
                Poll::Pending
            }
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(_) => Poll::Ready(Err(Panicked)),
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Outlive<F> {
    fn drop(&mut self) {
        // Without a runtime the process is about to end.
        if let (Some(future), Ok(runtime)) = (self.running.take(), Handle::try_current()) {
            runtime.spawn(future);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_awaited_gives_its_value() {
        assert_eq!(Outlive::new(async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn what_is_dropped_goes_on() {
        let (open, opened) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut future = Outlive::new(async move {
            opened.await.unwrap();
            done.send("done").unwrap();
        });
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut future).poll(&mut context).is_pending());
        drop(future);
        open.send(()).unwrap();
        assert_eq!(is_done.await, Ok("done"));
    }

    #[tokio::test]
    async fn a_panic_stays_within() {
        assert_eq!(Outlive::new(async { panic!("as a defect would") }).await, Err::<(), _>(Panicked));
    }
}
