//! An open store of each kind, and what most cases begin with.

use picloud_shared::{
    ids::{AppId, InvitationId, ScriptId, TokenId, UserId, VersionId},
    names::ScriptName,
    precondition::Precondition,
    route::Route,
};
use picloud_store::{
    Accepting, App, AppChanges, Credential, Database, DeleteRefused, InvitedTo, KvRoom, NewApp, NewInvitation,
    NewToken, NewTokenKind, NewUser, NewVersion, Put, PutRefused, RollbackRefused, Script, Store, StoreError,
    UpdateRefused, User,
};
use sha2::{Digest, Sha256};
use sqlx::{PgPool, SqlitePool};
use std::collections::BTreeSet;
use tempfile::TempDir;

/// As much as anybody wants.
pub(crate) const ROOM: KvRoom = KvRoom { bytes: i64::MAX, entries: i64::MAX };

/// Any time.
pub(crate) const NOW: i64 = 1_700_000_000_000;

/// Makes a test for each database of every case, an `async fn(&TestStore)`.
macro_rules! cases {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&crate::fixture::TestStore::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(&crate::fixture::TestStore::postgres().await).await;
            })*
        }
    };
}
pub(crate) use cases;

/// Expands an expression once for each kind of database, with connections of its own.
macro_rules! past_the_store {
    ($store:expr, $pool:ident => $body:expr) => {
        match &$store.database {
            Database::Sqlite(directory) => {
                let file = directory.join("picloud.sqlite3");
                let $pool = SqlitePool::connect(file.to_str().unwrap()).await.unwrap();
                let result = $body;
                $pool.close().await;
                result
            }
            Database::Postgres(url) => {
                let $pool = PgPool::connect(url).await.unwrap();
                let result = $body;
                $pool.close().await;
                result
            }
        }
    };
}

/// A store on a database of its own.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) database: Database,
    _directory: Option<TempDir>,
}

impl std::ops::Deref for TestStore {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(directory.path().join("data"));
        Self { store: Store::open(&database).await.unwrap(), database, _directory: Some(directory) }
    }

    pub(crate) async fn postgres() -> Self {
        let database = Database::Postgres(picloud_testkit::postgres::fresh_database());
        Self { store: Store::open(&database).await.unwrap(), database, _directory: None }
    }

    /// A second one on the same database, as another process would have it.
    pub(crate) async fn another(&self) -> Store {
        Store::open(&self.database).await.unwrap()
    }

    /// The source of a version, if there is one.
    pub(crate) async fn source(&self, version: VersionId) -> Option<String> {
        self.sources(&[version]).await.unwrap().remove(&version).map(|(_, source)| source)
    }

    /// Sends a statement past the store.
    pub(crate) async fn execute(&self, sql: &'static str) {
        past_the_store!(self, pool => {
            sqlx::query(sql).execute(&pool).await.unwrap();
        });
    }

    /// Moves all schedules to a slot, past the store.
    pub(crate) async fn make_due(&self, slot: i64) {
        past_the_store!(self, pool => {
            sqlx::query("UPDATE schedules SET next_at = $1").bind(slot).execute(&pool).await.unwrap();
        });
    }

    /// One number, asked past the store.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        past_the_store!(self, pool => sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap())
    }

    /// Texts, asked past the store.
    pub(crate) async fn texts(&self, sql: &'static str) -> BTreeSet<String> {
        past_the_store!(self, pool => {
            sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap().into_iter().collect()
        })
    }

    pub(crate) async fn app(&self, slug: &str) -> App {
        let new = NewApp {
            id: AppId::new(),
            slug: slug.parse().unwrap(),
            name: slug.to_owned(),
            debug: false,
            owner: None,
            now: NOW,
        };
        self.create_app(new).await.unwrap().unwrap()
    }

    /// Removes all that deleted apps and scripts have left.
    pub(crate) async fn remove_all_gone(&self) {
        while self.remove_gone().await.unwrap() {}
    }

    /// As [`Store::put_script`], whatever is there.
    pub(crate) async fn put_script(&self, app: AppId, new: NewVersion) -> Result<Result<Put, PutRefused>, StoreError> {
        self.store.put_script(app, new, &Precondition::None).await
    }

    /// As [`Store::update_app`], whatever is there.
    pub(crate) async fn update_app(
        &self,
        app: AppId,
        changes: AppChanges,
    ) -> Result<Result<App, UpdateRefused>, StoreError> {
        self.store.update_app(app, changes, &Precondition::None).await
    }

    /// As [`Store::rollback`], whatever is there.
    pub(crate) async fn rollback(
        &self,
        app: AppId,
        name: &ScriptName,
        number: Option<i64>,
    ) -> Result<Result<Script, RollbackRefused>, StoreError> {
        self.store.rollback(app, name, number, &Precondition::None).await
    }

    /// As [`Store::delete_script`], whatever is there.
    pub(crate) async fn delete_script(
        &self,
        app: AppId,
        name: &ScriptName,
    ) -> Result<Result<(), DeleteRefused>, StoreError> {
        self.store.delete_script(app, name, &Precondition::None).await
    }

    pub(crate) async fn put(&self, app: AppId, name: &str, source: &str) -> Script {
        self.put_script(app, version(name, source)).await.unwrap().unwrap().script
    }

    /// The first user.
    pub(crate) async fn admin(&self) -> User {
        assert!(self.create_first_user(new_user("admin")).await.unwrap());
        self.user_by_name("admin").await.unwrap().unwrap()
    }

    /// Another user, whom this administrator has invited.
    pub(crate) async fn user(&self, by: &User, name: &str, admin: bool) -> User {
        let sha256 = Sha256::digest(format!("invitation of {name}")).into();
        let to = InvitedTo::Server { admin, create_apps: false };
        let new = NewInvitation { id: InvitationId::new(), sha256, to, by: by.id, now: NOW, expires_at: NOW + 1 };
        self.create_invitation(new).await.unwrap().unwrap();
        self.accept_invitation(&sha256, Accepting::NewUser(new_user(name)), NOW).await.unwrap().unwrap();
        self.user_by_name(name).await.unwrap().unwrap()
    }

    /// A session of a user, with a token of this SHA-256.
    pub(crate) async fn session(&self, user: &User, sha256: [u8; 32]) -> TokenId {
        let id = TokenId::new();
        let kind = NewTokenKind::Session { password_hash: user.password_hash.clone() };
        let new = NewToken { id, user: user.id, sha256, kind, now: NOW, expires_at: NOW + 10 };
        self.create_token(new).await.unwrap().unwrap();
        id
    }
}

/// Somebody with a token that has all of their rights.
pub(crate) fn bearer(user: &User) -> Credential {
    let (user, token) = (user.clone(), TokenId::new());
    Credential { user, token, session: true, role: None, some_apps: false, last_used_at: None }
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser { id: UserId::new(), username: name.parse().unwrap(), password_hash: format!("hash of {name}"), now: NOW }
}

/// With the routes that it would get by default.
pub(crate) fn version(name: &str, source: &str) -> NewVersion {
    NewVersion {
        name: name.parse().unwrap(),
        source: source.to_owned(),
        routes: None,
        topics: None,
        schedules: None,
        imports: BTreeSet::new(),
        author: None,
        now: NOW,
    }
}

pub(crate) fn routed(name: &str, source: &str, of: &[&str]) -> NewVersion {
    NewVersion { routes: Some(routes(of)), ..version(name, source) }
}

pub(crate) fn routes(of: &[&str]) -> Vec<Route> {
    of.iter().map(|route| route.parse().unwrap()).collect()
}

/// Ids that nothing has.
pub(crate) fn unknown() -> (AppId, ScriptId, VersionId) {
    (AppId::new(), ScriptId::new(), VersionId::new())
}
