//! Users and their tokens.

use crate::fixture::{NOW, TestStore, cases, new_user};
use futures_util::future::join_all;
use picloud_shared::ids::{AppId, TokenId};
use picloud_store::NewToken;
use std::sync::Arc;
use tokio::sync::Barrier;

cases! {
    the_first_user_is_an_administrator
    only_one_of_many_becomes_the_first_user
    names_that_cannot_be_are_nobody
    a_token_is_its_users_until_it_expires
    a_deleted_token_is_nobodys
    a_visitor_is_a_member_or_a_stranger
    new_tokens_sweep_out_expired_ones
}

async fn the_first_user_is_an_administrator(store: &TestStore) {
    assert!(!store.has_users().await.unwrap());
    let user = store.admin().await;
    assert!(user.admin);
    assert_eq!(user.password_hash, "hash of admin");
    assert!(!format!("{user:?}").contains("hash of"));
    assert!(store.has_users().await.unwrap());
    assert!(!store.create_first_user(new_user("second")).await.unwrap());
    assert_eq!(store.user_by_name("second").await.unwrap(), None);
}

async fn only_one_of_many_becomes_the_first_user(store: &TestStore) {
    // Each with a connection of its own that is open already, so that they do meet.
    let stores = join_all((0..4).map(|_| store.another())).await;
    for round in 0..10 {
        store.execute("DELETE FROM users").await;
        let start = Arc::new(Barrier::new(stores.len()));
        let tries = stores.iter().cloned().enumerate().map(|(n, store)| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                store.create_first_user(new_user(&format!("user{n}"))).await
            })
        });
        let made = join_all(tries).await.into_iter().filter(|made| *made.as_ref().unwrap().as_ref().unwrap()).count();
        assert_eq!(made, 1, "round {round}");
        assert_eq!(store.number("SELECT COUNT(*) FROM users").await, 1);
    }
}

async fn names_that_cannot_be_are_nobody(store: &TestStore) {
    store.admin().await;
    for name in ["", "admin\0", "Admin", "admin ", "ädmin", "' OR 1=1 --"] {
        assert_eq!(store.user_by_name(name).await.unwrap(), None, "{name:?}");
    }
}

async fn a_token_is_its_users_until_it_expires(store: &TestStore) {
    let user = store.admin().await;
    let token = NewToken { id: TokenId::new(), user: user.id, sha256: [7; 32], now: NOW, expires_at: NOW + 10 };
    store.create_token(token).await.unwrap();
    assert_eq!(store.user_of_token(&[7; 32], NOW + 9).await.unwrap(), Some(user));
    assert_eq!(store.user_of_token(&[7; 32], NOW + 10).await.unwrap(), None);
    assert_eq!(store.user_of_token(&[8; 32], NOW).await.unwrap(), None);
}

async fn a_deleted_token_is_nobodys(store: &TestStore) {
    let user = store.admin().await;
    for byte in [0, 255] {
        let token = NewToken { id: TokenId::new(), user: user.id, sha256: [byte; 32], now: NOW, expires_at: NOW + 10 };
        store.create_token(token).await.unwrap();
    }
    assert!(store.delete_token(&[0; 32]).await.unwrap());
    assert!(!store.delete_token(&[0; 32]).await.unwrap());
    assert_eq!(store.user_of_token(&[0; 32], NOW).await.unwrap(), None);
    assert_eq!(store.user_of_token(&[255; 32], NOW).await.unwrap(), Some(user));
}

async fn a_visitor_is_a_member_or_a_stranger(store: &TestStore) {
    let user = store.admin().await;
    let (shop, other) = (store.app("shop").await, store.app("other").await);
    let token = NewToken { id: TokenId::new(), user: user.id, sha256: [7; 32], now: NOW, expires_at: NOW + 10 };
    store.create_token(token).await.unwrap();
    let visitor = async |app: AppId, now| store.visitor(&[7; 32], app, now).await.unwrap();
    // An administrator is a member of every app, others of those that they have a role in.
    let seen = visitor(other.id, NOW).await.unwrap();
    assert_eq!((seen.username, seen.member, seen.expires_at), (user.username, true, NOW + 10));
    store.execute("UPDATE users SET admin = FALSE").await;
    assert!(!visitor(shop.id, NOW).await.unwrap().member);
    store
        .execute("INSERT INTO memberships SELECT a.id, u.id, 'viewer' FROM apps a, users u WHERE a.slug = 'shop'")
        .await;
    assert!(visitor(shop.id, NOW).await.unwrap().member);
    assert!(!visitor(other.id, NOW).await.unwrap().member);

    assert_eq!(visitor(shop.id, NOW + 10).await, None);
    assert_eq!(store.visitor(&[8; 32], shop.id, NOW).await.unwrap(), None);
    let before = store.revision();
    assert!(store.delete_token(&[7; 32]).await.unwrap());
    assert!(store.revision() > before);
    assert_eq!(visitor(shop.id, NOW).await, None);
}

async fn new_tokens_sweep_out_expired_ones(store: &TestStore) {
    let user = store.admin().await;
    for n in 0..5u8 {
        let now = NOW + i64::from(n) * 10;
        let token = NewToken { id: TokenId::new(), user: user.id, sha256: [n; 32], now, expires_at: now + 15 };
        store.create_token(token).await.unwrap();
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM tokens").await, 2);
}
