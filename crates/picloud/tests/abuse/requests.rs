//! Requests and answers that are made to break a server or whoever stands behind it: headers that are no headers, paths
//! that lead elsewhere, bodies that are bombs, and clients that take their time.

use super::{Case, Neighbourly};
use crate::{
    http::raw,
    support::{Backend, Setup, error_of, until},
};
use picloud_shared::limit_rules::LimitName;
use std::{
    fs,
    io::Write,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

async fn get(case: &Case, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    raw(&case.picloud, request.as_bytes()).await
}

#[tokio::test]
async fn answers_end() {
    let case = Case::start().await;
    case.put("large", "let s = \"\"; s.pad(5000000, 'x'); s").await;
    case.put("growing", "let s = \"x\"; loop { s += s; }").await;
    case.put("many", "let a = []; loop { a.push(\"xxxxxxxxxxxxxxxx\"); }").await;
    case.put("wide", "let h = #{}; for i in 0..5000 { h[`x-${i}`] = \"y\"; } respond(200, \"\", h)").await;
    case.put("tall", "let s = \"\"; s.pad(1000000, 'x'); respond(200, \"\", #{ \"x-tall\": s })").await;
    case.set([(LimitName::Fuel, 10_000_000_000)]).await;
    case.fails("large", (500, "response_too_large", None)).await;
    case.fails("growing", (500, "out_of_memory", None)).await;
    case.fails("many", (500, "out_of_memory", None)).await;
    for name in ["wide", "tall"] {
        let (status, code, error) = error_of(case.picloud.get(&format!("/bad/{name}")).await).await;
        assert_eq!(status, 500, "{name}: {code} {error}");
    }
    case.ends_well().await;
}

#[tokio::test]
async fn no_script_writes_into_the_protocol() {
    let case = Case::start().await;
    for (number, header) in [
        r#""x-a": "1\r\nset-cookie: stolen=1""#,
        r#""x-a": "1\nx-b: 2""#,
        r#""x-a": "1\x00""#,
        r#""x-a\r\nx-b": "1""#,
        r#""x a": "1""#,
        r#""": "1""#,
        r#""content-length": "5""#,
        r#""transfer-encoding": "chunked""#,
        r#""connection": "close, x-secret""#,
        r#""keep-alive": "timeout=1000""#,
        r#""te": "trailers""#,
        r#""trailer": "x""#,
        r#""upgrade": "websocket""#,
        r#""proxy-authenticate": "Basic""#,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("h{number}");
        case.put(&name, &format!("respond(200, \"body\", #{{ {header} }})")).await;
        let answer = get(&case, &format!("/bad/{name}")).await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{header}: {answer}");
        assert!(!answer.contains("stolen") && !answer.contains("\nx-b"), "{header}: {answer}");
    }
    case.ends_well().await;
}

#[tokio::test]
async fn no_path_leads_elsewhere() {
    let case = Case::start().await;
    case.picloud.put(&"good".parse().unwrap(), "mine", "\"mine\"", &["GET /mine"]).await;
    case.picloud.put(&case.bad, "rest", "`rest ${req.params.rest}`", &["GET /{*rest}"]).await;
    for target in [
        "/bad/../good/mine",
        "/bad/%2e%2e/good/mine",
        "/bad/%2E%2E/good/mine",
        "/bad/.%2e/good/mine",
        "/bad/x/../../good/mine",
        "/bad//../good/mine",
        "/bad/./../good/mine",
        "/bad/..",
    ] {
        let answer = get(&case, target).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_path"), "{target}: {answer}");
    }
    // Decoded once, and not taken apart anew.
    for (target, rest) in [
        ("/bad/%252e%252e/good/mine", "rest %2e%2e/good/mine"),
        ("/bad/..%2f..%2fgood%2fmine", "rest ../../good/mine"),
        ("/bad/..%5cgood", "rest ..\\good"),
        ("/bad/a%2fb/c", "rest a/b/c"),
        ("/bad/...", "rest ..."),
        ("/bad/a;b=..", "rest a;b=.."),
    ] {
        let answer = get(&case, target).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(rest), "{target}: {answer}");
    }
    for target in ["/bad/%00", "/bad/%FF", "/bad/%zz", "/bad/%"] {
        let answer = get(&case, target).await;
        assert!(!answer.contains("mine") && !answer.starts_with("HTTP/1.1 5"), "{target}: {answer}");
    }
    case.ends_well().await;
}

/// Where the length is said twice, a request is read by its chunks (RFC 9112, 6.3), and nothing after it is read any more.
#[tokio::test]
async fn one_request_is_one_request() {
    let case = Case::start().await;
    case.put("len", "req.body.len()").await;
    let hidden = "GET /good/ok?n=smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n";
    for (headers, statuses) in [
        ("content-length: 5\r\ntransfer-encoding: chunked", &[200][..]),
        ("transfer-encoding: chunked\r\ncontent-length: 5", &[200]),
        ("transfer-encoding: chunked\r\ncontent-length: x", &[200, 400]),
        ("content-length: 5\r\ncontent-length: 6", &[400]),
        ("content-length: 5, 6", &[400]),
        ("content-length: -1", &[400]),
        ("content-length: +5", &[400]),
        ("content-length: 0x5", &[400]),
        ("transfer-encoding: chunked, identity", &[400]),
        ("transfer-encoding: xchunked", &[400]),
        ("transfer-encoding : chunked", &[400]),
        ("transfer-encoding:\x0bchunked", &[400]),
        ("content-length: 5\r\ntransfer-encoding: identity", &[400]),
    ] {
        let request = format!("POST /bad/len HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n\r\n0\r\n\r\n{hidden}");
        let answer = raw(&case.picloud, request.as_bytes()).await;
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers}: {answer}");
        let status = answer[9..12].parse().unwrap();
        assert!(statuses.contains(&status), "{headers}: {answer}");
    }
    case.ends_well().await;
}

#[tokio::test]
async fn many_and_huge_headers_are_refused() {
    let case = Case::start().await;
    let many: String = (0..150).map(|n| format!("x-{n}: a\r\n")).collect();
    let huge = format!("x: {}\r\n", "a".repeat(1 << 20));
    let name = format!("{}: a\r\n", "x".repeat(1 << 20));
    for headers in [&many, &huge, &name] {
        let request = format!("GET /good/ok HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
        let answer = raw(&case.picloud, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{}…: {answer}", &headers[..9]);
    }
    let long = get(&case, &format!("/good/ok?n={}", "a".repeat(1 << 20))).await;
    assert!(long.starts_with("HTTP/1.1 4"), "{long}");
    case.ends_well().await;
}

#[tokio::test]
async fn compressed_bombs_stay_compressed() {
    let case = Case::start().await;
    case.put("len", "req.body.len()").await;
    // A gibibyte of zeros.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..1_024 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() > 1 << 20, "it is too large as it is");
    let bomb = bomb[..1 << 20].to_vec();
    let send = |url: String| {
        let request = case.picloud.http.post(url).header("content-type", "application/json");
        request.header("content-encoding", "gzip").body(bomb.clone()).send()
    };
    for _ in 0..4 {
        let seen = send(format!("{}/bad/len", case.picloud.ingress)).await.unwrap();
        assert_eq!(seen.text().await.unwrap(), (1 << 20).to_string(), "a script sees what was sent");
        let refused = send(format!("{}/api/v1/auth/login", case.picloud.manager)).await.unwrap();
        assert!([400, 413, 415].contains(&refused.status().as_u16()), "{}", refused.status());
    }
    case.ends_well().await;
}

/// How many of the clients' connections, named by their ports, a server on this machine holds: accepted, and not yet closed.
fn held(server: &str, clients: &[u16]) -> usize {
    let server = server.parse::<SocketAddr>().unwrap().port();
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    // Number, local address, remote address, state, and in the tenth column the inode, which is 0 while no process has it.
    let lines = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .filter(|line| port(line[1]) == Some(server) && port(line[2]).is_some_and(|port| clients.contains(&port)))
        .filter(|line| line[9] != "0")
        .count()
}

/// Each of them has the server's own time limits to wait for, so all wait at once.
#[tokio::test]
async fn who_takes_their_time_is_cut_off() {
    let case = Case::on(Setup::new(Backend::Sqlite).with(&["--slots", "8"]), Neighbourly::Always).await;
    case.put("large", "let s = \"\"; s.pad(8000000, 'x'); s").await;
    case.set([(LimitName::ResponseBodyBytes, 8 << 20), (LimitName::Fuel, 10_000_000_000)]).await;
    case.put("len", "req.body.len()").await;
    let ingress = case.picloud.ingress.strip_prefix("http://").unwrap().to_owned();
    let manager = case.picloud.manager.strip_prefix("http://").unwrap().to_owned();
    let begun = Instant::now();

    /// Sends the start at once and then a byte now and then, until the server closes; gives what it said.
    async fn drip(address: &str, start: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut answer = Vec::new();
        let dripping = async {
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                if write.write_all(b"a").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        let closed = tokio::time::timeout(Duration::from_secs(150), read.read_to_end(&mut answer));
        tokio::select! {
            closed = closed => { closed.expect("it was cut off").ok(); }
            () = dripping => unreachable!("it never ends"),
        }
        String::from_utf8_lossy(&answer).into_owned()
    }
    let silent = async |address: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(150), stream.read_to_end(&mut answer));
        closed.await.expect("it was cut off").ok();
    };
    let body = "POST /bad/len HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
    let api_body = "POST /api/v1/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n";
    let unread = async {
        let mut streams = Vec::new();
        // More than there are slots.
        for _ in 0..20 {
            let socket = TcpSocket::new_v4().unwrap();
            // Else the kernel takes it all in the client's place.
            socket.set_recv_buffer_size(4 << 10).unwrap();
            let mut stream = socket.connect(ingress.parse().unwrap()).await.unwrap();
            stream.write_all(b"GET /bad/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            streams.push(stream);
        }
        let clients = streams.iter().map(|stream| stream.local_addr().unwrap().port()).collect::<Vec<_>>();
        until("the server to hold them all", async || (held(&ingress, &clients) == clients.len()).then_some(())).await;
        while held(&ingress, &clients) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(150), "they were not cut off");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for mut stream in streams {
            let mut answer = Vec::new();
            let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut answer)).await;
            read.expect("it was cut off").ok();
            assert!(answer.len() < 8_000_000, "what nobody took was kept: {} bytes", answer.len());
        }
    };
    let (headers, slow_body, slow_api, ..) = tokio::join!(
        drip(&ingress, "GET /bad/len HTTP/1.1\r\nhost: localhost\r\nx: "),
        drip(&ingress, body),
        drip(&manager, api_body),
        silent(&ingress),
        silent(&manager),
        unread,
    );
    assert!(headers.is_empty() || headers.starts_with("HTTP/1.1 408 "), "{headers}");
    for answer in [slow_body, slow_api] {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert!(begun.elapsed() < Duration::from_secs(170), "{:?}", begun.elapsed());
    case.ends_well().await;
}
