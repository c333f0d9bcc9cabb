//! Scripts that want to reach what they must not, and servers that do not behave.

use super::{Case, Neighbourly};
use crate::support::{
    Backend, Setup, error_of, until,
    upstream::{Reply, Upstream},
};
use futures_util::future::join_all;
use picloud_shared::{api::UpdateApp, limit_rules::LimitName};
use reqwest::Url;
use std::{net::SocketAddr, time::Instant};

/// Tells how fetching `url` ended: a status and the length of the body, or a code.
const FETCH: &str = "try {
    let response = http::request(#{ url: req.query.url, timeout_ms: (req.query.ms ?? \"3000\").parse_int() });
    return `${response.status} ${response.body.len()}`;
} catch (refused) { return refused.code; }";

impl Case {
    async fn fetches(&self, url: &str) -> String {
        let asked = Url::parse_with_params(&format!("{}/bad/fetch", self.picloud.ingress), [("url", url)]).unwrap();
        self.picloud.http.get(asked).send().await.unwrap().text().await.unwrap()
    }

    pub(super) async fn open(&self, hosts: &[SocketAddr]) {
        let hosts = hosts.iter().map(|host| host.to_string().parse().unwrap()).collect::<Vec<_>>();
        let update = UpdateApp { outbound: Some(hosts.clone().into()), ..UpdateApp::default() };
        let app = self.picloud.client.update_app(&self.bad, &update).await.unwrap();
        assert_eq!(app.outbound.entries(), hosts);
    }
}

#[tokio::test]
async fn the_servers_own_network_stays_closed() {
    let case = Case::start().await;
    case.put("fetch", FETCH).await;
    let inner = Upstream::start(|_| Reply::with("200 OK", "", "inner")).await;
    let port = inner.address.port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "%31%32%37.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        assert_eq!(case.fetches(&format!("http://{host}:{port}/")).await, "refused_address", "{host}");
    }
    // The control plane, and the apps' own door.
    for address in [&case.picloud.manager, &case.picloud.ingress] {
        assert_eq!(case.fetches(&format!("{address}/healthz")).await, "refused_address");
    }
    assert!(inner.received().is_empty());
    // What is opened on purpose is open, to nothing else and to no other app.
    case.open(&[inner.address]).await;
    assert_eq!(case.fetches(&format!("http://127.0.0.1:{port}/")).await, "200 5");
    for host in ["localhost", "127.0.0.2", "[::1]", "10.0.0.1"] {
        assert_eq!(case.fetches(&format!("http://{host}:{port}/")).await, "refused_address", "{host}");
    }
    assert_eq!(case.fetches(&format!("{}/healthz", case.picloud.manager)).await, "refused_address");
    let other = case.picloud.create_app("other").await;
    case.picloud.put(&other, "fetch", FETCH, &[]).await;
    let (_, told) = case.picloud.text(&format!("/other/fetch?url=http://127.0.0.1:{port}/")).await;
    assert_eq!(told, "refused_address");
    assert_eq!(inner.received().len(), 1);
    case.ends_well().await;
}

#[tokio::test]
async fn no_redirect_leads_into_the_servers_own_network() {
    let case = Case::start().await;
    case.put("fetch", FETCH).await;
    let inner = Upstream::start(|_| Reply::with("200 OK", "", "inner")).await;
    let outer = Upstream::start(|path| match path.strip_prefix("/to/") {
        Some(to) => Reply::with("302 Found", &format!("location: {to}\r\n"), ""),
        None => Reply::with("200 OK", "", "outer"),
    })
    .await;
    case.open(&[outer.address]).await;
    let (port, door) = (inner.address.port(), outer.address);
    for to in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("//[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        // By way of itself.
        format!("http://{door}/to/http://127.0.0.1:{port}/"),
    ] {
        assert_eq!(case.fetches(&format!("http://{door}/to/{to}")).await, "refused_address", "{to}");
    }
    assert_eq!(case.fetches(&format!("http://{door}/to/file:///etc/passwd")).await, "invalid");
    assert_eq!(case.fetches(&format!("http://{door}/to/http://{door}/end")).await, "200 5");
    assert!(inner.received().is_empty());
    case.ends_well().await;
}

#[tokio::test]
async fn servers_that_do_not_behave_are_given_up() {
    let case = Case::start().await;
    case.put("fetch", FETCH).await;
    // Whatever it says that it holds, it counts as what it is: nothing unpacks it.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3][..], &[0; 1_014]].concat();
    let upstream = Upstream::start(move |path| match path {
        "/never" => Reply::Never,
        "/slow-body" => Reply::Whole(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab".to_vec()),
        "/endless" => Reply::Endless("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 65_536]),
        "/endless-chunks" => Reply::Endless(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            format!("400\r\n{}\r\n", "x".repeat(0x400)).repeat(64).into_bytes(),
        ),
        "/endless-head" => Reply::Endless("HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n".to_vec()),
        "/endless-early" => Reply::Endless("", b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec()),
        "/huge" => Reply::Whole(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\nab".to_vec()),
        "/garbage" => Reply::Whole(b"\0\xff no HTTP at all\r\n\r\n".to_vec()),
        "/bomb" => Reply::with("200 OK", "content-encoding: gzip\r\n", &bomb),
        _ => Reply::with("404 Not Found", "", "nothing"),
    })
    .await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    case.open(&[upstream.address, closed]).await;
    let at = |path: &str| format!("http://{}{path}", upstream.address);
    for (path, told) in [
        ("/never&ms=200", "timeout"),
        ("/slow-body", "unreachable"),
        ("/endless", "too_large"),
        ("/endless-chunks", "too_large"),
        ("/endless-head", "unreachable"),
        ("/endless-early&ms=500", "timeout"),
        ("/huge", "too_large"),
        ("/garbage", "unreachable"),
        ("/bomb", "200 1024"),
        ("/none", "404 7"),
    ] {
        assert_eq!(case.picloud.text(&format!("/bad/fetch?url={}", at(path))).await.1, told, "{path}");
    }
    assert_eq!(case.fetches(&format!("http://{closed}/")).await, "unreachable");
    assert_eq!(case.fetches("http://no-such-name.invalid/").await, "refused_address");

    // All at once, as many as the app may have, and past the wall time.
    case.set([(LimitName::WallTimeMs, 500)]).await;
    case.put("wait", &format!("http::get(\"{}\")", at("/never"))).await;
    let begun = Instant::now();
    for ended in case.crowd((0..16).map(|_| "/bad/wait".to_owned())).await {
        assert!([(504, "timeout".to_owned()), (503, "overloaded".to_owned())].contains(&ended), "{ended:?}");
    }
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());

    case.put("many", &format!("loop {{ http::get(\"{}\"); }}", at("/none"))).await;
    case.set([(LimitName::WallTimeMs, 10_000)]).await;
    let before = upstream.received().len();
    let (status, code, _) = error_of(case.picloud.get("/bad/many").await).await;
    assert_eq!((status, code.as_str(), upstream.received().len() - before), (500, "quota", 32));
    until("the connections to be given up", async || {
        (case.picloud.metric("picloud_pool_slots_free").await > 0).then_some(())
    })
    .await;
    case.ends_well().await;
}

#[tokio::test]
async fn nothing_is_smuggled_into_a_request() {
    let case = Case::start().await;
    let upstream = Upstream::start(|_| Reply::with("200 OK", "", "ok")).await;
    case.open(&[upstream.address]).await;
    let script = format!(
        "try {{ http::request(#{{ url: \"http://{}/\" + req.query.path, headers: json::parse(req.query.headers) }}).text() }}
         catch (refused) {{ return refused.code; }}",
        upstream.address
    );
    case.put("send", &script).await;
    let send = async |path: &str, headers: &str| {
        let parameters = [("path", path), ("headers", headers)];
        let asked = Url::parse_with_params(&format!("{}/bad/send", case.picloud.ingress), parameters).unwrap();
        case.picloud.http.get(asked).send().await.unwrap().text().await.unwrap()
    };
    for headers in [
        r#"{"x": "a\r\nhost: b"}"#,
        r#"{"x": "a\nb"}"#,
        r#"{"x\r\ny": "a"}"#,
        r#"{"Host": "b"}"#,
        r#"{"content-length": "0"}"#,
        r#"{"transfer-encoding": "chunked"}"#,
        r#"{"connection": "upgrade"}"#,
    ] {
        assert_eq!(send("", headers).await, "invalid", "{headers}");
    }
    assert!(upstream.received().is_empty());
    send(" HTTP/1.1\r\nx-smuggled: 1\r\n\r\n", "{}").await;
    let received = upstream.received();
    assert!(received.len() == 1 && !received[0].contains("\r\nx-smuggled"), "{received:?}");
    case.ends_well().await;
}

/// Each request holds a slot for itself and for each script in the chain that it calls, while the last waits.
#[tokio::test]
async fn calls_that_wait_leave_other_apps_their_slots() {
    let case = Case::on(Setup::new(Backend::Sqlite).with(&["--slots", "16"]), Neighbourly::Always).await;
    let upstream = Upstream::start(|_| Reply::Never).await;
    case.open(&[upstream.address]).await;
    // The call that goes too deep, or finds no slot, is refused; its caller waits.
    let source = format!(
        "try {{ return scripts::invoke(\"nest\"); }} catch (refused) {{ kv::incr(refused.code); }}
         http::request(#{{ url: \"http://{}/\", timeout_ms: 30000 }})",
        upstream.address
    );
    case.put("nest", &source).await;
    case.set([(LimitName::Concurrency, 6), (LimitName::WallTimeMs, 4_000)]).await;
    let nested = join_all((0..6).map(|_| case.picloud.text("/bad/nest")));
    let neighbour = async {
        until("all to wait", async || (upstream.received().len() == 6).then_some(())).await;
        // Six, what they call in half of the slots, and the neighbour now and then.
        assert!((1..=2).contains(&case.picloud.metric("picloud_pool_slots_free").await));
        for _ in 0..20 {
            case.neighbour.answers_again().await;
        }
    };
    let (ended, ()) = tokio::join!(nested, neighbour);
    assert!(ended.iter().all(|(status, _)| *status == 504), "{ended:?}");
    case.put("refused", "kv::get(\"unavailable\")").await;
    // All chains ended there, but for one that may have been as long as it could be.
    let refused: u64 = case.picloud.text("/bad/refused").await.1.parse().unwrap();
    assert!((5..=6).contains(&refused), "{refused}");
    case.ends_well().await;
}
