//! Following logs over the API.

use crate::{
    identity::join,
    support::{Backend, Setup, TestApp, error_of, on_both, until},
};
use picloud_client::{Client, FollowFilter, Followed, LogStream};
use picloud_shared::{
    api::{InviteToServer, LogLevel},
    names::AppSlug,
};
use std::time::Duration;

on_both!(
    lines_come_as_they_are_written_and_none_twice,
    only_what_is_looked_for_comes,
    a_stream_ends_with_its_token,
    a_server_that_stops_ends_its_streams,
    an_app_has_so_many_followers,
);

const SAYS: &str = "log::info(`${req.query.n} begins`); log::warn(`${req.query.n} ends`);";

async fn start(backend: Backend) -> (TestApp, AppSlug) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("log").await;
    picloud.put(&app, "says", SAYS, &[]).await;
    (picloud, app)
}

async fn follow(client: &Client, app: &AppSlug, filter: &FollowFilter) -> LogStream {
    client.follow_logs(app, filter).await.expect("a stream")
}

/// The next so many lines.
async fn lines(stream: &mut LogStream, count: usize) -> Vec<Followed> {
    let mut found = Vec::new();
    while found.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(30), stream.next()).await.expect("a line comes");
        found.push(next.expect("an event").expect("the stream goes on"));
    }
    found
}

fn words(lines: &[Followed]) -> Vec<&str> {
    lines.iter().map(|line| line.entry.message.as_str()).collect()
}

async fn ended(stream: LogStream) {
    rest(stream).await;
}

/// How many lines come before the stream ends.
async fn rest(mut stream: LogStream) -> usize {
    let mut count = 0;
    let end = async {
        while stream.next().await.expect("an event").is_some() {
            count += 1;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.expect("the stream ends");
    count
}

async fn lines_come_as_they_are_written_and_none_twice(backend: Backend) {
    let (picloud, app) = start(backend).await;
    picloud.get("/log/says?n=0").await;
    until("the record", async || {
        (picloud.client.logs(&app, &Default::default()).await.unwrap().items.len() == 2).then_some(())
    })
    .await;
    let mut stream = follow(&picloud.client, &app, &FollowFilter::default()).await;
    picloud.get("/log/says?n=1").await;
    let first = lines(&mut stream, 1).await;
    assert_eq!(words(&first), ["1 begins"], "what was written before is not followed");
    assert_eq!(first[0].entry.script.to_string(), "says");
    drop(stream);
    // Who comes back gets what was written meanwhile, from the middle of an invocation on.
    picloud.get("/log/says?n=2").await;
    let after = |line: &Followed| FollowFilter { after: Some(line.id.clone()), ..FollowFilter::default() };
    let mut stream = follow(&picloud.client, &app, &after(&first[0])).await;
    let more = lines(&mut stream, 3).await;
    assert_eq!(words(&more), ["1 ends", "2 begins", "2 ends"]);
    // Manual runs and requests alike.
    picloud.invoke(&app, "says").await;
    assert_eq!(lines(&mut stream, 2).await.len(), 2);
    // Who is cut off before anything was written knows where it began.
    let mut quiet = picloud.api("GET", "/apps/log/logs?follow=true", "").await;
    let first = String::from_utf8(quiet.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let place =
        first.strip_prefix("id: ").and_then(|id| id.strip_suffix("\n\n")).unwrap_or_else(|| panic!("{first:?}"));
    drop(quiet);
    picloud.get("/log/says?n=3").await;
    let filter = FollowFilter { after: Some(place.to_owned()), ..FollowFilter::default() };
    let mut stream = follow(&picloud.client, &app, &filter).await;
    assert_eq!(words(&lines(&mut stream, 2).await), ["3 begins", "3 ends"]);
    let bad = FollowFilter { after: Some("x".to_owned()), ..FollowFilter::default() };
    assert_eq!(picloud.client.follow_logs(&app, &bad).await.unwrap_err().status().unwrap(), 422);
    let refused = picloud.api("GET", "/apps/log/logs?follow=true&limit=3", "").await;
    assert_eq!(error_of(refused).await.0, 422);
}

async fn only_what_is_looked_for_comes(backend: Backend) {
    let (picloud, app) = start(backend).await;
    picloud.put(&app, "other", "log::error(\"other\");", &[]).await;
    let says = FollowFilter { script: Some("says".parse().unwrap()), ..FollowFilter::default() };
    let mut of_says = follow(&picloud.client, &app, &says).await;
    let mut warnings =
        follow(&picloud.client, &app, &FollowFilter { level: Some(LogLevel::Warn), ..FollowFilter::default() }).await;
    let mut texts =
        follow(&picloud.client, &app, &FollowFilter { text: Some("begins".into()), ..FollowFilter::default() }).await;
    let status = |status: &str| FollowFilter { status: Some(status.parse().unwrap()), ..FollowFilter::default() };
    picloud.put(&app, "fails", "log::info(\"fails\"); respond(500)", &[]).await;
    let mut failed = follow(&picloud.client, &app, &status("500")).await;
    let mut class = follow(&picloud.client, &app, &status("5xx")).await;
    let mut fine = follow(&picloud.client, &app, &status("2xx")).await;
    for path in ["/log/says?n=1", "/log/other", "/log/fails", "/log/says?n=2", "/log/fails"] {
        picloud.get(path).await;
    }
    assert_eq!(words(&lines(&mut failed, 2).await), ["fails"; 2]);
    assert_eq!(words(&lines(&mut class, 2).await), ["fails"; 2]);
    assert_eq!(words(&lines(&mut fine, 5).await), ["1 begins", "1 ends", "other", "2 begins", "2 ends"]);
    assert_eq!(words(&lines(&mut of_says, 4).await), ["1 begins", "1 ends", "2 begins", "2 ends"]);
    assert_eq!(words(&lines(&mut warnings, 3).await), ["1 ends", "other", "2 ends"]);
    assert_eq!(words(&lines(&mut texts, 2).await), ["1 begins", "2 begins"]);
}

async fn a_stream_ends_with_its_token(backend: Backend) {
    let (picloud, app) = start(backend).await;
    let client = Client::new(&picloud.manager).unwrap().with_token(&picloud.token().await).unwrap();
    let stream = follow(&client, &app, &FollowFilter::default()).await;
    let mut lasting = follow(&picloud.client, &app, &FollowFilter::default()).await;
    client.logout().await.unwrap();
    // What is written at once is for those alone who may still read.
    picloud.get("/log/says?n=1").await;
    lines(&mut lasting, 2).await;
    assert_eq!(rest(stream).await, 0, "lines came after the token was ended");
    picloud.client.delete_app(&app).await.unwrap();
    ended(lasting).await;
}

async fn a_server_that_stops_ends_its_streams(backend: Backend) {
    let (picloud, app) = start(backend).await;
    let stream = follow(&picloud.client, &app, &FollowFilter::default()).await;
    let stopped = tokio::task::spawn_blocking(|| picloud.stop().0);
    ended(stream).await;
    assert!(stopped.await.unwrap().success());
}

async fn an_app_has_so_many_followers(backend: Backend) {
    let (picloud, app) = start(backend).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(follow(&picloud.client, &app, &FollowFilter::default()).await);
    }
    let refused = picloud.api("GET", "/apps/log/logs?follow=true", "").await;
    assert!(refused.headers().contains_key("retry-after"));
    let (status, code, _) = error_of(refused).await;
    assert_eq!((status, code.as_str()), (429, "too_many_followers"));
    let other = picloud.create_app("other").await;
    follow(&picloud.client, &other, &FollowFilter::default()).await;
    streams.pop();
    let again = async || picloud.client.follow_logs(&app, &FollowFilter::default()).await.ok();
    streams.push(until("a seat to be free", again).await);

    // So that nobody shuts out all others with apps of their own.
    for _ in 0..20 {
        streams.push(follow(&picloud.client, &other, &FollowFilter::default()).await);
    }
    let third = picloud.create_app("third").await;
    assert!(picloud.client.follow_logs(&third, &FollowFilter::default()).await.is_err(), "one user has 40");
    let reader = join(&picloud, "reader", InviteToServer { admin: true, ..InviteToServer::default() }).await;
    follow(&reader, &third, &FollowFilter::default()).await;
}

#[tokio::test]
async fn what_another_process_ran_is_followed() {
    let setup = Setup::new(Backend::Postgres);
    let (first, second) = (setup.clone().start().await, setup.beside().start().await);
    let app = first.create_app("log").await;
    first.put(&app, "says", SAYS, &[]).await;
    let mut stream = follow(&second.client, &app, &FollowFilter::default()).await;
    first.get("/log/says?n=1").await;
    assert_eq!(words(&lines(&mut stream, 2).await), ["1 begins", "1 ends"]);
}
