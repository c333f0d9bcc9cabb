//! Guessing passwords, and tokens that somebody has kept after they were ended.

use super::Case;
use crate::{
    identity::api_token,
    support::{Backend, PASSWORD, Setup, TestApp, error_of, on_both},
};
use picloud_client::Client;
use picloud_shared::api::{ChangePassword, Login};
use serde_json::json;

on_both!(guesses_are_slowed_down, unknown_users_cost_the_same, what_was_ended_is_dead_at_once);

/// Failures at once, for an address.
const BURST: usize = 20;

/// Signs in, as somebody who says that they come from an address.
async fn guess(picloud: &TestApp, username: &str, password: &str, from: &str) -> reqwest::Response {
    let request = picloud.http.post(format!("{}/api/v1/auth/login", picloud.manager)).header("x-forwarded-for", from);
    request.json(&json!({"username": username, "password": password})).send().await.unwrap()
}

async fn guesses_are_slowed_down(backend: Backend) {
    let setup = Setup::new(backend).with(&["--trusted-proxy", "127.0.0.1"]);
    let case = Case::on(setup, super::Neighbourly::Always).await;
    let picloud = &case.picloud;
    for (n, username) in ["admin", "nobody"].into_iter().enumerate() {
        let from = format!("203.0.113.{n}");
        for _ in 0..BURST {
            let (status, code, error) = error_of(guess(picloud, username, "wrong password", &from).await).await;
            assert_eq!((status, code.as_str()), (401, "wrong_credentials"), "{username}");
            assert_eq!(error["message"], "wrong user name or password");
        }
        // The right one is not even compared.
        for password in [PASSWORD, "wrong password"] {
            let refused = guess(picloud, username, password, &from).await;
            let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            let (status, code, _) = error_of(refused).await;
            assert_eq!((status, code.as_str()), (429, "too_many_sign_ins"), "{username}");
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
    // Others sign in as before, and whoever has signed in goes on.
    assert_eq!(guess(picloud, "admin", PASSWORD, "198.51.100.7").await.status(), 200);
    picloud.client.me().await.unwrap();
    case.ends_well().await;
}

/// By the work that is done, which is what takes time: `nobody_is_compared_at_full_cost` has the hashing.
async fn unknown_users_cost_the_same(backend: Backend) {
    let picloud = Setup::new(backend).with(&["--trusted-proxy", "127.0.0.1"]).start().await;
    let mut statements = Vec::new();
    for (n, username) in ["admin", "nobody"].into_iter().enumerate() {
        let from = format!("203.0.113.{n}");
        let before = picloud.queries_once_quiet().await;
        for _ in 0..BURST {
            assert_eq!(guess(&picloud, username, "wrong password", &from).await.status(), 401);
        }
        statements.push(picloud.queries_once_quiet().await - before);
        // Past the bound there is none, be there such a user or not.
        let before = picloud.queries_once_quiet().await;
        assert_eq!(guess(&picloud, username, PASSWORD, &from).await.status(), 429);
        assert_eq!(picloud.queries_once_quiet().await, before);
    }
    assert!(statements[0] == statements[1] && statements[0] > 0, "{statements:?}");
}

#[tokio::test]
async fn nobody_guesses_more_often_by_telling_other_addresses() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    for n in 0..BURST {
        let from = format!("203.0.113.{n}");
        assert_eq!(guess(&picloud, "admin", "wrong password", &from).await.status(), 401);
    }
    assert_eq!(guess(&picloud, "admin", "wrong password", "198.51.100.7").await.status(), 429);
}

/// On the API and on a route for members, of the process that ended it and, with PostgreSQL, of another.
async fn what_was_ended_is_dead_at_once(backend: Backend) {
    let setup = Setup::new(backend);
    let picloud = setup.clone().start().await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "who", "req.user", &["GET /who auth: token"]).await;
    let mut servers = vec![];
    if backend == Backend::Postgres {
        servers.push(setup.beside().start().await);
    }
    servers.push(picloud);
    let picloud = servers.last().unwrap();
    let alive = async |token: &str| {
        let mut alive = Vec::new();
        for server in &servers {
            let client = Client::new(&server.manager).unwrap().with_token(token).unwrap();
            alive.push(client.me().await.is_ok());
            // Twice, so that it is kept where it may be.
            for _ in 0..2 {
                let request = server.http.get(format!("{}/shop/who", server.ingress)).bearer_auth(token);
                let status = request.send().await.unwrap().status().as_u16();
                assert!([200, 401].contains(&status), "{status}");
                alive.push(status == 200);
            }
        }
        alive.dedup();
        assert_eq!(alive.len(), 1, "some know it and some do not");
        alive[0]
    };
    let api = picloud.client.create_token(&api_token("ci", None, None)).await.unwrap();
    assert!(alive(&api.token).await);
    picloud.client.delete_token(api.info.id).await.unwrap();
    assert!(!alive(&api.token).await);

    // Another password ends all sessions but the one that changed it; API tokens stay.
    let api = picloud.client.create_token(&api_token("ci", None, None)).await.unwrap();
    let (session, other) = (picloud.token().await, picloud.token().await);
    assert!(alive(&session).await && alive(&other).await && alive(&api.token).await);
    let client = Client::new(&picloud.manager).unwrap().with_token(&session).unwrap();
    let change = ChangePassword { old_password: PASSWORD.to_owned(), new_password: "another horse".to_owned() };
    client.change_password(&change).await.unwrap();
    assert!(alive(&session).await && !alive(&other).await && alive(&api.token).await);
    let login = Login { username: "admin".into(), password: PASSWORD.into() };
    assert_eq!(client.login(&login).await.unwrap_err().status().unwrap(), 401);
    assert!(picloud.client.me().await.is_err(), "the first session has ended as well");
    let (ended, _) = servers.pop().unwrap().stop();
    assert!(ended.success());
}
