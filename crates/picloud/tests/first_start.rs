//! From nothing to a user: what the first start prints, makes and keeps.

use crate::support::{Backend, Process, Setup, end, on_both, wait_until_ready};
use picloud_client::Client;
use picloud_shared::api;
use std::{fs, os::unix::fs::PermissionsExt};

on_both!(the_link_makes_the_first_user_once);

async fn the_link_makes_the_first_user_once(backend: Backend) {
    let setup = Setup::new(backend);
    let mut process = Process::spawn(&mut setup.command());
    let (manager, _) = wait_until_ready(&mut process);
    let path = setup.data().join("setup-link");
    let link = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(setup.data()).unwrap().permissions().mode() & 0o777, 0o700);
    let token = link.trim().strip_prefix(&format!("{manager}/setup#token=")).expect(&link);

    let client = Client::new(&manager).unwrap();
    let with = |token: &str, password: &str| api::Setup {
        token: token.into(),
        username: "root".parse().unwrap(),
        password: password.into(),
    };
    let status = |result: Result<api::Token, picloud_client::Error>| result.unwrap_err().status().unwrap().as_u16();
    assert_eq!(status(client.setup(&with("0", "long enough")).await), 403);
    assert_eq!(status(client.setup(&with(token, "short")).await), 422);
    let page = reqwest::get(link.trim()).await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.headers()["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));

    let signed_in = client.setup(&with(token, "long enough")).await.unwrap();
    let me = Client::new(&manager).unwrap().with_token(&signed_in.token).unwrap().me().await.unwrap();
    assert_eq!((me.username.as_str(), me.admin), ("root", true));
    assert_eq!(status(client.setup(&with(token, "long enough")).await), 409);
    assert!(end(&mut process).success());

    let mut process = Process::spawn(&mut setup.command());
    wait_until_ready(&mut process);
    assert!(!path.exists(), "there is a user now");
    assert!(end(&mut process).success());
}

#[test]
fn what_cannot_work_is_said_before_anything_is_served() {
    let complain = |arguments: &[&str], environment: &[(&str, &str)], expected: &str| {
        let setup = Setup::new(Backend::Sqlite).with(arguments);
        let output = setup.command().envs(environment.iter().copied()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(told.contains(expected), "{arguments:?}: {told}");
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    complain(&["--ingress-addr", &address], &[], "choose another with --ingress-addr");
    complain(&["--manager-addr", "nonsense"], &[], "--manager-addr");
    complain(&[], &[("DATABASE_URL", "postgres://127.0.0.1:1/none")], "opening the database");
    complain(&[], &[("DATABASE_URL", "mysql://ada:secret@127.0.0.1/shop")], "names no PostgreSQL database");
    complain(&[], &[("PICLOUD_ADMIN_PASSWORD", "short")], "PICLOUD_ADMIN_PASSWORD");
    complain(&["--demo", "/nowhere"], &[], "/nowhere");
    complain(&["--log", "a=b=c"], &[], "--log");
}

#[test]
fn two_processes_never_share_a_data_directory() {
    let setup = Setup::new(Backend::Sqlite);
    let mut first = Process::spawn(&mut setup.command());
    wait_until_ready(&mut first);
    let link = fs::read_to_string(setup.data().join("setup-link")).unwrap();
    let output = setup.command().output().unwrap();
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("another PiCloud uses the data directory"), "{told}");
    assert_eq!(fs::read_to_string(setup.data().join("setup-link")).unwrap(), link);
    assert!(end(&mut first).success());
    let mut second = Process::spawn(&mut setup.command());
    wait_until_ready(&mut second);
    assert!(end(&mut second).success());
}

#[test]
fn the_data_directory_has_to_be_ones_own() {
    let setup = Setup::new(Backend::Sqlite);
    fs::write(setup.data(), "a file is in the way").unwrap();
    let output = setup.command().output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("opening the data directory"));
}
