//! People from the command line: their roles, their accounts, invitations, tokens and passwords, and the audit log of it.

use crate::{
    cli::Pic,
    support::{Backend, PASSWORD, TestApp},
};
use picloud_client::Client;
use picloud_shared::api::{AcceptInvitation, InviteToServer};

/// A user of the server without any rights, who has signed in.
async fn user(picloud: &TestApp, name: &str) -> Pic {
    let link = picloud.client.invite(&InviteToServer::default()).await.unwrap();
    let (username, password) = (Some(name.parse().unwrap()), Some(PASSWORD.to_owned()));
    let accept = AcceptInvitation { token: link.token, username, password };
    Client::new(&picloud.manager).unwrap().accept_invitation(&accept).await.unwrap();
    let pic = Pic::new(picloud);
    pic.ok(&["login", &picloud.manager, "--username", name]);
    pic
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_granted_and_revoked() {
    let picloud = TestApp::start(Backend::Sqlite).await;
    let (pic, eve) = (Pic::new(&picloud), user(&picloud, "eve").await);
    pic.sign_in();
    pic.ok(&["apps", "create", "shop"]);
    assert_eq!(pic.ok(&["roles", "list"]), "USER   ROLE\nadmin  owner\n");
    assert_eq!(eve.fails(&["scripts", "list", "--app", "shop"]).0, 4);
    let granted = pic.ok(&["roles", "grant", "eve", "viewer"]);
    assert_eq!(granted, "eve has the role viewer in the app shop\n");
    let (code, told) = eve.fails(&["vars", "set", "A", "1", "--app", "shop"]);
    assert!(code == 3 && told.contains("ask an owner of the app"), "{code} {told}");
    assert_eq!(pic.json(&["roles", "grant", "eve", "editor"])["role"], "editor");
    eve.ok(&["vars", "set", "A", "1", "--app", "shop"]);

    let first = pic.run(&["roles", "list", "--limit", "1"]);
    assert!(String::from_utf8_lossy(&first.stderr).contains("there are more: --after admin"), "{first:?}");
    assert_eq!(pic.json(&["roles", "list", "--after", "admin"])["items"][0]["username"], "eve");
    // Anybody may leave.
    eve.ok(&["roles", "revoke", "eve", "--app", "shop"]);
    assert_eq!(eve.fails(&["scripts", "list", "--app", "shop"]).0, 4);
    for user in ["eve", "nobody"] {
        let (code, told) = pic.fails(&["roles", "revoke", user]);
        assert!(code == 4 && told.contains("no such user") && told.contains("pic roles list"), "{code} {told}");
    }
    let (code, told) = pic.fails(&["roles", "grant", "eve", "boss"]);
    assert!(code == 2 && told.contains("viewer, editor, owner"), "{code} {told}");
    assert_eq!(pic.fails(&["roles", "grant", "e e", "viewer"]).0, 2);
}
