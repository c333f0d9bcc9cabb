//! Another server, that scripts send requests to.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How it answers a request.
pub(crate) enum Reply {
    /// So, and no more.
    Whole(Vec<u8>),
    /// So, and then this for ever.
    Endless(&'static str, Vec<u8>),
    /// Not at all.
    Never,
}

impl Reply {
    /// A response with a body.
    pub(crate) fn with(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        Self::Whole([head.as_bytes(), body].concat())
    }
}

/// A server on this machine that keeps what it was sent.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Answers by the request's path.
    pub(crate) async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let upstream = Self { address: listener.local_addr().expect("bound"), received: Arc::default() };
        let (received, answer) = (Arc::clone(&upstream.received), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // That PiCloud hangs up is part of some cases.
                tokio::spawn(serve(stream, Arc::clone(&received), Arc::clone(&answer)));
            }
        });
        upstream
    }

    /// Each request with its body, in the order in which they came.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().expect("no test has failed").clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    received: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Reply>,
) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&request).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    received.lock().expect("no test has failed").push(head + &String::from_utf8_lossy(&body));
    match answer(&path) {
        Reply::Whole(reply) => {
            stream.write_all(&reply).await?;
            stream.shutdown().await
        }
        Reply::Endless(first, again) => {
            stream.write_all(first.as_bytes()).await?;
            loop {
                stream.write_all(&again).await?;
            }
        }
        // Until the other side hangs up.
        Reply::Never => stream.read_u8().await.map(drop),
    }
}
