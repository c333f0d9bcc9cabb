//! What somebody may do when it is done, not when they asked.

use crate::fixture::{NOW, TestStore, cases};
use picloud_shared::{
    api::Role,
    ids::{AppId, TokenId},
};
use picloud_store::{AuditEntry, AuditFilter, Revoked, Right, StoreError, User, UserChanges, Warrant};
use serde_json::json;

cases! {
    a_change_needs_the_right_that_it_was_asked_with
    who_may_look_again_is_asked_anew
}

fn entry() -> AuditEntry {
    AuditEntry {
        at: NOW,
        actor: None,
        token: None,
        address: None,
        action: "set_var".to_owned(),
        app: None,
        target: None,
        detail: json!({}),
    }
}

/// What a change of this app with this warrant is refused for.
async fn change(store: &TestStore, app: AppId, warrant: Warrant) -> Option<Revoked> {
    let store = store.audited(entry()).warranted(warrant);
    match store.set_var(app, &"A".parse().unwrap(), "1", NOW).await {
        Ok(set) => {
            set.unwrap();
            None
        }
        Err(StoreError::Revoked(revoked)) => Some(revoked),
        Err(error) => panic!("{error}"),
    }
}

async fn set(store: &TestStore, user: &User, by: &User, changes: UserChanges) {
    store.update_user(&user.username, changes, by.id).await.unwrap().unwrap();
}

async fn a_change_needs_the_right_that_it_was_asked_with(store: &TestStore) {
    let app = store.app("demo").await.id;
    let admin = store.admin().await;
    let ada = store.user(&admin, "ada", false).await;
    let token = store.session(&ada, [7; 32]).await;
    let with = async |right| change(store, app, Warrant { token, right }).await;
    let written = async || store.audit(AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap().len();

    assert_eq!(with(Right::Token).await, None);
    let editor = Right::InApp(app, Role::Editor);
    assert_eq!(with(editor).await, Some(Revoked::Membership));
    store.set_member(app, &ada.username, Role::Viewer, admin.id).await.unwrap().unwrap();
    assert_eq!(with(editor).await, Some(Revoked::Right(editor)));
    for role in [Role::Editor, Role::Owner] {
        store.set_member(app, &ada.username, role, admin.id).await.unwrap().unwrap();
        assert_eq!(with(editor).await, None);
    }
    let elsewhere = Right::InApp(store.app("other").await.id, Role::Viewer);
    assert_eq!(with(elsewhere).await, Some(Revoked::Membership));

    for right in [Right::MakingApps, Right::Administration] {
        assert_eq!(with(right).await, Some(Revoked::Right(right)));
    }
    set(store, &ada, &admin, UserChanges { create_apps: Some(true), ..UserChanges::default() }).await;
    assert_eq!(with(Right::MakingApps).await, None);
    assert_eq!(with(Right::Administration).await, Some(Revoked::Right(Right::Administration)));
    set(store, &ada, &admin, UserChanges { admin: Some(true), ..UserChanges::default() }).await;
    assert_eq!((with(Right::Administration).await, with(elsewhere).await), (None, None));

    let before = written().await;
    store.execute("UPDATE users SET disabled = TRUE WHERE username = 'ada'").await;
    assert_eq!(with(Right::Token).await, Some(Revoked::Token));
    store.execute("UPDATE users SET disabled = FALSE WHERE username = 'ada'").await;
    assert_eq!(change(store, app, Warrant { token: TokenId::new(), right: editor }).await, Some(Revoked::Token));
    assert!(store.delete_token(ada.id, token).await.unwrap());
    assert_eq!(with(Right::Token).await, Some(Revoked::Token));
    assert_eq!(written().await, before, "what was refused is in the audit log");
}

async fn who_may_look_again_is_asked_anew(store: &TestStore) {
    let admin = store.admin().await;
    let warrant = Warrant { token: store.session(&admin, [7; 32]).await, right: Right::Administration };
    store.look_again(&warrant).await.unwrap();
    assert!(store.delete_token(admin.id, warrant.token).await.unwrap());
    assert!(matches!(store.look_again(&warrant).await, Err(StoreError::Revoked(Revoked::Token))));
}
