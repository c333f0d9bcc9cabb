//! Requests to a server on this machine, and names that mean what the test says.

use super::*;
use picloud_abi::seam::RefusalCode::{Invalid, RefusedAddress, Timeout, TooLarge, Unreachable};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A server that counts its connections and answers each request with what a function makes of its head.
struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    async fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (count, answer) = (Arc::clone(&connections), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answer)));
            }
        });
        Self { address, connections }
    }

    fn port(&self) -> u16 {
        self.address.port()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, answer: Arc<impl Fn(&str) -> String>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    stream.write_all(answer(&String::from_utf8_lossy(&head)).as_bytes()).await?;
    stream.shutdown().await
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn get(url: String) -> Request {
    Request { method: "GET".into(), url, headers: Vec::new(), body: None, timeout_ms: None, redirects: None }
}

fn hosts(entries: &[String]) -> AllowedHosts {
    entries.iter().map(|entry| entry.parse().unwrap()).collect::<Vec<_>>().into()
}

fn text(response: Response) -> (u16, String) {
    (response.status, String::from_utf8(response.body.into_vec()).unwrap())
}

/// Names that lead to each of these in turn, and how often they were looked up.
fn rebinding(addresses: Vec<Vec<SocketAddr>>) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        Ok(addresses[turn.min(addresses.len() - 1)].clone())
    });
    (lookup, asked)
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_connected_to() {
    let inner = Upstream::start(|_| answer("200 OK", "", "inner")).await;
    let other = Upstream::start(|_| answer("200 OK", "", "other")).await;
    let at = |ip: [u8; 4]| SocketAddr::from((ip, 0));
    let url = format!("http://rebinding.test:{}/", inner.port());

    // A name that means a private address is refused, and nothing is connected to.
    let (lookup, asked) = rebinding(vec![vec![at([127, 0, 0, 1])]]);
    let refusal =
        Outbound::with_lookup(lookup).send(AppId::new(), &hosts(&[]), 99, get(url.clone())).await.unwrap_err();
    assert_eq!((refusal.code, asked.load(Ordering::SeqCst), inner.connections()), (RefusedAddress, 1, 0));

    // Of several addresses the private ones are never tried, not even when the public one does not answer; and one look-up
    // is all there is, so that what the name means a moment later never counts.
    let (lookup, asked) = rebinding(vec![
        vec![at([127, 0, 0, 1]), "[64:ff9b::1]:0".parse().unwrap(), at([1, 1, 1, 1])],
        vec![at([127, 0, 0, 1])],
    ]);
    let request = Request { timeout_ms: Some(300), ..get(url.clone()) };
    let refusal = Outbound::with_lookup(lookup).send(AppId::new(), &hosts(&[]), 99, request).await.unwrap_err();
    assert!([Timeout, Unreachable].contains(&refusal.code), "{refusal:?}");
    assert_eq!((asked.load(Ordering::SeqCst), inner.connections()), (1, 0));

    // Where the address may be any, the connection goes to what that one look-up gave.
    let (lookup, asked) = rebinding(vec![vec![inner.address], vec![other.address]]);
    let allowed = hosts(&[format!("rebinding.test:{}", inner.port())]);
    let response = Outbound::with_lookup(lookup).send(AppId::new(), &allowed, 99, get(url)).await.unwrap();
    assert_eq!((text(response), asked.load(Ordering::SeqCst)), ((200, "inner".into()), 1));
    assert_eq!((inner.connections(), other.connections()), (1, 0));
}

#[tokio::test]
async fn a_connection_that_one_app_opened_serves_no_app_that_may_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connection = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = 0;
        let mut buffer = [0; 4096];
        // Kept open, so that it could serve again.
        while stream.read(&mut buffer).await.unwrap() > 0 {
            requests += 1;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
        requests
    });
    let (lookup, _) = rebinding(vec![vec![address]]);
    let (outbound, url) = (Outbound::with_lookup(lookup), format!("http://inner.test:{}/", address.port()));
    let opened = hosts(&[format!("inner.test:{}", address.port())]);
    for _ in 0..2 {
        assert_eq!(outbound.send(AppId::new(), &opened, 99, get(url.clone())).await.unwrap().status, 200);
    }
    for closed in [hosts(&[]), hosts(&["inner.test".into()])] {
        let refusal = outbound.send(AppId::new(), &closed, 99, get(url.clone())).await.unwrap_err();
        assert_eq!(refusal.code, RefusedAddress);
    }
    drop(outbound);
    assert_eq!(connection.await.unwrap(), 2);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let outbound = Outbound::new();
    let upstream = Upstream::start(|_| answer("200 OK", "", "reached")).await;
    let port = upstream.port();
    for (url, code) in [
        (format!("http://127.0.0.1:{port}/"), RefusedAddress),
        (format!("http://0x7f.1:{port}/"), RefusedAddress),
        (format!("http://2130706433:{port}/"), RefusedAddress),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), RefusedAddress),
        (format!("http://localhost:{port}/"), RefusedAddress),
        (format!("http://LOCALHOST:{port}/"), RefusedAddress),
        ("http://user@example.com/".into(), Invalid),
        ("http://:password@example.com/".into(), Invalid),
        ("file:///etc/passwd".into(), Invalid),
        ("gopher://example.com/".into(), Invalid),
        ("//example.com/".into(), Invalid),
        ("http://".into(), Invalid),
        ("http://a b/".into(), Invalid),
        ("http://example.com:99999/".into(), Invalid),
    ] {
        assert_eq!(
            outbound.send(AppId::new(), &hosts(&[]), 99, get(url.clone())).await.unwrap_err().code,
            code,
            "{url}"
        );
    }
    let allowed = hosts(&[format!("127.0.0.1:{port}")]);
    let url = || format!("http://127.0.0.1:{port}/");
    for request in [
        Request { headers: vec![("x".into(), "a\r\nhost: b".into())], ..get(url()) },
        Request { headers: vec![("host".into(), "b".into())], ..get(url()) },
        Request { method: "CONNECT".into(), ..get(url()) },
        Request { method: "G\r\nET".into(), ..get(url()) },
        Request { redirects: Some(11), ..get(url()) },
    ] {
        assert_eq!(
            outbound.send(AppId::new(), &allowed, 99, request.clone()).await.unwrap_err().code,
            Invalid,
            "{request:?}"
        );
    }
    assert_eq!(upstream.connections(), 0);
    assert_eq!(text(outbound.send(AppId::new(), &allowed, 99, get(url())).await.unwrap()), (200, "reached".into()));
}

#[tokio::test]
async fn redirects_are_followed_as_http_says_and_checked_each_time() {
    let upstream = Upstream::start(|head| {
        let path = head.split(' ').nth(1).unwrap();
        match path.split_once("?to=") {
            Some((status, to)) => answer(&format!("{} Found", &status[1..]), &format!("location: {to}\r\n"), ""),
            None => answer("200 OK", "", head),
        }
    })
    .await;
    let port = upstream.port();
    let (lookup, _) = rebinding(vec![vec![upstream.address]]);
    let outbound = Outbound::with_lookup(lookup);
    let allowed = hosts(&[format!("127.0.0.1:{port}"), format!("friend.test:{port}")]);
    let request = |path: &str| Request {
        method: "POST".into(),
        url: format!("http://127.0.0.1:{port}{path}"),
        headers: [("authorization", "secret"), ("cookie", "secret"), ("content-type", "text/x"), ("x-mine", "1")]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        body: Some(b"12345".to_vec().into()),
        timeout_ms: None,
        redirects: None,
    };
    let seen = async |path: &str| text(outbound.send(AppId::new(), &allowed, 9_999, request(path)).await.unwrap()).1;
    for status in [301, 302, 303] {
        let head = seen(&format!("/{status}?to=/end")).await;
        assert!(
            head.starts_with("GET /end ") && !head.contains("content-") && head.contains("authorization: "),
            "{head}"
        );
    }
    for status in [307, 308] {
        let head = seen(&format!("/{status}?to=/end")).await;
        assert!(
            head.starts_with("POST /end ") && head.contains("content-length: 5") && head.contains("text/x"),
            "{head}"
        );
    }
    let head = seen(&format!("/307?to=http://friend.test:{port}/end")).await;
    assert!(!head.contains("secret") && head.contains("x-mine: 1"), "{head}");

    let told = async |request: Request| outbound.send(AppId::new(), &allowed, 9_999, request).await.unwrap_err().code;
    for to in [
        format!("http://127.0.0.2:{port}/end"),
        format!("http://localhost:{port}/end"),
        "http://169.254.169.254/latest".to_owned(),
        format!("//[::1]:{port}/end"),
    ] {
        assert_eq!(told(request(&format!("/302?to={to}"))).await, RefusedAddress, "{to}");
    }
    assert_eq!(told(request("/302?to=file:///etc/passwd")).await, Invalid);
    assert_eq!(told(request(&format!("/302?to=http://a:b@127.0.0.1:{port}/"))).await, Invalid);

    let endless = Upstream::start(|_| answer("302 Found", "location: /again\r\n", "")).await;
    let allowed = hosts(&[format!("127.0.0.1:{}", endless.port())]);
    let refusal = outbound
        .send(AppId::new(), &allowed, 99, get(format!("http://127.0.0.1:{}/", endless.port())))
        .await
        .unwrap_err();
    assert_eq!((refusal.code, endless.connections()), (Unreachable, 11));
    let itself = Request { redirects: Some(0), ..get(format!("http://127.0.0.1:{}/", endless.port())) };
    assert_eq!(outbound.send(AppId::new(), &allowed, 99, itself).await.unwrap().status, 302);
}

#[tokio::test]
async fn bodies_are_bounded_alone_and_together() {
    let told = Upstream::start(|_| answer("200 OK", "", &"x".repeat(5_000))).await;
    let untold =
        Upstream::start(|_| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(5_000))).await;
    let outbound = Outbound::new();
    for upstream in [&told, &untold] {
        let (allowed, url) = (hosts(&[upstream.address.to_string()]), format!("http://{}/", upstream.address));
        assert_eq!(outbound.send(AppId::new(), &allowed, 4_999, get(url.clone())).await.unwrap_err().code, TooLarge);
        assert_eq!(outbound.send(AppId::new(), &allowed, 5_000, get(url.clone())).await.unwrap().body.len(), 5_000);
        assert_eq!(outbound.room.available_permits(), RECEIVED_KIB, "all room is back");
        let taken = outbound.room.acquire_many(RECEIVED_KIB as u32).await.unwrap();
        assert_eq!(
            outbound.send(AppId::new(), &allowed, 5_000, get(url)).await.unwrap_err().code,
            RefusalCode::Unavailable
        );
        drop(taken);
    }
}

#[tokio::test]
async fn look_ups_that_hang_keep_their_places_and_leave_other_apps_theirs() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "reached")).await;
    // What hangs does so until the sender goes, as the system's own do until name servers are given up.
    let (let_go, hangs) = mpsc::channel::<()>();
    let (hangs, system, hanging) = (Mutex::new(hangs), lookups::system(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&hanging);
    let outbound = Outbound::with_lookup(Arc::new(move |name| {
        if name != "hangs.test" {
            return system(name);
        }
        count.fetch_add(1, Ordering::SeqCst);
        hangs.lock().unwrap().recv().map_err(io::Error::other)?;
        Ok(Vec::new())
    }));
    let outbound = Arc::new(outbound);
    let (app, neighbour) = (AppId::new(), AppId::new());
    let allowed = hosts(&[format!("localhost:{}", upstream.port()), "hangs.test".into()]);
    let reachable = || get(format!("http://localhost:{}/", upstream.port()));
    let soon = |request: Request| Request { timeout_ms: Some(50), ..request };

    // More than an app has places for, all of them given up by whoever asked.
    let mut given_up = JoinSet::new();
    for _ in 0..2 * lookups::EACH {
        let (outbound, allowed) = (Arc::clone(&outbound), allowed.clone());
        given_up.spawn(async move { outbound.send(app, &allowed, 99, soon(get("http://hangs.test/".into()))).await });
    }
    for answer in given_up.join_all().await {
        assert_eq!(answer.unwrap_err().code, Timeout);
    }
    let free = || outbound.lookups.all.available_permits();
    assert_eq!(free(), lookups::ALL - lookups::EACH);
    assert_eq!(outbound.send(app, &allowed, 99, soon(reachable())).await.unwrap_err().code, Timeout);
    assert_eq!(upstream.connections(), 0);
    assert_eq!(text(outbound.send(neighbour, &allowed, 99, reachable()).await.unwrap()), (200, "reached".into()));

    // However many apps do so, there are threads left for what is no look-up; and who waits has a place once one is back.
    for _ in 0..lookups::ALL / lookups::EACH {
        let app = AppId::new();
        let asked =
            (0..lookups::EACH).map(|_| outbound.send(app, &allowed, 99, soon(get("http://hangs.test/".into()))));
        futures_util::future::join_all(asked).await;
    }
    assert_eq!(free(), 0);
    assert_eq!(outbound.send(neighbour, &allowed, 99, soon(reachable())).await.unwrap_err().code, Timeout);
    assert_eq!(tokio::task::spawn_blocking(|| 7).await.unwrap(), 7);
    let waits = outbound.send(app, &allowed, 99, reachable());
    let (answer, ()) = tokio::join!(waits, async { drop(let_go) });
    assert_eq!(text(answer.unwrap()), (200, "reached".into()));
    let all = tokio::time::timeout(TIME, outbound.lookups.all.acquire_many(lookups::ALL as u32)).await;
    assert!(all.is_ok(), "all places are back");
    assert_eq!(
        hanging.load(Ordering::SeqCst),
        lookups::ALL,
        "none was looked up beyond the places, nor later for nobody"
    );
}
