//! Users: who they are, and who may change that.

use crate::fixture::{NOW, TestStore, cases, new_user};
use futures_util::future::join_all;
use picloud_shared::{
    ids::{TokenId, UserId},
    names::Username,
};
use picloud_store::{StoreError, User, UserChanges, UserRefused};
use std::sync::Arc;
use tokio::sync::Barrier;

cases! {
    the_first_user_is_an_administrator
    only_one_of_many_becomes_the_first_user
    names_that_cannot_be_are_nobody
    users_are_listed_by_name
    an_administrator_changes_users
    a_disabled_user_has_no_token
    a_deleted_user_leaves_what_they_made
    the_last_administrator_stays
    of_administrators_that_leave_at_once_one_stays
    a_changed_password_ends_the_other_sessions
    a_password_is_changed_once
    a_reset_password_ends_everything
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

fn name(name: &str) -> Username {
    name.parse().unwrap()
}

const DEMOTED: UserChanges = UserChanges { admin: Some(false), create_apps: None, disabled: None };
const DISABLED: UserChanges = UserChanges { admin: None, create_apps: None, disabled: Some(true) };

async fn users_are_listed_by_name(store: &TestStore) {
    let admin = store.admin().await;
    for name in ["b", "B", "a-1", "c"] {
        store.user(&admin, name, false).await;
    }
    let names = async |after: Option<&str>, limit| -> Vec<String> {
        let users = store.users(after.map(name).as_ref(), limit).await.unwrap();
        users.into_iter().map(|user| user.username.to_string()).collect()
    };
    assert_eq!(names(None, 9).await, ["B", "a-1", "admin", "b", "c"]);
    assert_eq!(names(Some("a-1"), 2).await, ["admin", "b"]);
    assert!(names(Some("c"), 2).await.is_empty());
}

async fn an_administrator_changes_users(store: &TestStore) {
    let admin = store.admin().await;
    let user = store.user(&admin, "eve", false).await;
    assert_eq!((user.admin, user.create_apps, user.disabled, user.created_at), (false, false, false, NOW));
    let change = async |changes, by: &User| store.update_user(&name("eve"), changes, by.id).await.unwrap();
    let makes = UserChanges { create_apps: Some(true), ..UserChanges::default() };
    assert_eq!(change(makes, &user).await, Err(UserRefused::NotAllowed));
    let changed = change(makes, &admin).await.unwrap();
    assert_eq!(changed, User { create_apps: true, ..user.clone() });
    assert_eq!(change(UserChanges::default(), &admin).await, Ok(changed.clone()));
    assert_eq!(store.user_by_name("eve").await.unwrap(), Some(changed));
    let missing = store.update_user(&name("nobody"), makes, admin.id).await.unwrap();
    assert_eq!(missing, Err(UserRefused::NoSuchUser));
    assert_eq!(store.delete_user(&name("nobody"), admin.id).await.unwrap(), Err(UserRefused::NoSuchUser));
    assert_eq!(store.delete_user(&name("admin"), user.id).await.unwrap(), Err(UserRefused::NotAllowed));
    assert_eq!(store.delete_user(&name("admin"), UserId::new()).await.unwrap(), Err(UserRefused::NotAllowed));
}

async fn a_disabled_user_has_no_token(store: &TestStore) {
    let admin = store.admin().await;
    let user = store.user(&admin, "eve", false).await;
    store.session(&user, [1; 32]).await;
    assert!(store.credential(&[1; 32], NOW).await.unwrap().is_some());
    let before = store.revision();
    store.update_user(&name("eve"), DISABLED, admin.id).await.unwrap().unwrap();
    assert!(store.revision() > before);
    assert!(store.credential(&[1; 32], NOW).await.unwrap().is_none());
    let enabled = UserChanges { disabled: Some(false), ..UserChanges::default() };
    store.update_user(&name("eve"), enabled, admin.id).await.unwrap().unwrap();
    assert!(store.credential(&[1; 32], NOW).await.unwrap().is_none(), "it has ended");
    store.session(&user, [2; 32]).await;
}

async fn a_deleted_user_leaves_what_they_made(store: &TestStore) {
    let admin = store.admin().await;
    let user = store.user(&admin, "eve", false).await;
    store.session(&user, [1; 32]).await;
    let app = store.app("shop").await;
    store.execute("INSERT INTO memberships SELECT a.id, u.id, 'owner' FROM apps a, users u").await;
    let new = picloud_store::NewVersion { author: Some(user.id), ..crate::fixture::version("greet", "1") };
    store.put_script(app.id, new).await.unwrap().unwrap();
    let before = store.revision();
    store.delete_user(&name("eve"), admin.id).await.unwrap().unwrap();
    assert!(store.revision() > before);
    assert!(store.credential(&[1; 32], NOW).await.unwrap().is_none());
    assert_eq!(store.user_by_name("eve").await.unwrap(), None);
    assert_eq!(store.number("SELECT COUNT(*) FROM memberships").await, 1);
    assert!(store.script_head(app.id, &"greet".parse().unwrap()).await.unwrap().is_some());
    // Whoever gets the name later is somebody else.
    assert_ne!(store.user(&admin, "eve2", false).await.id, user.id);
}

async fn the_last_administrator_stays(store: &TestStore) {
    let admin = store.admin().await;
    let last = Err(UserRefused::LastAdmin);
    assert_eq!(store.update_user(&name("admin"), DEMOTED, admin.id).await.unwrap().map(drop), last);
    assert_eq!(store.update_user(&name("admin"), DISABLED, admin.id).await.unwrap().map(drop), last);
    assert_eq!(store.delete_user(&name("admin"), admin.id).await.unwrap(), last);
    // Who cannot sign in does not count.
    let other = store.user(&admin, "other", true).await;
    store.update_user(&name("other"), DISABLED, admin.id).await.unwrap().unwrap();
    assert_eq!(store.delete_user(&name("admin"), admin.id).await.unwrap(), last);
    assert_eq!(store.delete_user(&name("admin"), other.id).await.unwrap(), Err(UserRefused::NotAllowed));
    let enabled = UserChanges { disabled: Some(false), ..UserChanges::default() };
    store.update_user(&name("other"), enabled, admin.id).await.unwrap().unwrap();
    store.update_user(&name("admin"), DEMOTED, admin.id).await.unwrap().unwrap();
    assert_eq!(store.delete_user(&name("other"), other.id).await.unwrap(), last);
    store.delete_user(&name("admin"), other.id).await.unwrap().unwrap();
    assert!(store.has_users().await.unwrap());
}

async fn of_administrators_that_leave_at_once_one_stays(store: &TestStore) {
    let admin = store.admin().await;
    let stores = join_all((0..4).map(|_| store.another())).await;
    for round in 0..10 {
        let mut admins = vec![store.user_by_name("admin").await.unwrap().unwrap()];
        for n in 1..4 {
            admins.push(store.user(&admin, &format!("r{round}a{n}"), true).await);
        }
        let start = Arc::new(Barrier::new(stores.len()));
        // Each demotes, disables or deletes themselves.
        let leave = stores.iter().cloned().zip(admins.clone()).enumerate().map(|(n, (store, user))| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                match n % 3 {
                    0 => store.update_user(&user.username, DEMOTED, user.id).await.map(|left| left.map(drop)),
                    1 => store.update_user(&user.username, DISABLED, user.id).await.map(|left| left.map(drop)),
                    _ => store.delete_user(&user.username, user.id).await,
                }
            })
        });
        let left: Vec<Result<Result<(), UserRefused>, StoreError>> =
            join_all(leave).await.into_iter().map(|left| left.unwrap()).collect();
        assert_eq!(left.iter().filter(|left| left.as_ref().unwrap().is_err()).count(), 1, "{left:?}");
        assert_eq!(store.number("SELECT COUNT(*) FROM users WHERE admin AND NOT disabled").await, 1);
        store.execute("UPDATE users SET admin = TRUE, disabled = FALSE WHERE username = 'admin'").await;
        store.execute("UPDATE users SET admin = FALSE WHERE username <> 'admin'").await;
    }
}

async fn a_changed_password_ends_the_other_sessions(store: &TestStore) {
    let admin = store.admin().await;
    let session = store.session(&admin, [1; 32]).await;
    store.session(&admin, [2; 32]).await;
    crate::tokens::api_token(store, &admin, session, [3; 32], None, None).await.unwrap();
    let other = store.user(&admin, "eve", false).await;
    store.session(&other, [4; 32]).await;
    let change =
        async |old: &str, session| store.change_password(admin.id, old, "hash of another", session, NOW).await.unwrap();
    assert!(!change("hash of nothing", session).await);
    assert!(!change("hash of admin", TokenId::new()).await, "a session that has ended");
    assert_eq!(store.user_by_name("admin").await.unwrap().unwrap().password_hash, "hash of admin");
    let before = store.revision();
    assert!(change("hash of admin", session).await);
    assert!(store.revision() > before);
    assert_eq!(store.user_by_name("admin").await.unwrap().unwrap().password_hash, "hash of another");
    for (byte, good) in [(1, true), (2, false), (3, true), (4, true)] {
        assert_eq!(store.credential(&[byte; 32], NOW).await.unwrap().is_some(), good, "{byte}");
    }
}

async fn a_password_is_changed_once(store: &TestStore) {
    let admin = store.admin().await;
    let mut sessions = Vec::new();
    for byte in 0..8 {
        sessions.push(store.session(&admin, [byte; 32]).await);
    }
    let change = |session| store.change_password(admin.id, "hash of admin", "new", session, NOW);
    let changed = join_all(sessions.iter().map(|&session| change(session))).await;
    assert_eq!(changed.iter().filter(|changed| *changed.as_ref().unwrap()).count(), 1);
    assert_eq!(store.number("SELECT COUNT(*) FROM tokens").await, 1);
}

async fn a_reset_password_ends_everything(store: &TestStore) {
    let admin = store.admin().await;
    let user = store.user(&admin, "eve", true).await;
    let session = store.session(&user, [1; 32]).await;
    crate::tokens::api_token(store, &user, session, [2; 32], None, None).await.unwrap();
    store.session(&admin, [3; 32]).await;
    crate::invitations::invite(store, &user, [4; 32]).await.unwrap();
    store.update_user(&name("eve"), DISABLED, admin.id).await.unwrap().unwrap();
    let before = store.revision();
    assert!(store.reset_password(&name("eve"), "new").await.unwrap());
    assert!(store.revision() > before);
    assert!(!store.reset_password(&name("nobody"), "new").await.unwrap());
    let reset = store.user_by_name("eve").await.unwrap().unwrap();
    assert_eq!((reset.password_hash.as_str(), reset.disabled, reset.admin), ("new", false, true));
    for (byte, good) in [(1, false), (2, false), (3, true)] {
        assert_eq!(store.credential(&[byte; 32], NOW).await.unwrap().is_some(), good, "{byte}");
    }
    assert!(store.invitations(None, None, 9, NOW).await.unwrap().is_empty());
}
