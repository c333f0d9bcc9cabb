//! Domains: who may have which, and what a proxy is told of them.

use crate::support::Server;
use serde_json::json;

const DOMAINS: &str = "/api/v1/apps/shop/domains";

#[tokio::test]
async fn a_domain_is_added_listed_and_removed() {
    let (server, token) = Server::with_app().await;
    let add = async |domain: &str| server.send("POST", DOMAINS, &token, Some(json!({ "domain": domain }))).await;
    assert_eq!(server.send("GET", DOMAINS, &token, None).await.items(), json!([]));
    let added = add("Shop.Example.COM.:8443").await;
    assert_eq!((added.status.as_u16(), &added.json()["domain"]), (201, &json!("shop.example.com")));
    assert!(added.json()["created_at"].as_i64().is_some_and(|at| at > 1_700_000_000_000));
    let again = add("shop.example.com").await;
    assert_eq!((again.status.as_u16(), again.json()), (200, added.json()));
    assert_eq!(add("bücher.example").await.json()["domain"], "xn--bcher-kva.example");
    let listed = server.send("GET", DOMAINS, &token, None).await.items();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]), (2, &added.json()));
    let path = format!("{DOMAINS}/SHOP.example.com");
    assert_eq!(server.send("DELETE", &path, &token, None).await.status, 204);
    assert_eq!(server.send("DELETE", &path, &token, None).await.error(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn a_domain_is_one_apps_and_nobody_learns_whose() {
    let (server, token) = Server::with_app().await;
    server.send("POST", "/api/v1/apps", &token, Some(json!({"slug": "hidden"}))).await;
    let own = Some(json!({"domain": "a.example"}));
    assert_eq!(server.send("POST", "/api/v1/apps/hidden/domains", &token, own.clone()).await.status, 201);
    let refused = server.send("POST", DOMAINS, &token, own.clone()).await;
    assert_eq!(refused.error(), (409, "domain_taken".to_owned()));
    assert!(refused.text.contains("the domain a.example is taken") && !refused.text.contains("hidden"));
    let gone = server.send("DELETE", &format!("{DOMAINS}/a.example"), &token, None).await;
    assert_eq!(gone.error(), (404, "not_found".to_owned()));
    assert_eq!(server.send("DELETE", "/api/v1/apps/hidden", &token, None).await.status, 204);
    assert_eq!(server.send("POST", DOMAINS, &token, own).await.status, 201);
}

#[tokio::test]
async fn what_no_app_may_have_is_refused_with_the_reason() {
    let (server, token) = Server::with_app().await;
    let add = async |domain: &str| server.send("POST", DOMAINS, &token, Some(json!({ "domain": domain }))).await;
    for (domain, why) in [
        ("", "a domain is written like shop.example.com"),
        ("https://a.example/", "a domain is written like shop.example.com"),
        ("a..example", "a domain is written like shop.example.com"),
        ("a\0.example", "a domain is written like shop.example.com"),
        ("*.example.com", "a domain has no wildcard"),
        ("203.0.113.7", "an address is no domain"),
        ("[2001:db8::7]:443", "an address is no domain"),
        ("intranet", "at least two labels"),
        ("localhost", "localhost, and what lies below it"),
        ("a.localhost", "localhost, and what lies below it"),
        ("apps.example.com", "apps.example.com is the server's own"),
        ("SHOP.apps.example.com.", "shop.apps.example.com is the server's own"),
        ("a.b.apps.example.com", "a.b.apps.example.com is the server's own"),
        // The host of `apps_url`.
        ("apps.test", "apps.test is the server's own"),
    ] {
        let refused = add(domain).await;
        assert_eq!(refused.error(), (422, "invalid_request".to_owned()), "{domain:?}");
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains(why), "{domain:?}: {}", refused.text);
    }
    for number in 0..32 {
        assert_eq!(add(&format!("a{number}.example")).await.status, 201);
    }
    let refused = add("more.example").await;
    assert_eq!(refused.error(), (422, "invalid_request".to_owned()));
    assert!(refused.text.contains("at most 32 domains"), "{}", refused.text);
    let odd = Some(json!({"domain": "b.example", "app": "other"}));
    assert_eq!(server.send("POST", DOMAINS, &token, odd).await.error(), (422, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_proxy_is_told_yes_or_no() {
    let (server, token) = Server::with_app().await;
    server.send("POST", DOMAINS, &token, Some(json!({"domain": "bücher.example"}))).await;
    let ask = async |domain: &str| server.send("GET", &format!("/internal/domain-check?{domain}"), "", None).await;
    for known in [
        "domain=xn--bcher-kva.example",
        "domain=XN--bcher-KVA.example.",
        "domain=shop.apps.example.com",
        "domain=SHOP.Apps.Example.com.",
    ] {
        let answer = ask(known).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""), "{known}");
    }
    for unknown in [
        "",
        "domain=",
        "domain=other.example",
        "domain=a.xn--bcher-kva.example",
        "domain=apps.example.com",
        "domain=other.apps.example.com",
        "domain=a.shop.apps.example.com",
        "domain=-.apps.example.com",
        "domain=localhost",
        "domain=127.0.0.1",
        "domain=%00",
        "domain=%ff",
        "domain=*.example",
        "name=bücher.example",
    ] {
        assert_eq!(ask(&unknown.replace('ü', "%C3%BC")).await.error(), (404, "not_found".to_owned()), "{unknown}");
    }
    server.send("DELETE", "/api/v1/apps/shop", &token, None).await;
    for gone in ["domain=xn--bcher-kva.example", "domain=shop.apps.example.com"] {
        assert_eq!(ask(gone).await.status, 404, "{gone}");
    }
}

#[tokio::test]
async fn to_a_stranger_there_is_nothing() {
    let (server, token) = Server::with_app().await;
    let elsewhere = "/api/v1/apps/nowhere/domains";
    for (method, path) in
        [("GET", elsewhere.to_owned()), ("POST", elsewhere.to_owned()), ("DELETE", format!("{elsewhere}/a.example"))]
    {
        let answer = server.send(method, &path, &token, Some(json!({"domain": "a.example"}))).await;
        assert_eq!(answer.error(), (404, "not_found".to_owned()), "{method} {path}");
    }
}
