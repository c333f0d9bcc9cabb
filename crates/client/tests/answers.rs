//! What the client makes of answers, good and bad, that a listener gives byte for byte.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use picloud_client::{Client, Error, InvocationFilter, LogFilter};
use picloud_shared::{
    api::{LogLevel, StatusFilter, Trigger},
    names::{AppSlug, ScriptName},
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread::JoinHandle,
};

/// Answers one connection with these bytes; gives the client, and the request once it has been made.
fn answering(answer: Vec<u8>) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let request = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let read = connection.read(&mut head).unwrap();
        // The client may hang up in the middle of an answer that it refuses.
        let _ = connection.write_all(&answer);
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    (client, request)
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn app() -> AppSlug {
    "demo".parse().unwrap()
}

#[tokio::test]
async fn an_error_of_the_api_keeps_its_detail() {
    let body = r#"{"error":{"code":"parse","message":"expecting ';'","request_id":"r","line":3,"column":7}}"#;
    let (client, _) = answering(http("422 Unprocessable Entity", body));
    let Err(Error::Api { status, detail }) = client.apps().await else { panic!("not an API error") };
    assert_eq!(status.as_u16(), 422);
    assert_eq!((detail.message.as_str(), detail.line, detail.column), ("expecting ';'", Some(3), Some(7)));
}

#[tokio::test]
async fn what_is_not_the_api_is_told_apart() {
    for (status, body) in
        [("200 OK", "<html>"), ("502 Bad Gateway", "\0\u{1b}"), ("301 Moved", ""), ("404 Not Found", "{}")]
    {
        let (client, _) = answering(http(status, body));
        let error = client.apps().await.unwrap_err();
        assert!(matches!(error, Error::Decode { .. }), "{status}: {error:?}");
        assert_eq!(error.status().map(|s| s.as_str().to_owned()).as_deref(), status.get(..3));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_is_not_http_is_no_answer() {
    for answer in ["", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[]"] {
        let (client, _) = answering(answer.into());
        let error = client.apps().await.unwrap_err();
        assert!(matches!(error, Error::NoAnswer { .. }), "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    answer.resize(80 << 20, b' ');
    let (client, _) = answering(answer);
    let error = client.apps().await.unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn nobody_listening_is_a_failed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let error = client.apps().await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn requests_carry_path_query_and_token() {
    let (client, request) = answering(http("204 No Content", ""));
    let name: ScriptName = "lib/util".parse().unwrap();
    client.with_token("pic_x").unwrap().delete_script(&app(), &name).await.unwrap();
    let request = request.join().unwrap();
    assert!(request.starts_with("DELETE /api/v1/apps/demo/scripts/lib%2Futil HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer pic_x\r\n"), "{request}");

    let (client, request) = answering(http("200 OK", r#"{"items":[],"next":"n"}"#));
    let filter = InvocationFilter {
        script: Some(name.clone()),
        status: Some(StatusFilter::Failed),
        trigger: Some(Trigger::Http),
        text: Some("x y".to_owned()),
        since: Some(-1),
        before: Some("a&b".to_owned()),
        limit: Some(5),
        ..InvocationFilter::default()
    };
    assert_eq!(client.invocations(&app(), &filter).await.unwrap().next.as_deref(), Some("n"));
    let request = request.join().unwrap();
    let query = "script=lib%2Futil&status=failed&trigger=http&since=-1&text=x+y&before=a%26b&limit=5";
    assert!(request.contains(&format!("/invocations?{query} ")), "{request}");
    assert!(!request.contains("authorization"), "{request}");

    let (client, request) = answering(http("200 OK", r#"{"items":[]}"#));
    let (status, level) = (Some(StatusFilter::Class(5)), Some(LogLevel::Warn));
    let filter = LogFilter { script: Some(name), status, level, limit: Some(7), ..LogFilter::default() };
    assert_eq!(client.logs(&app(), &filter).await.unwrap().next, None);
    let request = request.join().unwrap();
    assert!(request.contains("/apps/demo/logs?script=lib%2Futil&status=5xx&level=warn&limit=7 "), "{request}");
}
