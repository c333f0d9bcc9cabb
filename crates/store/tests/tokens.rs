//! Tokens: whose they are, what they are for, and when they end.

use crate::fixture::{NOW, TestStore, bearer, cases};
use futures_util::future::join_all;
use picloud_shared::{
    api::Role,
    ids::{AppId, TokenId},
    limits::{USER_API_TOKENS, USER_SESSIONS},
};
use picloud_store::{Credential, NewToken, NewTokenKind, Store, TokenRefused, User, UserChanges};

cases! {
    a_token_is_its_users_until_it_expires
    a_deleted_token_is_nobodys
    a_visitor_is_a_member_or_a_stranger
    new_tokens_sweep_out_expired_ones
    what_was_shown_for_a_token_has_to_be_good_still
    a_user_has_so_many_api_tokens_and_no_more
    of_too_many_sessions_the_oldest_end
    a_token_has_no_higher_role_than_its_own
    a_token_for_some_apps_shows_no_others
    tokens_are_listed_with_what_they_are_for
    when_a_token_was_used_is_known_to_the_hour
}

/// An API token, made in a session.
pub(crate) async fn api_token(
    store: &Store,
    user: &User,
    session: TokenId,
    sha256: [u8; 32],
    role: Option<Role>,
    apps: Option<Vec<AppId>>,
) -> Result<TokenId, TokenRefused> {
    let id = TokenId::new();
    let kind = NewTokenKind::Api { session, name: "n\0".to_owned(), role, apps };
    let new = NewToken { id, user: user.id, sha256, kind, now: NOW, expires_at: NOW + 10 };
    store.create_token(new).await.unwrap().map(|()| id)
}

async fn whose(store: &TestStore, byte: u8, now: i64) -> Option<Credential> {
    store.credential(&[byte; 32], now).await.unwrap()
}

async fn a_token_is_its_users_until_it_expires(store: &TestStore) {
    let user = store.admin().await;
    let id = store.session(&user, [7; 32]).await;
    let found = whose(store, 7, NOW + 9).await.unwrap();
    assert_eq!(found, Credential { token: id, last_used_at: Some(NOW), ..bearer(&user) });
    assert!(found.is_admin() && found.may_create_apps() && !found.is_scoped());
    assert_eq!(whose(store, 7, NOW + 10).await, None);
    assert_eq!(whose(store, 8, NOW).await, None);
}

async fn a_deleted_token_is_nobodys(store: &TestStore) {
    let user = store.admin().await;
    let other = store.user(&user, "eve", false).await;
    let (first, second) = (store.session(&user, [0; 32]).await, store.session(&user, [255; 32]).await);
    assert!(!store.delete_token(other.id, first).await.unwrap(), "somebody else's");
    let before = store.revision();
    assert!(store.delete_token(user.id, first).await.unwrap());
    assert!(store.revision() > before);
    assert!(!store.delete_token(user.id, first).await.unwrap());
    assert_eq!(whose(store, 0, NOW).await, None);
    assert_eq!(whose(store, 255, NOW).await.unwrap().token, second);
}

async fn a_visitor_is_a_member_or_a_stranger(store: &TestStore) {
    let user = store.admin().await;
    let (shop, other) = (store.app("shop").await, store.app("other").await);
    let id = store.session(&user, [7; 32]).await;
    let visitor = async |app: AppId, now| store.visitor(&[7; 32], app, now).await.unwrap();
    // An administrator is a member of every app, others of those that they have a role in.
    let seen = visitor(other.id, NOW).await.unwrap();
    assert_eq!((seen.username, seen.member, seen.expires_at, seen.token), (user.username.clone(), true, NOW + 10, id));
    store.execute("UPDATE users SET admin = FALSE").await;
    assert!(!visitor(shop.id, NOW).await.unwrap().member);
    store
        .execute("INSERT INTO memberships SELECT a.id, u.id, 'viewer' FROM apps a, users u WHERE a.slug = 'shop'")
        .await;
    assert!(visitor(shop.id, NOW).await.unwrap().member);
    assert!(!visitor(other.id, NOW).await.unwrap().member);

    // A token for some apps opens no others, whoever its user is.
    api_token(store, &user, id, [6; 32], None, Some(vec![other.id])).await.unwrap();
    let scoped = async |app: AppId| store.visitor(&[6; 32], app, NOW).await.unwrap().unwrap().member;
    assert!(!scoped(shop.id).await && !scoped(other.id).await, "no member of the one, no token for the other");
    store.execute("UPDATE users SET admin = TRUE").await;
    assert!(!scoped(shop.id).await && scoped(other.id).await);

    assert_eq!(visitor(shop.id, NOW + 10).await, None);
    assert_eq!(store.visitor(&[8; 32], shop.id, NOW).await.unwrap(), None);
    store.execute("UPDATE users SET disabled = TRUE").await;
    assert_eq!(visitor(shop.id, NOW).await, None);
    store.execute("UPDATE users SET disabled = FALSE").await;
    let before = store.revision();
    assert!(store.delete_token(user.id, id).await.unwrap());
    assert!(store.revision() > before);
    assert_eq!(visitor(shop.id, NOW).await, None);
}

async fn new_tokens_sweep_out_expired_ones(store: &TestStore) {
    let user = store.admin().await;
    for n in 0..5u8 {
        let now = NOW + i64::from(n) * 10;
        let kind = NewTokenKind::Session { password_hash: user.password_hash.clone() };
        let token = NewToken { id: TokenId::new(), user: user.id, sha256: [n; 32], kind, now, expires_at: now + 15 };
        store.create_token(token).await.unwrap().unwrap();
    }
    assert_eq!(store.number("SELECT COUNT(*) FROM tokens").await, 2);
}

async fn what_was_shown_for_a_token_has_to_be_good_still(store: &TestStore) {
    let admin = store.admin().await;
    let user = store.user(&admin, "eve", false).await;
    let session = store.session(&user, [1; 32]).await;
    let sign_in = async |hash: &str, byte: u8| {
        let kind = NewTokenKind::Session { password_hash: hash.to_owned() };
        let new =
            NewToken { id: TokenId::new(), user: user.id, sha256: [byte; 32], kind, now: NOW, expires_at: NOW + 10 };
        store.create_token(new).await.unwrap()
    };
    assert_eq!(sign_in("hash of an older password", 2).await, Err(TokenRefused::Ended));
    let others = store.session(&admin, [3; 32]).await;
    assert_eq!(api_token(store, &user, others, [4; 32], None, None).await, Err(TokenRefused::Ended));
    let api = api_token(store, &user, session, [5; 32], None, None).await.unwrap();
    assert_eq!(api_token(store, &user, api, [6; 32], None, None).await, Err(TokenRefused::Ended), "no session");
    store.delete_token(user.id, session).await.unwrap();
    assert_eq!(api_token(store, &user, session, [7; 32], None, None).await, Err(TokenRefused::Ended));
    assert_eq!(sign_in("hash of eve", 8).await, Ok(()));
    let disabled = UserChanges { disabled: Some(true), ..UserChanges::default() };
    store.update_user(&user.username, disabled, admin.id).await.unwrap().unwrap();
    assert_eq!(sign_in("hash of eve", 9).await, Err(TokenRefused::Ended));
    store.delete_user(&user.username, admin.id).await.unwrap().unwrap();
    assert_eq!(sign_in("hash of eve", 9).await, Err(TokenRefused::Ended));
}

async fn a_user_has_so_many_api_tokens_and_no_more(store: &TestStore) {
    let user = store.admin().await;
    let session = store.session(&user, [255; 32]).await;
    for n in 0..USER_API_TOKENS as u8 - 1 {
        api_token(store, &user, session, [n; 32], None, None).await.unwrap();
    }
    // However many come at once.
    let made = join_all((200..208).map(|n| api_token(store, &user, session, [n; 32], None, None))).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
    assert!(made.contains(&Err(TokenRefused::TooMany(USER_API_TOKENS))));
    // Signing in goes on.
    store.session(&user, [254; 32]).await;
    // Those that have expired make room.
    store.execute("UPDATE tokens SET expires_at = 1 WHERE name IS NOT NULL").await;
    api_token(store, &user, session, [210; 32], None, None).await.unwrap();
}

async fn of_too_many_sessions_the_oldest_end(store: &TestStore) {
    let user = store.admin().await;
    let first = store.session(&user, [1; 32]).await;
    api_token(store, &user, first, [2; 32], None, None).await.unwrap();
    let mut hash = [0; 32];
    let before = store.revision();
    for n in 1..USER_SESSIONS {
        hash[..8].copy_from_slice(&(1_000 + n).to_le_bytes());
        store.session(&user, hash).await;
    }
    assert!(whose(store, 1, NOW).await.is_some());
    assert_eq!(store.revision(), before, "nothing that anybody keeps in memory has changed");
    store.session(&user, [3; 32]).await;
    assert!(store.revision() > before);
    assert!(whose(store, 1, NOW).await.is_none() && whose(store, 2, NOW).await.is_some());
    assert!(whose(store, 3, NOW).await.is_some() && store.credential(&hash, NOW).await.unwrap().is_some());
}

async fn a_token_has_no_higher_role_than_its_own(store: &TestStore) {
    let admin = store.admin().await;
    let user = store.user(&admin, "eve", false).await;
    let app = store.app("shop").await;
    let session = store.session(&user, [255; 32]).await;
    for (byte, cap) in [None, Some(Role::Viewer), Some(Role::Editor), Some(Role::Owner)].into_iter().enumerate() {
        let byte = byte as u8;
        api_token(store, &user, session, [byte; 32], cap, None).await.unwrap();
        for role in [Role::Viewer, Role::Editor, Role::Owner] {
            store.set_member(app.id, &user.username, role, admin.id).await.unwrap().unwrap();
            let credential = whose(store, byte, NOW).await.unwrap();
            assert!(!credential.session && credential.is_scoped() == cap.is_some());
            let expected = cap.map_or(role, |cap| cap.min(role));
            let seen = store.app_for(&credential, &app.slug).await.unwrap().unwrap();
            assert_eq!((seen.role, seen.app.id), (expected, app.id));
            assert_eq!(store.apps_for(&credential, None, 100).await.unwrap()[0].role, expected);
        }
    }
    // An administrator is an owner everywhere, and with such a token no administrator.
    let session = store.session(&admin, [254; 32]).await;
    api_token(store, &admin, session, [100; 32], Some(Role::Editor), None).await.unwrap();
    let credential = whose(store, 100, NOW).await.unwrap();
    assert!(!credential.is_admin() && !credential.may_create_apps());
    assert_eq!(store.app_for(&credential, &app.slug).await.unwrap().unwrap().role, Role::Editor);
}

async fn a_token_for_some_apps_shows_no_others(store: &TestStore) {
    let admin = store.admin().await;
    let (shop, other) = (store.app("shop").await, store.app("other").await);
    let session = store.session(&admin, [255; 32]).await;
    api_token(store, &admin, session, [1; 32], None, Some(vec![shop.id, shop.id, AppId::new()])).await.unwrap();
    let credential = whose(store, 1, NOW).await.unwrap();
    assert!(credential.is_scoped() && !credential.is_admin());
    assert_eq!(store.app_for(&credential, &shop.slug).await.unwrap().unwrap().role, Role::Owner);
    assert!(store.app_for(&credential, &other.slug).await.unwrap().is_none());
    assert_eq!(store.apps_for(&credential, None, 100).await.unwrap().len(), 1);
    // When its app is deleted it is for none, and not for another that takes its slug.
    store.delete_app(shop.id).await.unwrap();
    let again = store.app("shop").await;
    assert!(store.app_for(&credential, &again.slug).await.unwrap().is_none());
    assert!(store.apps_for(&whose(store, 1, NOW).await.unwrap(), None, 100).await.unwrap().is_empty());
}

async fn tokens_are_listed_with_what_they_are_for(store: &TestStore) {
    let admin = store.admin().await;
    let other = store.user(&admin, "eve", false).await;
    store.session(&other, [9; 32]).await;
    let (shop, demo) = (store.app("shop").await, store.app("demo").await);
    let session = store.session(&admin, [1; 32]).await;
    let all = api_token(store, &admin, session, [2; 32], Some(Role::Viewer), None).await.unwrap();
    let some = api_token(store, &admin, session, [3; 32], None, Some(vec![shop.id, demo.id])).await.unwrap();
    let listed = store.tokens(admin.id, None, 9, NOW).await.unwrap();
    assert_eq!(listed.iter().map(|token| token.id).collect::<Vec<_>>(), [some, all, session]);
    let slugs = Some(vec![demo.slug.clone(), shop.slug.clone()]);
    assert_eq!((&listed[0].apps, listed[0].role, listed[0].name.as_deref()), (&slugs, None, Some("n\0")));
    assert_eq!((&listed[1].apps, listed[1].role, listed[1].last_used_at), (&None, Some(Role::Viewer), None));
    let of_session = &listed[2];
    assert_eq!((&of_session.name, of_session.created_at, of_session.expires_at), (&None, NOW, NOW + 10));
    let next = store.tokens(admin.id, Some(some), 1, NOW).await.unwrap();
    assert_eq!(next.iter().map(|token| token.id).collect::<Vec<_>>(), [all]);
    assert!(store.tokens(admin.id, None, 9, NOW + 10).await.unwrap().is_empty(), "they have expired");
}

async fn when_a_token_was_used_is_known_to_the_hour(store: &TestStore) {
    const HOUR: i64 = 3_600_000;
    let admin = store.admin().await;
    let session = store.session(&admin, [1; 32]).await;
    let api = api_token(store, &admin, session, [2; 32], None, None).await.unwrap();
    assert!(!Store::is_use_news(Some(NOW), NOW + HOUR - 1) && Store::is_use_news(Some(NOW), NOW + HOUR));
    // A clock that was set back is waited for.
    assert!(Store::is_use_news(None, NOW) && !Store::is_use_news(Some(NOW), 0));
    let before = store.revision();
    store.note_use(api, NOW + 5).await.unwrap();
    assert_eq!(store.revision(), before);
    assert_eq!(whose(store, 2, NOW).await.unwrap().last_used_at, Some(NOW + 5));
    assert_eq!(store.visitor(&[2; 32], AppId::new(), NOW).await.unwrap().unwrap().last_used_at, Some(NOW + 5));
    store.note_use(TokenId::new(), NOW).await.unwrap();
}
