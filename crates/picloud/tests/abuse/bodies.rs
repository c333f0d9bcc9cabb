//! Bodies of requests that come slowly, and many at once: what is held of them has a bound, nobody has all of it, and others are
//! answered meanwhile.

use super::{Case, Neighbourly};
use crate::support::{Backend, Setup, until};
use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What the server may hold of bodies.
const MOST: u64 = 20 << 20;
/// Bytes that are counted at once.
const STEP: u64 = 64 << 10;
const BODY: usize = 1_000_000;

async fn case() -> Case {
    Case::on(Setup::new(Backend::Sqlite).with(&["--body-memory", "20"]), Neighbourly::Always).await
}

/// A request that has sent nine tenths of its body, or as much of it as the server took.
async fn upload(case: &Case) -> TcpStream {
    let address = case.picloud.ingress.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /bad/len HTTP/1.1\r\nhost: localhost\r\ncontent-length: {BODY}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; BODY / 10 * 9]).await.unwrap();
    stream
}

async fn held(case: &Case) -> u64 {
    case.picloud.metric("picloud_body_bytes").await
}

#[tokio::test]
async fn many_slow_uploads_hold_no_more_than_there_is_room_for() {
    let case = case().await;
    case.picloud.put(&case.bad, "len", "req.body.len()", &["POST /len"]).await;
    case.picloud.put(&"good".parse().unwrap(), "len", "req.body.len()", &["POST /len"]).await;
    let mut uploads = join_all((0..60).map(|_| upload(&case))).await;
    // One app alone gets half: ten bodies, each a little more as it is counted in steps.
    let most_held = until("the app to have all that it may", async || {
        let held = held(&case).await;
        (held > MOST / 2 - 2 * BODY as u64).then_some(held)
    })
    .await;
    assert!(most_held <= MOST / 2 + STEP, "{most_held} bytes are held");
    let resident = case.picloud.resident();
    assert!(resident < case.resident_before + (48 << 20), "{} bytes, then {resident}", case.resident_before);

    // A neighbour's body of the same size finds room, however many of the other wait.
    let response = case.picloud.http.post(format!("{}/good/len", case.picloud.ingress)).body(vec![b'x'; BODY]);
    let response = response.send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (200, BODY.to_string()));

    // So does what the app's own people send through the API.
    let response = case.picloud.api("PUT", "/apps/bad/files/large", vec![7; BODY]).await;
    assert!(response.status().is_success(), "{}", response.text().await.unwrap());

    let (mut taken, mut refused) = (0, 0);
    for upload in &mut uploads {
        // What was refused is answered already, and its connection may be closed.
        let _ = upload.write_all(&vec![b'x'; BODY / 10]).await;
        let mut answer = [0; 4_096];
        let length = upload.read(&mut answer).await.unwrap_or(0);
        let answer = String::from_utf8_lossy(&answer[..length]);
        if answer.starts_with("HTTP/1.1 200 ") {
            taken += 1;
        } else {
            assert!(answer.starts_with("HTTP/1.1 429 "), "{answer:?}");
            assert!(answer.contains("retry-after: 1\r\n") && answer.contains("\"app_busy\""), "{answer}");
            refused += 1;
        }
    }
    assert!(taken >= 5 && refused >= 40, "{taken} were taken, {refused} refused");
    drop(uploads);
    until("all to be given back", async || (held(&case).await == 0).then_some(())).await;
    case.ends_well().await;
}

#[tokio::test]
async fn what_becomes_large_as_json_counts_as_such() {
    let case = case().await;
    case.put("count", "event.payload.len()").await;
    let payload = format!("{{\"payload\": [{}0]}}", "0,".repeat(100_000));
    let token = case.picloud.token().await;
    let ask = |_| {
        let url = format!("{}/api/v1/apps/bad/scripts/count/invoke", case.picloud.manager);
        let request = case.picloud.http.post(url).bearer_auth(&token).header("content-type", "application/json");
        let request = request.body(payload.clone()).send();
        async { request.await.unwrap() }
    };
    let asked = (0..16).map(ask);
    let statuses: Vec<u16> = join_all(asked).await.iter().map(|response| response.status().as_u16()).collect();
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    until("all to be given back", async || (held(&case).await == 0).then_some(())).await;
    // The largest that there are go through, one after the other.
    let response = case.picloud.api("PUT", "/apps/bad/files/large", vec![7; 10 << 20]).await;
    assert!(response.status().is_success(), "{}", response.text().await.unwrap());
    case.ends_well().await;
}
