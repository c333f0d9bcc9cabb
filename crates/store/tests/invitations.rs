//! Invitations: good once, for a time, and as long as whoever made one could make it again.

use crate::fixture::{NOW, TestStore, cases, new_user};
use futures_util::future::join_all;
use picloud_shared::{
    api::Role,
    ids::{AppId, InvitationId},
    limits::INVITATIONS,
};
use picloud_store::{
    AcceptRefused, Accepting, InviteRefused, InvitedTo, Member, NewInvitation, Store, User, UserChanges,
};
use std::sync::Arc;
use tokio::sync::Barrier;

cases! {
    an_invitation_to_an_app_makes_members
    an_invitation_to_the_server_makes_a_user
    an_invitation_is_accepted_once_though_many_try
    an_invitation_is_over_in_time_and_told_so
    an_invitation_is_worth_what_its_maker_is
    invitations_are_listed_and_revoked
    there_are_so_many_invitations_and_no_more
}

const SERVER: InvitedTo = InvitedTo::Server { admin: false, create_apps: true };

async fn invite_to(store: &Store, to: InvitedTo, by: &User, sha256: [u8; 32]) -> Result<InvitationId, InviteRefused> {
    let id = InvitationId::new();
    let new = NewInvitation { id, sha256, to, by: by.id, now: NOW, expires_at: NOW + 10 };
    store.create_invitation(new).await.unwrap().map(|()| id)
}

/// To the server.
pub(crate) async fn invite(store: &Store, by: &User, sha256: [u8; 32]) -> Result<InvitationId, InviteRefused> {
    invite_to(store, SERVER, by, sha256).await
}

async fn join(store: &Store, sha256: [u8; 32], name: &str) -> Result<(), AcceptRefused> {
    store.accept_invitation(&sha256, Accepting::NewUser(new_user(name)), NOW).await.unwrap().map(drop)
}

async fn accept(store: &Store, sha256: [u8; 32], user: &User) -> Result<(), AcceptRefused> {
    store.accept_invitation(&sha256, Accepting::User(user.id), NOW).await.unwrap().map(drop)
}

async fn an_invitation_to_an_app_makes_members(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.app("shop").await;
    let to = |role| InvitedTo::App { app: app.id, role };
    invite_to(store, to(Role::Viewer), &admin, [1; 32]).await.unwrap();
    let open = store.invitation(&[1; 32], NOW).await.unwrap().unwrap();
    assert_eq!(
        (open.to, open.app, open.created_by),
        (to(Role::Viewer), Some(app.slug.clone()), admin.username.clone())
    );
    assert_eq!(join(store, [1; 32], "admin").await, Err(AcceptRefused::UsernameTaken(admin.username.clone())));
    let before = store.revision();
    join(store, [1; 32], "eve").await.unwrap();
    assert!(store.revision() > before);
    let eve = store.user_by_name("eve").await.unwrap().unwrap();
    assert_eq!((eve.admin, eve.create_apps, eve.password_hash.as_str()), (false, false, "hash of eve"));
    let members = async || store.members(app.id, None, 9).await.unwrap();
    assert_eq!(members().await, [Member { username: eve.username.clone(), role: Role::Viewer }]);

    // Somebody who is a user gets a higher role by one, and never a lower one.
    invite_to(store, to(Role::Editor), &admin, [2; 32]).await.unwrap();
    accept(store, [2; 32], &eve).await.unwrap();
    assert_eq!(members().await[0].role, Role::Editor);
    invite_to(store, to(Role::Viewer), &admin, [3; 32]).await.unwrap();
    assert_eq!(accept(store, [3; 32], &eve).await, Err(AcceptRefused::AlreadyMember));
    assert_eq!(members().await[0].role, Role::Editor);
    accept(store, [3; 32], &admin).await.unwrap();

    invite_to(store, to(Role::Viewer), &admin, [4; 32]).await.unwrap();
    store.delete_app(app.id).await.unwrap();
    assert_eq!(join(store, [4; 32], "bob").await, Err(AcceptRefused::NoSuchInvitation));
    assert_eq!(invite_to(store, to(Role::Viewer), &admin, [5; 32]).await, Err(InviteRefused::NoSuchApp));
}

async fn an_invitation_to_the_server_makes_a_user(store: &TestStore) {
    let admin = store.admin().await;
    invite(store, &admin, [1; 32]).await.unwrap();
    join(store, [1; 32], "eve").await.unwrap();
    let eve = store.user_by_name("eve").await.unwrap().unwrap();
    assert_eq!((eve.admin, eve.create_apps), (false, true));
    invite_to(store, InvitedTo::Server { admin: true, create_apps: false }, &admin, [2; 32]).await.unwrap();
    assert_eq!(accept(store, [2; 32], &eve).await, Err(AcceptRefused::ForNewUser));
    join(store, [2; 32], "bob").await.unwrap();
    assert!(store.user_by_name("bob").await.unwrap().unwrap().admin);
    assert_eq!(join(store, [9; 32], "dan").await, Err(AcceptRefused::NoSuchInvitation));
    assert_eq!(store.number("SELECT COUNT(*) FROM users").await, 3);
}

async fn an_invitation_is_accepted_once_though_many_try(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.app("shop").await;
    let stores = join_all((0..4).map(|_| store.another())).await;
    for round in 0..10_u8 {
        let to = if round % 2 == 0 { SERVER } else { InvitedTo::App { app: app.id, role: Role::Viewer } };
        invite_to(store, to, &admin, [round; 32]).await.unwrap();
        let start = Arc::new(Barrier::new(stores.len()));
        let tries = stores.iter().cloned().enumerate().map(|(n, store)| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                join(&store, [round; 32], &format!("r{round}u{n}")).await
            })
        });
        let tried: Vec<_> = join_all(tries).await.into_iter().map(|tried| tried.unwrap()).collect();
        assert_eq!(tried.iter().filter(|tried| tried.is_ok()).count(), 1, "{tried:?}");
        assert_eq!(tried.iter().filter(|tried| **tried == Err(AcceptRefused::Over)).count(), 3, "{tried:?}");
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM users").await, 11);
    assert_eq!(store.members(app.id, None, 99).await.unwrap().len(), 5);
}

async fn an_invitation_is_over_in_time_and_told_so(store: &TestStore) {
    const DAY: i64 = 86_400_000;
    let admin = store.admin().await;
    invite(store, &admin, [1; 32]).await.unwrap();
    assert!(store.invitation(&[1; 32], NOW + 9).await.unwrap().is_ok());
    assert_eq!(store.invitation(&[1; 32], NOW + 10).await.unwrap(), Err(AcceptRefused::Over));
    let late = store.accept_invitation(&[1; 32], Accepting::NewUser(new_user("eve")), NOW + 10).await.unwrap();
    assert_eq!(late, Err(AcceptRefused::Over));
    invite(store, &admin, [2; 32]).await.unwrap();
    join(store, [2; 32], "bob").await.unwrap();
    assert_eq!(store.invitation(&[2; 32], NOW).await.unwrap(), Err(AcceptRefused::Over));
    // For another week, until the next one is made.
    let later = |sha256, now| NewInvitation {
        id: InvitationId::new(),
        sha256,
        to: SERVER,
        by: admin.id,
        now,
        expires_at: now + 1,
    };
    store.create_invitation(later([3; 32], NOW + 7 * DAY)).await.unwrap().unwrap();
    assert_eq!(store.invitation(&[1; 32], NOW).await.unwrap().map(drop), Ok(()));
    store.create_invitation(later([4; 32], NOW + 7 * DAY + 10)).await.unwrap().unwrap();
    for byte in [1, 2] {
        assert_eq!(store.invitation(&[byte; 32], NOW).await.unwrap(), Err(AcceptRefused::NoSuchInvitation));
    }
}

async fn an_invitation_is_worth_what_its_maker_is(store: &TestStore) {
    let admin = store.admin().await;
    let (eve, bob) = (store.user(&admin, "eve", true).await, store.user(&admin, "bob", false).await);
    let app = store.app("shop").await;
    let to = InvitedTo::App { app: app.id, role: Role::Owner };
    assert_eq!(invite_to(store, to, &bob, [1; 32]).await, Err(InviteRefused::NotAllowed));
    assert_eq!(invite(store, &bob, [1; 32]).await, Err(InviteRefused::NotAllowed));
    store.set_member(app.id, &bob.username, Role::Owner, admin.id).await.unwrap().unwrap();
    invite_to(store, to, &bob, [1; 32]).await.unwrap();
    invite(store, &eve, [2; 32]).await.unwrap();
    let is_open = async |byte: u8| match store.invitation(&[byte; 32], NOW).await.unwrap() {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!(join(store, [byte; 32], "dan").await, Err(refused));
            false
        }
    };
    assert!(is_open(1).await && is_open(2).await);
    // What an owner has left behind brings nobody in.
    store.set_member(app.id, &bob.username, Role::Editor, admin.id).await.unwrap().unwrap();
    assert!(!is_open(1).await);
    store.set_member(app.id, &bob.username, Role::Owner, admin.id).await.unwrap().unwrap();
    assert!(is_open(1).await);
    for changes in [
        UserChanges { admin: Some(false), ..UserChanges::default() },
        UserChanges { admin: Some(true), disabled: Some(true), ..UserChanges::default() },
    ] {
        store.update_user(&eve.username, changes, admin.id).await.unwrap().unwrap();
        assert!(!is_open(2).await, "{changes:?}");
    }
    store.delete_user(&bob.username, admin.id).await.unwrap().unwrap();
    assert!(!is_open(1).await);
    assert_eq!(store.user_by_name("dan").await.unwrap(), None);
}

async fn invitations_are_listed_and_revoked(store: &TestStore) {
    let admin = store.admin().await;
    let (shop, other) = (store.app("shop").await, store.app("other").await);
    let to = |app: AppId| InvitedTo::App { app, role: Role::Viewer };
    let first = invite_to(store, to(shop.id), &admin, [1; 32]).await.unwrap();
    let second = invite_to(store, to(shop.id), &admin, [2; 32]).await.unwrap();
    let elsewhere = invite_to(store, to(other.id), &admin, [3; 32]).await.unwrap();
    let server = invite(store, &admin, [4; 32]).await.unwrap();
    let ids = async |app: Option<AppId>, before, limit| -> Vec<InvitationId> {
        store.invitations(app, before, limit, NOW).await.unwrap().into_iter().map(|open| open.id).collect()
    };
    assert_eq!(ids(Some(shop.id), None, 9).await, [second, first]);
    assert_eq!(ids(Some(shop.id), Some(second), 9).await, [first]);
    assert_eq!(ids(Some(shop.id), None, 1).await, [second]);
    assert_eq!(ids(None, None, 9).await, [server]);
    for (app, id) in [(None, first), (Some(other.id), first), (Some(shop.id), server), (Some(shop.id), elsewhere)] {
        assert!(!store.delete_invitation(app, id).await.unwrap());
    }
    assert!(store.delete_invitation(Some(shop.id), first).await.unwrap());
    assert!(!store.delete_invitation(Some(shop.id), first).await.unwrap());
    assert_eq!(join(store, [1; 32], "eve").await, Err(AcceptRefused::NoSuchInvitation));
    join(store, [2; 32], "eve").await.unwrap();
    assert!(ids(Some(shop.id), None, 9).await.is_empty());
    assert!(!store.delete_invitation(Some(shop.id), second).await.unwrap(), "nothing is left to revoke");
    assert!(store.invitations(None, None, 9, NOW + 10).await.unwrap().is_empty());
}

async fn there_are_so_many_invitations_and_no_more(store: &TestStore) {
    let admin = store.admin().await;
    let app = store.app("shop").await;
    let mut hash = [0; 32];
    let mut fresh = || {
        hash[0] = u8::wrapping_add(hash[0], 1);
        hash[1] += u8::from(hash[0] == 0);
        hash
    };
    for to in [SERVER, InvitedTo::App { app: app.id, role: Role::Viewer }] {
        for _ in 1..INVITATIONS {
            invite_to(store, to, &admin, fresh()).await.unwrap();
        }
        // However many come at once.
        let hashes: Vec<_> = (0..8).map(|_| fresh()).collect();
        let made = join_all(hashes.into_iter().map(|hash| invite_to(store, to, &admin, hash))).await;
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
        assert!(made.contains(&Err(InviteRefused::TooMany(INVITATIONS))));
    }
}
