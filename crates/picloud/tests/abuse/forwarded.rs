//! Clients that say they were somebody else.

use super::Case;
use crate::{
    http::raw,
    support::{Backend, Setup, TestApp},
};

/// What the script is told of a request with these headers.
async fn seen(picloud: &TestApp, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let request = format!("GET /bad/ip HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    let answer = raw(picloud, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.rsplit_once("\r\n\r\n").unwrap().1.to_owned()
}

async fn case(arguments: &[&str]) -> Case {
    let case = Case::on(Setup::new(Backend::Sqlite).with(arguments), super::Neighbourly::Always).await;
    case.put("ip", "req.ip").await;
    case
}

#[tokio::test]
async fn nobody_is_believed_about_where_a_request_comes_from() {
    for arguments in [&[][..], &["--trusted-proxy", "10.0.0.0/8"]] {
        let case = case(arguments).await;
        for headers in [
            &["x-forwarded-for: 1.2.3.4"][..],
            &["x-forwarded-for: 1.2.3.4, 10.0.0.7"],
            &["x-forwarded-for: 127.0.0.1", "X-Forwarded-For: 1.2.3.4"],
            &["x-real-ip: 1.2.3.4", "forwarded: for=1.2.3.4", "x-client-ip: 1.2.3.4", "true-client-ip: 1.2.3.4"],
            &["x-forwarded-host: good.localhost", "x-forwarded-proto: https"],
        ] {
            assert_eq!(seen(&case.picloud, headers).await, "127.0.0.1", "{arguments:?} {headers:?}");
        }
        case.ends_well().await;
    }
}

#[tokio::test]
async fn a_proxy_that_is_named_is_believed_and_nobody_before_it() {
    let arguments = ["--trusted-proxy", "127.0.0.1,fd00::/8", "--trusted-proxy", "10.0.0.0/8"];
    let case = case(&arguments).await;
    let long = format!("x-forwarded-for: {}203.0.113.7", "127.0.0.1, ".repeat(5_000));
    for (headers, ip) in [
        (&[][..], "127.0.0.1"),
        (&["x-forwarded-for: 203.0.113.7"], "203.0.113.7"),
        (&["x-forwarded-for: 1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        (&["x-forwarded-for: 1.2.3.4, 203.0.113.7, 10.1.2.3, fd00::7"], "203.0.113.7"),
        (&["x-forwarded-for: 1.2.3.4", "x-forwarded-for: 203.0.113.7"], "203.0.113.7"),
        (&["x-forwarded-for: 2001:db8::7"], "2001:db8::7"),
        (&["x-forwarded-for: [2001:db8::7]:443"], "2001:db8::7"),
        (&["x-forwarded-for: ::ffff:203.0.113.7"], "203.0.113.7"),
        (&["x-forwarded-for: garbage"], "127.0.0.1"),
        (&["x-forwarded-for: 1.2.3.4, garbage"], "127.0.0.1"),
        (&["x-forwarded-for: 1.2.3.4, , 10.0.0.7"], "10.0.0.7"),
        (&["x-forwarded-for: \u{fc}\u{fc}, 203.0.113.7"], "203.0.113.7"),
        (&["x-forwarded-for: 999.0.0.1"], "127.0.0.1"),
        (&["x-forwarded-for:"], "127.0.0.1"),
        (&[&long], "203.0.113.7"),
    ] {
        assert_eq!(seen(&case.picloud, headers).await, ip, "{headers:?}");
    }
    case.ends_well().await;
}

#[test]
fn a_network_that_cannot_be_meant_is_refused_at_the_start() {
    for (network, why) in [("10.0.0.7/8", "write 10.0.0.0/8"), ("proxy", "neither an address nor a network")] {
        let output = Setup::new(Backend::Sqlite).with(&["--trusted-proxy", network]).command().output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains(why), "{network}: {told}");
    }
}
