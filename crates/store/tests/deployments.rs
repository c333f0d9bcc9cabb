//! What the ingress reads.

use crate::fixture::{TestStore, cases, routed};

cases! {
    a_deployment_has_the_routes_of_the_active_versions
    a_deployment_is_of_one_moment
}

async fn a_deployment_has_the_routes_of_the_active_versions(store: &TestStore) {
    let app = store.app("demo").await;
    let other = store.app("other").await;
    assert_eq!(store.deployment(&"missing".parse().unwrap()).await.unwrap(), None);
    assert!(store.deployment(&app.slug).await.unwrap().unwrap().routes.is_empty());

    store.put_script(app.id, routed("a", "1", &["GET /gone"])).await.unwrap().unwrap();
    let a = store.put_script(app.id, routed("a", "2", &["GET /a", "POST /a/{x}"])).await.unwrap().unwrap().script;
    let b = store.put(app.id, "b", "1").await;
    store.put(app.id, "lib/none", "1").await;
    store.put(other.id, "a", "1").await;

    let deployment = store.deployment(&app.slug).await.unwrap().unwrap();
    assert_eq!(deployment.app.id, app.id);
    assert_eq!(Some((app.id, deployment.app.revision)), store.app_revision(&app.slug).await.unwrap());
    let mut routes: Vec<_> =
        deployment.routes.into_iter().map(|r| (r.route.to_string(), r.script, r.name, r.version, r.number)).collect();
    routes.sort();
    let row = |route: &str, script: &picloud_store::Script| {
        (route.to_owned(), script.id, script.name.clone(), script.version.id, script.version.number)
    };
    assert_eq!(routes, [row("ANY /b", &b), row("GET /a", &a), row("POST /a/{x}", &a)]);
}

/// While a script moves to and fro between two routes, no reader sees both or none, or a route with a wrong revision.
async fn a_deployment_is_of_one_moment(store: &TestStore) {
    let app = store.app("demo").await;
    let name = "s".parse().unwrap();
    store.put_script(app.id, routed("s", "1", &["GET /one"])).await.unwrap().unwrap();
    store.put_script(app.id, routed("s", "2", &["GET /two"])).await.unwrap().unwrap();
    let writer = async {
        for n in 0..40 {
            store.rollback(app.id, &name, Some(1 + n % 2)).await.unwrap().unwrap();
        }
    };
    let reader = async {
        for _ in 0..200 {
            let deployment = store.deployment(&app.slug).await.unwrap().unwrap();
            // Version 1 came with revision 2, version 2 with 3, and so on in turns.
            let [route] = &deployment.routes[..] else { panic!("{:?}", deployment.routes) };
            assert_eq!(route.number, 1 + deployment.app.revision % 2, "{deployment:?}");
            assert_eq!(route.route.path(), if route.number == 1 { "/one" } else { "/two" });
        }
    };
    futures_util::future::join(writer, reader).await;
}
