//! What a page that a script answers with reaches of the control plane from its visitor's browser: nothing, though the visitor
//! may be signed in there, on another port of the same host.

use super::Case;
use crate::support::error_of;
use reqwest::Method;

#[tokio::test]
async fn no_page_of_a_script_reaches_the_control_plane() {
    let case = Case::start().await;
    let picloud = &case.picloud;
    let page = "html(\"<script>fetch('//localhost:7070/api/v1/apps')</script>\")";
    case.put("page", page).await;
    let served = picloud.get("/bad/page").await;
    assert_eq!(served.headers()["content-type"], "text/html; charset=utf-8");
    let port = picloud.ingress.rsplit(':').next().unwrap().to_owned();
    let token = picloud.token().await;
    for origin in [
        picloud.ingress.clone(),
        format!("http://bad.localhost:{port}"),
        format!("http://localhost:{port}"),
        "http://127.0.0.1".to_owned(),
        "null".to_owned(),
    ] {
        for (method, path) in [
            (Method::GET, "/api/v1/auth/me"),
            (Method::POST, "/api/v1/auth/login"),
            (Method::POST, "/api/v1/auth/tokens"),
            (Method::DELETE, "/api/v1/apps/good"),
            (Method::OPTIONS, "/api/v1/apps"),
            (Method::POST, "/setup"),
            (Method::POST, "/invite"),
        ] {
            let request = picloud.http.request(method.clone(), format!("{}{path}", picloud.manager));
            // Whatever the page has got hold of, and all that a browser would add of itself.
            let request = request.bearer_auth(&token).header("origin", &origin).header("cookie", "session=1");
            let request = request.header("access-control-request-method", "POST").body("{}");
            let answer = request.send().await.unwrap();
            let headers = answer.headers().clone();
            let named = |start: &str| headers.keys().any(|name| name.as_str().starts_with(start));
            assert!(!named("access-control-") && !named("set-cookie"), "{method} {path}: {headers:?}");
            let (status, code, _) = error_of(answer).await;
            assert_eq!((status, code.as_str()), (403, "foreign_origin"), "{method} {path} from {origin}");
        }
    }
    // What a browser shows of the control plane stands in no frame, and what signs in is kept in no cookie.
    for path in ["/", "/setup", "/invite?x"] {
        let shown = picloud.http.get(format!("{}{path}", picloud.manager)).send().await.unwrap();
        let policy = shown.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!shown.headers().contains_key("set-cookie"), "{path}");
    }
    assert_eq!(picloud.client.apps().await.unwrap().len(), 2);
    case.ends_well().await;
}
