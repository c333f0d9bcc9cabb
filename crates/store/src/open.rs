//! Opening a database: connecting, and bringing its tables up to date. Several processes may do so at once.

use crate::{Inner, Store, StoreError, pool::Pool, recorded::Recorded, revisions::Revisions, writer::Writer};
use sqlx::{
    ConnectOptions, Connection, Sqlite,
    migrate::Migrator,
    pool::PoolOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::watch;

static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Where the data is.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// The file `picloud.sqlite3` in this directory; both are made when they are missing.
    Sqlite(PathBuf),
    /// The database of this URL.
    Postgres(String),
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(directory) => f.debug_tuple("Sqlite").field(directory).finish(),
            // The URL holds the password.
            Self::Postgres(_) => f.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
}

/// Connections that only read, beside SQLite's one that writes.
const SQLITE_READERS: u32 = 4;
/// How long a statement waits for a writer of another process.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that SQLite's log keeps when it is begun anew. It is folded into the file at 4 MiB; what one large transaction took beyond
/// would stay for ever.
const SQLITE_LOG: &str = "16777216";
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a statement waits for a connection. Where the disk has much else to do, and on an SD card by itself, one commit
/// may take many seconds, and all other writers wait for it; scripts are bounded by their own time.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

impl Store {
    /// How many reads may go on at once.
    pub fn readers(&self) -> usize {
        let connections = match &self.inner.pool {
            Pool::Sqlite { .. } => SQLITE_READERS,
            Pool::Postgres(_) => POSTGRES_CONNECTIONS,
        };
        connections as usize
    }

    /// Connects and brings the tables up to date.
    ///
    /// # Errors
    /// When the database cannot be reached or used, or its tables are newer than this program.
    pub async fn open(database: &Database) -> Result<Self, StoreError> {
        let pool = match database {
            Database::Sqlite(directory) => open_sqlite(directory).await?,
            Database::Postgres(url) => open_postgres(url).await?,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                pool,
                queries: AtomicU64::new(0),
                revisions: Revisions::new(),
                recorded: Recorded::default(),
                audited: AtomicU64::new(0),
                deliveries: watch::Sender::new(()),
                schedules: watch::Sender::new(()),
                gone: watch::Sender::new(()),
            }),
            audit: None,
            warrant: None,
        })
    }
}

async fn open_sqlite(directory: &Path) -> Result<Pool, StoreError> {
    let file = directory.join("picloud.sqlite3");
    // Held until this function ends.
    let _lock = {
        let (directory, file) = (directory.to_owned(), file.clone());
        let prepared = tokio::task::spawn_blocking(move || {
            prepare_directory(&directory, &file).map_err(|source| StoreError::DataDirectory { path: directory, source })
        });
        prepared.await.map_err(|e| StoreError::Database(sqlx::Error::Io(io::Error::other(e))))??
    };
    let options = SqliteConnectOptions::new()
        .filename(&file)
        .foreign_keys(true)
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .disable_statement_logging();
    // Only a database that is new can still choose how its free pages are kept.
    let writer = options
        .clone()
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .pragma("journal_size_limit", SQLITE_LOG)
        .synchronous(SqliteSynchronous::Full);
    let migrating = without_timers::<Sqlite>(1).connect_with(writer.clone()).await?;
    SQLITE_MIGRATIONS.run(&migrating).await?;
    migrating.close().await;
    let write = Writer::open(writer).await?;
    let read = without_timers::<Sqlite>(SQLITE_READERS).connect_with(options.read_only(true)).await?;
    Ok(Pool::Sqlite { read, write })
}

/// Makes the directory and the database's file for nobody but their owner, and takes a lock: neither switching to the
/// write-ahead log nor sqlx's migrations wait for another process that does the same.
fn prepare_directory(directory: &Path, file: &Path) -> io::Result<fs::File> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let private =
        |path: &Path, new: bool| fs::OpenOptions::new().write(true).create(!new).create_new(new).mode(0o600).open(path);
    let lock = private(&directory.join("picloud.sqlite3.lock"), false)?;
    lock.lock()?;
    // An existing file is not even opened: closing it again would drop the locks that this process may hold on it
    // through SQLite.
    match private(file, true) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(lock),
    }
}

async fn open_postgres(url: &str) -> Result<Pool, StoreError> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name("picloud").disable_statement_logging();
    // Where the server cannot be reached this says why; the pool would try until its time is up and say only that.
    options.connect().await?.close().await?;
    let pool = without_timers(POSTGRES_CONNECTIONS).connect_with(options).await?;
    POSTGRES_MIGRATIONS.run(&pool).await?;
    Ok(Pool::Postgres(pool))
}

/// A pool with no maintenance task, so that an idle process never wakes up, and with no round trip before a statement.
fn without_timers<DB: sqlx::Database>(connections: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
