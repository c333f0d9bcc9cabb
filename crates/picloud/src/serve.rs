//! Accepting connections, and ending them in order when the process is told to stop.

use crate::linger::{self, Lent};
use anyhow::{Context, Result};
use axum::{body::Body, http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_io_timeout::TimeoutStream;
use tower::{MakeService, Service};

/// How long a client may take to send its headers, the wait between two requests included.
const HEADER_TIME: Duration = Duration::from_secs(30);
/// What is read of a connection before somebody wants it, which no bound of bodies counts; the headers have to fit.
const BUFFER: usize = 64 << 10;
/// How long requests in flight may take to end once the process is told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(30);
/// How long a client may not take what it asked for. What it sends has bounds of its own: the headers here, bodies where they
/// are read, and what is left of one in `linger`.
const PROGRESS_TIME: Duration = Duration::from_secs(60);
/// Rest after the system could not accept, as when no descriptor is left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Becomes true when the process is told to stop.
pub(crate) type Stop = watch::Receiver<bool>;

/// Where a connection comes from, for services that want to know.
pub(crate) struct Connection(SocketAddr);

impl axum::extract::connect_info::Connected<Connection> for SocketAddr {
    fn connect_info(connection: Connection) -> Self {
        connection.0
    }
}

/// Binds, or says which flag to change.
pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address} (choose another with {flag})"))
}

/// SIGTERM and Ctrl-C.
pub(crate) fn stop_signal() -> io::Result<Stop> {
    let (sender, stop) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        sender.send_replace(true);
    });
    Ok(stop)
}

/// Serves until told to stop, then until the requests in flight are answered.
///
/// At most `places` connections at once; further ones wait to be accepted.
pub(crate) async fn serve<M, S>(listener: TcpListener, mut services: M, places: usize, mut stop: Stop)
where
    M: MakeService<Connection, Request<Lent>, Service = S, MakeError = Infallible>,
    S: Service<Request<Lent>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let places = Arc::new(Semaphore::new(places));
    let connections = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    // Without a timer, the header timeout would never fire.
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME).max_buf_size(BUFFER);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let Ok(service) = services.make_service(Connection(peer)).await;
        let service = service_fn(move |request: Request<Incoming>| linger::answer(service.clone(), request));
        let connection = http.serve_connection(TokioIo::new(Box::pin(prompt(stream))), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests were not answered in time and are cut off");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// Small answers are not held back to be sent together, and a client that stands still is cut off.
fn prompt(stream: TcpStream) -> TimeoutStream<TcpStream> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection stays with Nagle's algorithm");
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(PROGRESS_TIME));
    stream
}
