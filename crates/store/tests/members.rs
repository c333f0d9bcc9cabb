//! Members of apps: who gives and takes roles, and that an app keeps an owner.

use crate::fixture::{NOW, TestStore, cases};
use futures_util::future::join_all;
use picloud_shared::{
    api::Role,
    ids::{AppId, UserId},
    names::Username,
};
use picloud_store::{Member, MemberRefused, RoleGiven, User, UserChanges};

cases! {
    roles_are_given_changed_and_taken
    only_owners_give_roles_and_anybody_leaves
    an_app_keeps_an_owner
    of_owners_that_leave_at_once_one_stays
    an_administrator_may_leave_an_app_to_administrators
}

async fn three(store: &TestStore) -> (User, User, User, AppId) {
    let admin = store.admin().await;
    let (eve, bob) = (store.user(&admin, "eve", false).await, store.user(&admin, "bob", false).await);
    (admin, eve, bob, store.app("shop").await.id)
}

fn member(name: &str, role: Role) -> Member {
    Member { username: name.parse().unwrap(), role }
}

async fn roles_are_given_changed_and_taken(store: &TestStore) {
    let (admin, eve, bob, app) = three(store).await;
    let set = async |user: &User, role| store.set_member(app, &user.username, role, admin.id).await.unwrap();
    let before = (store.revision(), store.app_revision_by_id(app).await.unwrap());
    assert_eq!(set(&eve, Role::Owner).await, Ok(RoleGiven::Added));
    assert!(store.revision() > before.0 && store.app_revision_by_id(app).await.unwrap() > before.1);
    assert_eq!(set(&bob, Role::Viewer).await, Ok(RoleGiven::Added));
    let before = store.app_revision_by_id(app).await.unwrap();
    assert_eq!(set(&bob, Role::Viewer).await, Ok(RoleGiven::Same));
    assert_eq!(store.app_revision_by_id(app).await.unwrap(), before);
    assert_eq!(set(&bob, Role::Editor).await, Ok(RoleGiven::Changed));
    let listed = store.members(app, None, 9).await.unwrap();
    assert_eq!(listed, [member("bob", Role::Editor), member("eve", Role::Owner)]);
    assert_eq!(store.members(app, Some(&bob.username), 1).await.unwrap(), [member("eve", Role::Owner)]);

    let nobody: Username = "nobody".parse().unwrap();
    let refused = store.set_member(app, &nobody, Role::Viewer, admin.id).await.unwrap();
    assert_eq!(refused, Err(MemberRefused::NoSuchUser));
    let refused = store.set_member(AppId::new(), &bob.username, Role::Viewer, admin.id).await.unwrap();
    assert_eq!(refused, Err(MemberRefused::NoSuchApp));
    let before = store.revision();
    assert_eq!(store.remove_member(app, &bob.username, admin.id).await.unwrap(), Ok(()));
    assert!(store.revision() > before);
    assert_eq!(store.remove_member(app, &bob.username, admin.id).await.unwrap(), Err(MemberRefused::NoSuchUser));
    assert_eq!(store.remove_member(app, &nobody, admin.id).await.unwrap(), Err(MemberRefused::NoSuchUser));
    assert_eq!(store.remove_member(AppId::new(), &eve.username, eve.id).await.unwrap(), Err(MemberRefused::NoSuchApp));
}

async fn only_owners_give_roles_and_anybody_leaves(store: &TestStore) {
    let (admin, eve, bob, app) = three(store).await;
    let set = async |user: &User, role, by: UserId| store.set_member(app, &user.username, role, by).await.unwrap();
    set(&eve, Role::Editor, admin.id).await.unwrap();
    set(&bob, Role::Viewer, admin.id).await.unwrap();
    for by in [eve.id, bob.id, UserId::new()] {
        assert_eq!(set(&eve, Role::Owner, by).await, Err(MemberRefused::NotAllowed));
        let user = if by == eve.id { &bob } else { &eve };
        assert_eq!(store.remove_member(app, &user.username, by).await.unwrap(), Err(MemberRefused::NotAllowed));
    }
    set(&eve, Role::Owner, admin.id).await.unwrap();
    set(&bob, Role::Owner, eve.id).await.unwrap();
    set(&eve, Role::Viewer, bob.id).await.unwrap();
    assert_eq!(set(&eve, Role::Owner, eve.id).await, Err(MemberRefused::NotAllowed), "an owner no more");
    assert_eq!(store.remove_member(app, &eve.username, eve.id).await.unwrap(), Ok(()));
    // Who is disabled owns nothing.
    let disabled = UserChanges { disabled: Some(true), ..UserChanges::default() };
    store.update_user(&bob.username, disabled, admin.id).await.unwrap().unwrap();
    assert_eq!(set(&eve, Role::Viewer, bob.id).await, Err(MemberRefused::NotAllowed));
}

async fn an_app_keeps_an_owner(store: &TestStore) {
    let (admin, eve, bob, app) = three(store).await;
    store.set_member(app, &eve.username, Role::Owner, admin.id).await.unwrap().unwrap();
    let last = Err(MemberRefused::LastOwner);
    assert_eq!(store.remove_member(app, &eve.username, eve.id).await.unwrap(), last);
    assert_eq!(store.set_member(app, &eve.username, Role::Editor, eve.id).await.unwrap().map(drop), last);
    store.set_member(app, &bob.username, Role::Owner, eve.id).await.unwrap().unwrap();
    // An owner who cannot sign in is none.
    let disable = async |disabled| {
        let changes = UserChanges { disabled: Some(disabled), ..UserChanges::default() };
        store.update_user(&bob.username, changes, admin.id).await.unwrap().unwrap();
    };
    disable(true).await;
    assert_eq!(store.remove_member(app, &eve.username, eve.id).await.unwrap(), last);
    disable(false).await;
    assert_eq!(store.remove_member(app, &eve.username, eve.id).await.unwrap(), Ok(()));
}

async fn of_owners_that_leave_at_once_one_stays(store: &TestStore) {
    let (admin, eve, bob, app) = three(store).await;
    for _ in 0..10 {
        for user in [&eve, &bob] {
            store.set_member(app, &user.username, Role::Owner, admin.id).await.unwrap().unwrap();
        }
        let left = join_all([&eve, &bob].map(|user| store.remove_member(app, &user.username, user.id))).await;
        assert_eq!(left.iter().filter(|left| left.as_ref().unwrap().is_ok()).count(), 1, "{left:?}");
        assert_eq!(store.members(app, None, 9).await.unwrap().len(), 1);
    }
}

async fn an_administrator_may_leave_an_app_to_administrators(store: &TestStore) {
    let (admin, eve, _, app) = three(store).await;
    store.set_member(app, &eve.username, Role::Owner, admin.id).await.unwrap().unwrap();
    store.set_member(app, &eve.username, Role::Viewer, admin.id).await.unwrap().unwrap();
    store.set_member(app, &admin.username, Role::Owner, admin.id).await.unwrap().unwrap();
    store.remove_member(app, &admin.username, admin.id).await.unwrap().unwrap();
    assert_eq!(store.members(app, None, 9).await.unwrap(), [member("eve", Role::Viewer)]);
    assert_eq!(store.number("SELECT COUNT(*) FROM apps").await, 1);
    assert_eq!(store.user_by_name("eve").await.unwrap().unwrap().created_at, NOW);
}
