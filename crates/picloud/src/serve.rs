//! Accepting connections, and ending them in order when the process is told to stop.

use crate::linger;
use anyhow::{Context, Result};
use axum::{extract::Request, response::Response};
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
/// At most `places` connections at once; further ones wait to be accepted. `answer` is told whom a request comes from.
pub(crate) async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(SocketAddr, Request) -> F + Clone + Send + 'static,
    places: usize,
    mut stop: Stop,
) where
    F: Future<Output = Response> + Send + 'static,
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
        let answer = answer.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (request, rest) = linger::lend(request);
            let answered = answer(peer, request);
            async {
                let response = answered.await;
                rest.read().await;
                Ok::<_, Infallible>(response)
            }
        });
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
