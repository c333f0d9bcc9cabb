//! Domains of apps, from the API to the request that comes to one.

use crate::support::{Backend, Setup, TestApp, elsewhere, error_of, on_both, until};
use picloud_shared::{api::NewDomain, names::AppSlug};
use std::time::Duration;
use tokio::time::{sleep, timeout};

on_both!(
    a_domain_leads_to_its_app_until_it_is_taken_back,
    the_proxy_is_told_which_names_lead_to_an_app,
    no_host_asks_the_database,
);

async fn add(picloud: &TestApp, app: &AppSlug, domain: &str) {
    let new = NewDomain { domain: domain.parse().unwrap() };
    picloud.client.add_domain(app, &new).await.unwrap();
}

async fn remove(picloud: &TestApp, app: &AppSlug, domain: &str) {
    picloud.client.remove_domain(app, &domain.parse().unwrap()).await.unwrap();
}

/// Status and body of a GET request to a host.
async fn at(picloud: &TestApp, host: &str, path: &str) -> (u16, String) {
    let response = picloud.http.get(format!("{}{path}", picloud.ingress)).header("host", host).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The code of a request that is refused.
async fn refused_at(picloud: &TestApp, host: &str, path: &str) -> String {
    let response = picloud.http.get(format!("{}{path}", picloud.ingress)).header("host", host).send().await.unwrap();
    error_of(response).await.1
}

async fn a_domain_leads_to_its_app_until_it_is_taken_back(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let (shop, blog) = (picloud.create_app("shop").await, picloud.create_app("blog").await);
    picloud.put(&shop, "here", "`shop at ${req.path}`", &["GET /{*rest}"]).await;
    picloud.put(&blog, "here", "`blog at ${req.path}`", &["GET /{*rest}"]).await;
    // Any host: the path names the app.
    assert_eq!(at(&picloud, "shop.example.com", "/blog/a").await, (200, "blog at /a".into()));

    add(&picloud, &shop, "Shop.Example.com").await;
    add(&picloud, &shop, "bücher.example").await;
    for host in ["shop.example.com", "SHOP.example.com:8443", "shop.example.com.", "xn--bcher-kva.example"] {
        assert_eq!(at(&picloud, host, "/blog/a").await, (200, "shop at /blog/a".into()), "{host}");
    }
    assert_eq!(at(&picloud, "example.com", "/blog/a").await, (200, "blog at /a".into()));
    assert_eq!(at(&picloud, "blog.localhost", "/a").await, (200, "blog at /a".into()));

    // From the answer on, it is the other's.
    for (from, to) in [(&shop, &blog), (&blog, &shop)] {
        remove(&picloud, from, "shop.example.com").await;
        assert_eq!(refused_at(&picloud, "shop.example.com", "/nobody/a").await, "no_such_app");
        add(&picloud, to, "shop.example.com").await;
        assert_eq!(at(&picloud, "shop.example.com", "/a").await, (200, format!("{to} at /a")));
    }
    picloud.client.delete_app(&shop).await.unwrap();
    assert_eq!(at(&picloud, "xn--bcher-kva.example", "/blog/a").await, (200, "blog at /a".into()));
    add(&picloud, &blog, "shop.example.com").await;

    let picloud = picloud.kill_and_restart().await;
    assert_eq!(at(&picloud, "shop.example.com", "/a").await, (200, "blog at /a".into()));
}

async fn the_proxy_is_told_which_names_lead_to_an_app(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let shop = picloud.create_app("shop").await;
    add(&picloud, &shop, "shop.example.com").await;
    let ask = async |domain: &str| {
        let url = format!("{}/internal/domain-check?domain={domain}", picloud.manager);
        picloud.http.get(url).send().await.unwrap().status().as_u16()
    };
    let answers = [ask("shop.example.com").await, ask("shop.localhost").await, ask("blog.localhost").await];
    assert_eq!((answers, ask("example.com").await), ([200, 200, 404], 404));
    picloud.client.delete_app(&shop).await.unwrap();
    assert_eq!((ask("shop.example.com").await, ask("shop.localhost").await), (404, 404));
}

async fn no_host_asks_the_database(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let shop = picloud.create_app("shop").await;
    add(&picloud, &shop, "shop.example.com").await;
    // What is no route runs nothing, and so records nothing.
    let ask = async |host: &str| assert_eq!(refused_at(&picloud, host, "/shop/none").await, "no_such_route");
    ask("shop.example.com").await;
    let before = picloud.queries_once_quiet().await;
    for number in 0..200 {
        ask("shop.example.com").await;
        ask(&format!("host{number}.example.com")).await;
    }
    assert_eq!(picloud.queries().await, before);
}

/// What one process changes, those beside it on the same database serve soon, whatever they had kept.
#[tokio::test]
async fn other_processes_serve_what_one_has_changed() {
    let setup = Setup::new(Backend::Postgres);
    let one = setup.clone().start().await;
    let two = setup.beside().start().await;
    let serves = async |host: &str, expected: (u16, &str)| {
        until("the other process to know", async || {
            let (status, body) = at(&two, host, "/here").await;
            (status == expected.0 && body.contains(expected.1)).then_some(())
        })
        .await;
    };
    serves("shop.localhost", (404, "no_such_app")).await;
    let shop = one.create_app("shop").await;
    one.put(&shop, "here", "\"first\"", &[]).await;
    serves("shop.localhost", (200, "first")).await;
    add(&one, &shop, "shop.example.com").await;
    serves("shop.example.com", (200, "first")).await;
    one.put(&shop, "here", "\"second\"", &[]).await;
    serves("shop.example.com", (200, "second")).await;
    remove(&one, &shop, "shop.example.com").await;
    serves("shop.example.com", (404, "no_such_app")).await;
    add(&one, &shop, "shop.example.com").await;
    serves("shop.example.com", (200, "second")).await;
    one.client.delete_app(&shop).await.unwrap();
    serves("shop.example.com", (404, "no_such_app")).await;
    serves("shop.localhost", (404, "no_such_app")).await;
}

/// A message of another process can be lost, with a connection that is cut off without a word.
#[tokio::test]
async fn what_nobody_told_is_found_within_half_a_minute() {
    let setup = Setup::new(Backend::Postgres);
    let picloud = setup.clone().start().await;
    let shop = picloud.create_app("shop").await;
    picloud.put(&shop, "here", "1", &[]).await;
    add(&picloud, &shop, "shop.example.com").await;
    let status = async || at(&picloud, "shop.example.com", "/here").await.0;
    assert_eq!(status().await, 200);
    elsewhere(setup.database().unwrap(), "DELETE FROM domains");
    assert_eq!(status().await, 200, "it is kept in memory");
    let found = async {
        while status().await != 404 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(90), found).await.expect("it is found");
}
