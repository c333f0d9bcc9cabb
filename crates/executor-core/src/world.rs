//! What surrounds all invocations and is not the platform's own: the time, chance, and other servers. A test of scripts brings
//! another world, in which they are as it says.

use crate::capability::{http::Outbound, refuse};
use picloud_abi::{
    outbound::{Request, Response},
    seam::{Refusal, RefusalCode},
};
use picloud_shared::{
    executor::BoxFuture,
    ids::AppId,
    outbound::AllowedHosts,
    time::{TimestampMs, now_ms},
};
use std::sync::Arc;

/// The world as scripts find it.
pub trait World: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> TimestampMs;

    /// Fills this with bytes that nobody foretells.
    ///
    /// # Errors
    /// When there are none.
    fn draw(&self, bytes: &mut [u8]) -> Result<(), Refusal>;

    /// Sends a request of an app to another server, one of those allowed, and gives the response when all of it is there: a body of at
    /// most so many bytes.
    fn send<'a>(
        &'a self,
        app: AppId,
        allowed: &'a AllowedHosts,
        most: usize,
        request: Request,
    ) -> BoxFuture<'a, Result<Response, Refusal>>;
}

/// The one that there is: this machine's clock, the operating system's cryptographic source, and the network.
pub struct RealWorld {
    outbound: Arc<Outbound>,
}

impl RealWorld {
    /// It is the same for everybody.
    #[expect(clippy::new_without_default, reason = "one is made on purpose, never by default")]
    pub fn new() -> Self {
        Self { outbound: Arc::new(Outbound::new()) }
    }
}

impl World for RealWorld {
    fn now(&self) -> TimestampMs {
        now_ms()
    }

    fn draw(&self, bytes: &mut [u8]) -> Result<(), Refusal> {
        getrandom::fill(bytes).map_err(|error| {
            tracing::error!(%error, "the operating system gives no random bytes");
            refuse(RefusalCode::Unavailable, "there are no random bytes now")
        })
    }

    fn send<'a>(
        &'a self,
        app: AppId,
        allowed: &'a AllowedHosts,
        most: usize,
        request: Request,
    ) -> BoxFuture<'a, Result<Response, Refusal>> {
        Box::pin(self.outbound.send_apart(app, allowed, most, request))
    }
}
