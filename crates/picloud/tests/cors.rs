//! Pages of other origins: what their browsers are told, by the platform where an app says so.

use crate::support::{Backend, TestApp, error_of, on_both, script_name, until};
use picloud_shared::{
    api::UpdateApp,
    cors::{Cors, CorsSetting},
    limit_rules::LimitName,
    names::AppSlug,
};
use reqwest::{Method, Response};

on_both!(pages_of_listed_origins_read_every_answer);

const SHOP: &str = "https://shop.example";
const PREFLIGHT: (&str, &str) = ("access-control-request-method", "POST");

async fn ask(picloud: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = picloud.http.request(Method::from_bytes(method.as_bytes()).unwrap(), picloud.ingress.clone() + path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

/// The values of a header, if there are any.
fn told(response: &Response, name: &str) -> Vec<String> {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// How many headers of the mechanism there are.
fn count(response: &Response) -> usize {
    response.headers().keys().filter(|name| name.as_str().starts_with("access-control-")).count()
}

async fn set(picloud: &TestApp, app: &AppSlug, cors: Option<Cors>) {
    let update = UpdateApp { cors: Some(CorsSetting(cors)), ..UpdateApp::default() };
    picloud.client.update_app(app, &update).await.unwrap();
}

async fn pages_of_listed_origins_read_every_answer(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("web").await;
    picloud.put(&app, "read", "respond(200, \"hello\", #{ vary: \"accept\" })", &["GET /read", "POST /read"]).await;
    picloud.put(&app, "fail", "throw \"hidden\"", &["ANY /fail"]).await;
    picloud.put(&app, "members", "1", &["GET /members auth: token"]).await;
    set(&picloud, &app, Some(Cors { max_age: 60, ..Cors::of(vec![SHOP.parse().unwrap()]) })).await;

    // Each answer, whoever gave it.
    for (method, path, status) in [
        ("GET", "/web/read", 200),
        ("HEAD", "/web/read", 200),
        ("OPTIONS", "/web/read", 204),
        ("GET", "/web/fail", 500),
        ("GET", "/web/nowhere", 404),
        ("DELETE", "/web/read", 405),
        ("GET", "/web/%ff", 400),
        ("GET", "/web/members", 401),
    ] {
        let response = ask(&picloud, method, path, &[("origin", SHOP)]).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_eq!(told(&response, "access-control-allow-origin"), [SHOP], "{method} {path}");
        assert_eq!(told(&response, "access-control-expose-headers"), ["x-request-id"], "{method} {path}");
        assert!(told(&response, "vary").contains(&"origin".to_owned()), "{method} {path}");
        assert!(response.headers().contains_key("x-request-id"));
        assert_eq!(count(&response), 2, "{method} {path}");
        let stranger = ask(&picloud, method, path, &[("origin", "https://evil.example")]).await;
        assert_eq!((stranger.status(), count(&stranger)), (response.status(), 0), "{method} {path}");
    }
    let plain = ask(&picloud, "GET", "/web/read", &[]).await;
    assert_eq!((told(&plain, "vary"), count(&plain)), (vec!["accept".to_owned(), "origin".to_owned()], 0));
    // Also a body that is too large is refused so that the page sees why.
    let update = UpdateApp { limits: [(LimitName::RequestBodyBytes, Some(0))].into(), ..UpdateApp::default() };
    picloud.client.update_app(&app, &update).await.unwrap();
    let request = picloud.http.post(format!("{}/web/read", picloud.ingress)).header("origin", SHOP).body("x");
    let response = request.send().await.unwrap();
    assert_eq!(told(&response, "access-control-allow-origin"), [SHOP]);
    assert_eq!(error_of(response).await.1, "body_too_large");

    // The question whether a request may be sent is answered without a script, and without a token.
    for (path, methods) in [
        ("/web/read", "GET, POST"),
        ("/web/members", "GET"),
        ("/web/fail", "GET, POST, PUT, PATCH, DELETE"),
        ("/web/nowhere", "GET, POST, PUT, PATCH, DELETE"),
    ] {
        let response = ask(&picloud, "OPTIONS", path, &[("origin", SHOP), PREFLIGHT]).await;
        assert_eq!(response.status(), 204, "{path}");
        assert_eq!(told(&response, "access-control-allow-origin"), [SHOP], "{path}");
        assert_eq!(told(&response, "access-control-allow-methods"), [methods], "{path}");
        assert_eq!(told(&response, "access-control-allow-headers"), ["authorization, content-type"], "{path}");
        assert_eq!(told(&response, "access-control-max-age"), ["60"], "{path}");
        let stranger = ask(&picloud, "OPTIONS", path, &[("origin", "null"), PREFLIGHT]).await;
        assert_eq!((stranger.status().as_u16(), count(&stranger)), (204, 0), "{path}");
    }
    // Those above that were no question, and one more, whose record comes after those of whatever ran before it.
    assert_eq!(ask(&picloud, "GET", "/web/read", &[]).await.status(), 200);
    let ran = until("the records", async || {
        let ran = picloud.client.script(&app, &script_name("read")).await.unwrap().totals.invocations;
        (ran >= 6).then_some(ran)
    });
    assert_eq!(ran.await, 6);
}

#[tokio::test]
async fn who_reads_is_said_by_the_app_or_else_by_the_script() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let app = picloud.create_app("web").await;
    let open = "respond(200, \"hello\", #{ \"access-control-allow-origin\": \"https://own.example\" })";
    picloud.put(&app, "open", open, &["GET /open"]).await;
    let allowed = async || {
        let response = ask(&picloud, "GET", "/web/open", &[("origin", SHOP)]).await;
        (told(&response, "access-control-allow-origin"), told(&response, "vary"))
    };
    let preflight = async |path: &str| ask(&picloud, "OPTIONS", path, &[("origin", SHOP), PREFLIGHT]).await;

    // Where the app says nothing, everything is as if there were no such thing.
    assert_eq!(allowed().await, (vec!["https://own.example".to_owned()], vec![]));
    let response = preflight("/web/open").await;
    assert_eq!((response.status().as_u16(), told(&response, "allow"), count(&response)), (204, vec!["GET".into()], 0));
    assert_eq!(error_of(preflight("/web/nowhere").await).await.1, "no_such_route");

    // What it says counts from the next request on, and nothing beside it.
    set(&picloud, &app, Some(Cors::of(vec!["https://other.example".parse().unwrap()]))).await;
    assert_eq!(allowed().await, (vec![], vec!["origin".to_owned()]));
    set(&picloud, &app, Some(Cors::of(vec!["*".parse().unwrap()]))).await;
    assert_eq!(allowed().await, (vec!["*".to_owned()], vec![]));
    let cors = Cors { credentials: true, ..Cors::of(vec![SHOP.parse().unwrap()]) };
    set(&picloud, &app, Some(cors)).await;
    for response in [preflight("/web/open").await, ask(&picloud, "GET", "/web/open", &[("origin", SHOP)]).await] {
        assert_eq!(told(&response, "access-control-allow-credentials"), ["true"]);
        assert_eq!(told(&response, "access-control-allow-origin"), [SHOP]);
    }
    set(&picloud, &app, None).await;
    assert_eq!(allowed().await.0, ["https://own.example"]);
}
