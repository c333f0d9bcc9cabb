//! A router as what answers requests.

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    response::Response,
};
use picloud_shared::executor::BoxFuture;
use std::net::SocketAddr;
use tower::ServiceExt;

/// The router's handlers may ask for `ConnectInfo<SocketAddr>`.
pub(crate) fn by(
    router: Router,
) -> impl Fn(SocketAddr, Request) -> BoxFuture<'static, Response> + Clone + Send + 'static {
    move |peer, mut request| {
        let router = router.clone();
        request.extensions_mut().insert(ConnectInfo(peer));
        Box::pin(async { router.oneshot(request).await.unwrap_or_else(|never| match never {}) })
    }
}
