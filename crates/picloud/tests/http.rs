//! The ingress as an HTTP server: methods, hosts, sizes, and requests that break the rules.

use crate::support::{Backend, TestApp, error_of, script_name, until};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends raw bytes and reads all that comes back until the server closes.
pub(crate) async fn raw(picloud: &TestApp, bytes: &[u8]) -> String {
    let address = picloud.ingress.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("the server closes").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn methods_and_hosts_are_told_apart() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("web").await;
    picloud.put(&app, "read", "`read ${req.params.id}`", &["GET /items/{id}"]).await;
    picloud.put(&app, "write", "`wrote ${req.text()}`", &["POST /items/{id}", "PUT /items/{id}"]).await;
    let url = format!("{}/web/items/a%2Fb", picloud.ingress);
    assert_eq!(picloud.text("/web/items/a%2Fb").await, (200, "read a/b".into()));
    let written = picloud.http.post(&url).body("x").send().await.unwrap();
    assert_eq!(written.text().await.unwrap(), "wrote x");

    let head = picloud.http.head(&url).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "8"));
    let response = picloud.http.delete(&url).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, POST, PUT");
    assert_eq!(error_of(response).await.1, "method_not_allowed");
    let options = picloud.http.request(reqwest::Method::OPTIONS, &url).send().await.unwrap();
    assert_eq!((options.status().as_u16(), options.headers()["allow"].to_str().unwrap()), (204, "GET, POST, PUT"));

    let by_host = picloud.http.get(format!("{}/items/1", picloud.ingress)).header("host", "web.localhost:8080");
    assert_eq!(by_host.send().await.unwrap().text().await.unwrap(), "read 1");
    for (path, code) in [
        ("/", "no_such_app"),
        ("/nobody/x", "no_such_app"),
        ("/web/none", "no_such_route"),
        ("/web/", "no_such_route"),
        ("/web//items/1", "no_such_route"),
    ] {
        assert_eq!(error_of(picloud.get(path).await).await.1, code, "{path}");
    }
    for path in ["/web/../items/1", "/web/%2e%2e/x", "/web/%FF"] {
        let answer =
            raw(&picloud, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())
                .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("invalid_path"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn bodies_and_headers_are_bounded() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("big").await;
    picloud.put(&app, "len", "req.body.len()", &[]).await;
    let url = format!("{}/big/len", picloud.ingress);
    let post = async |len: usize| picloud.http.post(&url).body(vec![7; len]).send().await.unwrap();
    assert_eq!(post(1 << 20).await.text().await.unwrap(), "1048576");
    assert_eq!(error_of(post((1 << 20) + 1).await).await.1, "body_too_large");

    let many: String = (0..120).map(|n| format!("x-{n}: a\r\n")).collect();
    let answer = raw(&picloud, format!("GET /big/len HTTP/1.1\r\nhost: localhost\r\n{many}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let huge = format!("GET /big/len HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(1 << 20));
    assert!(raw(&picloud, huge.as_bytes()).await.starts_with("HTTP/1.1 431 "));
    let smuggled = b"POST /big/len HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n";
    let answer = raw(&picloud, smuggled).await;
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "one request, one answer: {answer}");
    for (request, status) in [
        ("CONNECT big:80 HTTP/1.1\r\nhost: big.localhost", 501),
        ("TRACE /big/len HTTP/1.1\r\nhost: localhost", 501),
        ("GET /big/len HTTP/1.1\r\nx: y", 400),
        ("GET /len HTTP/1.1\r\nhost: big.localhost\r\nhost: other.localhost", 400),
        ("GET http://big.localhost/len HTTP/1.1\r\nhost: other.localhost", 200),
    ] {
        let answer = raw(&picloud, format!("{request}\r\nconnection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    for nonsense in [&b"\0\0\0\0\r\n\r\n"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\r\n\r\n"] {
        let answer = raw(&picloud, nonsense).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(picloud.text("/big/len").await, (200, "0".into()));
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_slot_and_is_recorded() {
    // Fewer slots than rounds: were they not given back, the last rounds would find none.
    let picloud = crate::support::Setup::new(Backend::Sqlite).with(&["--slots", "8"]).start().await;
    let app = picloud.create_app("hang").await;
    picloud.put(&app, "long", "kv::incr(\"begun\"); log::info(\"begun\"); loop {}", &[]).await;
    picloud.put(&app, "begun", "kv::get(\"begun\")", &[]).await;
    let address = picloud.ingress.strip_prefix("http://").unwrap();
    for round in 1..=20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /hang/long HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let begun = async || (picloud.text("/hang/begun").await.1 == round.to_string()).then_some(());
        until("the script to have begun", begun).await;
        drop(stream);
    }
    // Some may have ended by their fuel before the server saw that nobody waits: all are there, none is lost.
    let totals = until("all to be recorded", async || {
        let totals = picloud.client.script(&app, &script_name("long")).await.unwrap().totals;
        (totals.invocations == 20).then_some(totals)
    })
    .await;
    assert_eq!(totals.failures, 20);
    assert!(totals.fuel > 0);
    let page = picloud.client.invocations(&app, &picloud_client::InvocationFilter::default()).await.unwrap();
    let cancelled = page.items.iter().filter(|item| item.outcome == "cancelled").count();
    assert!(cancelled > 0, "{:?}", page.items);
    assert_eq!(picloud.text("/hang/begun").await, (200, "20".into()));
}

#[tokio::test]
async fn metrics_count_what_invocations_found() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("web").await;
    picloud.put(&app, "one", "1", &[]).await;
    for _ in 0..3 {
        assert_eq!(picloud.text("/web/one").await.0, 200);
    }
    assert_eq!(picloud.metric("picloud_image_hits_total").await, 2);
    assert!(picloud.metric("picloud_image_misses_total").await > 0);
    let (kept, new) =
        (picloud.metric("picloud_instances_kept_total").await, picloud.metric("picloud_instances_new_total").await);
    assert!(new > 0 && kept + new == 3, "{kept} kept, {new} new");
}
