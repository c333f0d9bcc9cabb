//! Several people and their programs on one server: invitations, roles, tokens for less, and a password set anew at the
//! server's machine.

use crate::support::{Backend, PASSWORD, Process, Setup, TestApp, end, error_of, on_both, wait_until_ready};
use picloud_client::{AuditFilter, Client, Error};
use picloud_shared::api::{
    AcceptInvitation, ChangePassword, InviteToServer, Login, NewApiToken, NewApp, Role, TokenKind, UpdateUser,
};
use std::{fmt::Debug, process::Output};

on_both!(
    people_are_invited_and_work_together,
    tokens_for_less_do_less_on_both_listeners,
    a_password_is_set_anew_at_the_servers_machine
);

fn status<T: Debug>(result: Result<T, Error>) -> u16 {
    result.expect_err("it is refused").status().expect("the server refuses").as_u16()
}

fn as_bearer(picloud: &TestApp, token: &str) -> Client {
    Client::new(&picloud.manager).unwrap().with_token(token).unwrap()
}

/// Invites somebody, who accepts.
pub(crate) async fn join(picloud: &TestApp, name: &str, invite: InviteToServer) -> Client {
    let link = picloud.client.invite(&invite).await.unwrap();
    let accept = AcceptInvitation {
        token: link.token,
        username: Some(name.parse().unwrap()),
        password: Some(PASSWORD.to_owned()),
    };
    let accepted = Client::new(&picloud.manager).unwrap().accept_invitation(&accept).await.unwrap();
    as_bearer(picloud, &accepted.token.unwrap())
}

pub(crate) fn api_token(name: &str, role: Option<Role>, apps: Option<&[&str]>) -> NewApiToken {
    let apps = apps.map(|apps| apps.iter().map(|app| app.parse().unwrap()).collect());
    NewApiToken { name: name.to_owned(), role, apps, expires_in_days: 1 }
}

async fn people_are_invited_and_work_together(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let shop = picloud.create_app("shop").await;
    // In a browser, which tells where a request comes from.
    let link = picloud.client.invite_to_app(&shop, Role::Editor).await.unwrap();
    assert!(link.url.starts_with(&format!("{}/invite#token=", picloud.manager)), "{}", link.url);
    assert!(!format!("{link:?}").contains(&link.token));
    let open = picloud.client.app_invitations(&shop, None, None).await.unwrap().items;
    assert_eq!(open.iter().collect::<Vec<_>>(), [&link.invitation]);
    let page = picloud.http.get(&link.url).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["referrer-policy"].to_str().unwrap()), (200, "no-referrer"));
    let submit = async |origin: &str| {
        let accept = serde_json::json!({"token": link.token, "username": "eve", "password": PASSWORD});
        let url = format!("{}/api/v1/invitations/accept", picloud.manager);
        picloud.http.post(url).header("origin", origin).json(&accept).send().await.unwrap()
    };
    assert_eq!(error_of(submit("http://evil.example").await).await.1, "foreign_origin");
    let done = submit(&picloud.manager).await;
    assert_eq!(done.status(), 201, "{}", done.text().await.unwrap());
    assert_eq!(submit(&picloud.manager).await.status(), 410);

    let login = Login { username: "eve".into(), password: PASSWORD.into() };
    let eve = as_bearer(&picloud, &picloud.client.login(&login).await.unwrap().token);
    assert_eq!(eve.app(&shop).await.unwrap().role, Role::Editor);
    let new = |slug: &str| NewApp { slug: slug.parse().unwrap(), name: None, debug: false };
    assert_eq!(status(eve.create_app(&new("eves")).await), 403);
    let username = "eve".parse().unwrap();
    let update = UpdateUser { create_apps: Some(true), ..UpdateUser::default() };
    assert!(picloud.client.update_user(&username, &update).await.unwrap().create_apps);
    eve.create_app(&new("eves")).await.unwrap();
    assert_eq!(status(eve.members(&"other".parse().unwrap(), None, None).await), 404);

    let bob = join(&picloud, "bob", InviteToServer::default()).await;
    let bob_name = "bob".parse().unwrap();
    assert_eq!(status(bob.app(&"eves".parse().unwrap()).await), 404);
    let eves = "eves".parse().unwrap();
    eve.set_member(&eves, &bob_name, Role::Viewer).await.unwrap();
    assert_eq!(bob.app(&eves).await.unwrap().role, Role::Viewer);
    let members = bob.members(&eves, None, None).await.unwrap().items;
    assert_eq!(
        members.iter().map(|m| (m.username.as_str(), m.role)).collect::<Vec<_>>(),
        [("bob", Role::Viewer), ("eve", Role::Owner)]
    );
    let link = eve.invite_to_app(&eves, Role::Editor).await.unwrap();
    let accept = AcceptInvitation { token: link.token, username: None, password: None };
    assert_eq!(bob.accept_invitation(&accept).await.unwrap().role, Some(Role::Editor));
    bob.remove_member(&eves, &bob_name).await.unwrap();
    assert_eq!(status(bob.app(&eves).await), 404);
    let link = picloud.client.invite(&InviteToServer::default()).await.unwrap();
    assert_eq!(picloud.client.invitations(None, None).await.unwrap().items.len(), 1);
    picloud.client.revoke_invitation(link.invitation.id).await.unwrap();

    // Who did what stays, also when they are gone.
    picloud.client.delete_user(&username).await.unwrap();
    assert_eq!(status(eve.me().await), 401);
    let names: Vec<_> = picloud.client.users(None, None).await.unwrap().items.into_iter().map(|u| u.username).collect();
    assert_eq!(names.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["admin", "bob"]);
    let by_eve = AuditFilter { actor: Some(username), ..AuditFilter::default() };
    let entries = picloud.client.audit(&by_eve).await.unwrap().items;
    let actions: Vec<_> = entries.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["accept_invitation", "login", "create_app", "set_member", "create_app_invitation"]);
    assert!(entries.iter().all(|entry| entry.address == Some("127.0.0.1".parse().unwrap())));
    assert_eq!(picloud.client.app_audit(&eves, &AuditFilter::default()).await.unwrap().items.len(), 5);
}

async fn tokens_for_less_do_less_on_both_listeners(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    for slug in ["shop", "other"] {
        let app = picloud.create_app(slug).await;
        picloud.put(&app, "who", "req.user", &["GET /who auth: token"]).await;
    }
    let (shop, other) = ("shop".parse().unwrap(), "other".parse().unwrap());
    let scoped = picloud.client.create_token(&api_token("ci", Some(Role::Viewer), Some(&["shop"]))).await.unwrap();
    assert!(!format!("{scoped:?}").contains(&scoped.token));
    let client = as_bearer(&picloud, &scoped.token);
    assert_eq!(client.app(&shop).await.unwrap().role, Role::Viewer);
    assert_eq!(status(client.app(&other).await), 404);
    assert_eq!(status(client.users(None, None).await), 403);
    assert_eq!(status(client.tokens(None, None).await), 403);
    assert!(!client.me().await.unwrap().admin);
    let ask = async |app: &str| {
        let request = picloud.http.get(format!("{}/{app}/who", picloud.ingress)).bearer_auth(&scoped.token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask("shop").await, ask("other").await), (200, 404));

    let listed = picloud.client.tokens(None, None).await.unwrap().items;
    let api: Vec<_> = listed.iter().filter(|token| token.kind == TokenKind::Api).collect();
    assert_eq!((api.len(), api[0].id, api[0].role), (1, scoped.info.id, Some(Role::Viewer)));
    assert!(api[0].last_used_at.is_some() && api[0].apps.as_deref() == Some(&[shop][..]));
    assert_eq!(listed.iter().filter(|token| token.current).count(), 1);
    // Signing out is what any token may do.
    client.logout().await.unwrap();
    assert_eq!((status(client.me().await), ask("shop").await), (401, 401));
}

async fn a_password_is_set_anew_at_the_servers_machine(backend: Backend) {
    let setup = Setup::new(backend);
    let reset = |setup: &Setup, username: &str, environment: &[(&str, &str)]| -> Output {
        let mut command = setup.command();
        command.args(["admin", "reset-password", username]).envs(environment.iter().copied());
        command.stdin(std::process::Stdio::null()).output().unwrap()
    };
    let told = |output: &Output| {
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let missing = reset(&setup, "admin", &[]);
    assert!(!missing.status.success());
    if backend == Backend::Sqlite {
        assert!(told(&missing).1.contains("name the data directory with --data-dir"), "{missing:?}");
        assert!(!setup.data().exists(), "it has made something");
    }
    let picloud = setup.clone().start().await;
    let app = picloud.create_app("shop").await;
    picloud.put(&app, "who", "req.user", &["GET /who auth: token"]).await;
    let api = picloud.client.create_token(&api_token("ci", None, None)).await.unwrap();
    let ask = async |picloud: &TestApp| {
        let request = picloud.http.get(format!("{}/shop/who", picloud.ingress)).bearer_auth(&api.token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask(&picloud).await, 200);
    let link = picloud.client.invite(&InviteToServer { admin: true, create_apps: false }).await.unwrap();
    let picloud = match backend {
        Backend::Sqlite => {
            let refused = reset(&setup, "admin", &[]);
            assert!(!refused.status.success() && told(&refused).1.contains("stop PiCloud first"), "{refused:?}");
            let (ended, setup) = picloud.stop();
            assert!(ended.success());
            let output = reset(&setup, "admin", &[("PICLOUD_NEW_PASSWORD", "another horse")]);
            assert!(output.status.success(), "{output:?}");
            let mut process = Process::spawn(&mut setup.command());
            let (manager, _) = wait_until_ready(&mut process);
            let client = Client::new(&manager).unwrap();
            let login = |password: &str| Login { username: "admin".into(), password: password.to_owned() };
            assert_eq!(status(client.login(&login(PASSWORD)).await), 401);
            client.login(&login("another horse")).await.unwrap();
            assert!(end(&mut process).success());
            assert!(reset(&setup, "admin", &[("PICLOUD_NEW_PASSWORD", PASSWORD)]).status.success());
            setup.start().await
        }
        Backend::Postgres => {
            let output = reset(&setup, "admin", &[]);
            assert!(output.status.success(), "{output:?}");
            let (stdout, _) = told(&output);
            let (first, generated) = stdout.trim_end().split_once('\n').unwrap();
            assert!(first.starts_with("admin has a new password") && generated.len() == 20, "{stdout}");
            // The server that runs knows at once.
            assert_eq!(status(picloud.client.me().await), 401);
            assert_eq!(ask(&picloud).await, 401);
            let login = Login { username: "admin".into(), password: generated.to_owned() };
            let client = as_bearer(&picloud, &picloud.client.login(&login).await.unwrap().token);
            let change = ChangePassword { old_password: generated.to_owned(), new_password: PASSWORD.to_owned() };
            client.change_password(&change).await.unwrap();
            picloud
        }
    };
    assert_eq!(ask(&picloud).await, 401);
    let accept = AcceptInvitation {
        token: link.token,
        username: Some("mole".parse().unwrap()),
        password: Some(PASSWORD.to_owned()),
    };
    assert_eq!(status(picloud.client.accept_invitation(&accept).await), 404);
    for (username, environment, why) in [
        ("nobody", &[][..], "there is no user nobody"),
        ("a b", &[], "a user name is"),
        ("admin", &[("PICLOUD_NEW_PASSWORD", "short")], "at least 10 characters"),
    ] {
        if backend == Backend::Postgres {
            let refused = reset(&setup, username, environment);
            assert!(!refused.status.success() && told(&refused).1.contains(why), "{refused:?}");
        }
    }
    let login = Login { username: "admin".into(), password: PASSWORD.into() };
    let client = as_bearer(&picloud, &picloud.client.login(&login).await.unwrap().token);
    let filter = AuditFilter { action: Some("reset_password".to_owned()), ..AuditFilter::default() };
    let entries = client.audit(&filter).await.unwrap().items;
    assert_eq!(entries.len(), if backend == Backend::Sqlite { 2 } else { 1 });
    assert!(entries.iter().all(|entry| entry.actor.is_none() && entry.address.is_none()), "{entries:?}");
    assert!(entries.iter().all(|entry| entry.target.as_deref() == Some("admin")));
}

#[tokio::test]
async fn the_api_answers_under_its_own_names() {
    let asked = async |picloud: &TestApp, host: &str, path: &str| {
        let request = picloud.http.get(format!("{}{path}", picloud.manager)).header("host", host);
        request.send().await.unwrap()
    };
    let picloud = TestApp::start(Backend::Sqlite).await;
    let refused = error_of(asked(&picloud, "picloud.example.com", "/").await).await;
    assert_eq!((refused.0, refused.1.as_str()), (421, "foreign_host"));
    assert_eq!(asked(&picloud, "anything", "/healthz").await.status(), 200);
    let arguments = ["--manager-host", "picloud", "--manager-url", "https://picloud.example.com/"];
    let picloud = Setup::new(Backend::Sqlite).with(&arguments).start().await;
    for (host, status) in [("picloud.example.com", 200), ("picloud:7070", 200), ("evil.example", 421)] {
        assert_eq!(asked(&picloud, host, "/").await.status(), status, "{host}");
    }
    let link = picloud.client.invite(&InviteToServer::default()).await.unwrap();
    assert!(link.url.starts_with("https://picloud.example.com/invite#token="), "{}", link.url);
}
