//! Who comes to the routes that answer members only: known by a token that the API gave them. What the database said is
//! kept for as long as it cannot have changed, since every change of this process moves the store's revision. Where other
//! processes may change it, it is asked each time, so that a token that was revoked is dead at once everywhere.

use crate::error::Refused;
use axum::http::{HeaderMap, header};
use picloud_shared::{ids::AppId, time::now_ms, token};
use picloud_store::{Store, Visitor};
use quick_cache::sync::Cache;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Tokens that are kept, counted for each app.
const TOKENS: usize = 10_000;

/// Tokens that are looked up at once, so that however many guess at them, a connection is left for everybody else: with SQLite
/// there are four that read, with PostgreSQL sixteen.
const LOOKUPS: usize = 3;
const LOOKUPS_SHARED: usize = 12;
/// How long a request waits for its turn among them.
const PATIENCE: Duration = Duration::from_secs(1);

/// The SHA-256 of a token, and the app that it was shown to.
type Shown = ([u8; 32], AppId);

#[derive(Clone, Debug)]
pub(crate) struct Visitors {
    store: Store,
    cache: Arc<Cache<Shown, Arc<Kept>>>,
    lookups: Arc<Semaphore>,
}

/// Only tokens that were good are kept, so that no stranger's guesses push them out.
#[derive(Debug)]
struct Kept {
    visitor: Visitor,
    /// The store's revision before the database was asked.
    revision: u64,
}

impl Visitors {
    pub(crate) fn new(store: Store) -> Self {
        let lookups = if store.is_shared() { LOOKUPS_SHARED } else { LOOKUPS };
        Self { store, cache: Arc::new(Cache::new(TOKENS)), lookups: Arc::new(Semaphore::new(lookups)) }
    }

    /// Who it is that comes to the app, a member of it; anybody else is refused.
    pub(crate) async fn member(&self, headers: &HeaderMap, app: AppId) -> Result<Visitor, Refused> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let header = match (values.next(), values.next()) {
            (Some(one), None) => one.to_str().ok(),
            _ => None,
        };
        let sha256 = header.and_then(token::sha256_in).ok_or(Refused::Unauthorized)?;
        admitted(self.visitor(sha256, app).await?)
    }

    async fn visitor(&self, sha256: [u8; 32], app: AppId) -> Result<Option<Visitor>, Refused> {
        // Read before the database is: what changes meanwhile is seen at the next request.
        let (revision, now) = (self.store.revision(), now_ms());
        if let Some(kept) = self.cache.get(&(sha256, app))
            && kept.revision == revision
            && kept.visitor.expires_at > now
            && !Store::is_use_news(kept.visitor.last_used_at, now)
        {
            return Ok(Some(kept.visitor.clone()));
        }
        let permit = tokio::time::timeout(PATIENCE, self.lookups.acquire()).await;
        let _permit = permit.map_err(|_| Refused::Overloaded)?;
        let mut visitor = Box::pin(self.store.visitor(&sha256, app, now)).await.map_err(|error| {
            tracing::error!(%error, "a token cannot be looked up");
            Refused::Internal
        })?;
        if let Some(visitor) = &mut visitor
            && Store::is_use_news(visitor.last_used_at, now)
        {
            match Box::pin(self.store.note_use(visitor.token, now)).await {
                Ok(()) => visitor.last_used_at = Some(now),
                Err(error) => tracing::warn!(%error, "when a token was used is not kept"),
            }
        }
        if let Some(visitor) = &visitor
            && !self.store.is_shared()
        {
            self.cache.insert((sha256, app), Arc::new(Kept { visitor: visitor.clone(), revision }));
        }
        Ok(visitor)
    }
}

fn admitted(visitor: Option<Visitor>) -> Result<Visitor, Refused> {
    match visitor {
        None => Err(Refused::Unauthorized),
        Some(visitor) if visitor.member => Ok(visitor),
        // To a stranger what is the members' does not exist.
        Some(_) => Err(Refused::NoRoute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_shared::ids::{TokenId, UserId};
    use picloud_store::{Database, NewToken, NewTokenKind, NewUser};

    #[tokio::test]
    async fn a_token_is_asked_for_once_and_dead_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&Database::Sqlite(directory.path().into())).await.unwrap();
        let (user, app, now) = (UserId::new(), AppId::new(), now_ms());
        let new = NewUser { id: user, username: "ada".parse().unwrap(), password_hash: String::new(), now };
        assert!(store.create_first_user(new).await.unwrap());
        let token = token::of_secret(&"0".repeat(64));
        let sha256 = token::sha256(&token);
        let (id, kind) = (TokenId::new(), NewTokenKind::Session { password_hash: String::new() });
        let new = NewToken { id, user, sha256, kind, now, expires_at: now + 3_600_000 };
        store.create_token(new).await.unwrap().unwrap();

        let visitors = Visitors::new(store.clone());
        let bearer = HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        let before = store.queries();
        for _ in 0..3 {
            assert_eq!(visitors.member(&bearer, app).await.unwrap().username.as_str(), "ada");
        }
        assert_eq!(store.queries(), before + 1);
        let mut twice = bearer.clone();
        twice.append(header::AUTHORIZATION, bearer[header::AUTHORIZATION].clone());
        for headers in [HeaderMap::new(), twice] {
            assert!(matches!(visitors.member(&headers, app).await, Err(Refused::Unauthorized)), "{headers:?}");
        }
        assert!(store.delete_token(user, id).await.unwrap());
        assert!(matches!(visitors.member(&bearer, app).await, Err(Refused::Unauthorized)));
    }

    #[test]
    fn to_a_stranger_there_is_no_such_route() {
        let visitor = |member| Visitor {
            username: "eve".parse().unwrap(),
            member,
            token: TokenId::new(),
            expires_at: 0,
            last_used_at: None,
        };
        assert!(admitted(Some(visitor(true))).is_ok());
        assert!(matches!(admitted(Some(visitor(false))), Err(Refused::NoRoute)));
        assert!(matches!(admitted(None), Err(Refused::Unauthorized)));
    }
}
