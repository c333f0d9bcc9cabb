//! The two kinds of database behind one type: connections, transactions, and the macro through which every statement
//! goes, so that SQL is written once.

use crate::{
    StoreError,
    writer::{Writer, Writing},
};
use sqlx::{PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool};
use std::{
    ops::{Deref, DerefMut},
    panic::resume_unwind,
};

/// Connections.
#[derive(Debug)]
pub(crate) enum Pool {
    /// SQLite has one writer at a time: they queue fairly here instead of retrying on its lock.
    Sqlite {
        read: SqlitePool,
        write: Writer,
    },
    Postgres(PgPool),
}

/// A transaction. Rolled back when dropped.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(SqliteTransaction),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

#[derive(Debug)]
pub(crate) enum SqliteTransaction {
    Reads(sqlx::Transaction<'static, Sqlite>),
    Writes(Writing),
}

/// Expands an expression that sends one statement, once for each kind of database: `with_db!(store, read, db => …)`
/// outside of transactions (or `write`), `with_db!(store, &mut transaction, db => …)` in one, and
/// `with_db!(store, maybe transaction, db => …)` in one if there is one.
macro_rules! with_db {
    ($store:expr, read, $db:ident => $body:expr) => {{
        $store.count_query();
        match &$store.inner.pool {
            $crate::pool::Pool::Sqlite { read: $db, .. } => $body,
            $crate::pool::Pool::Postgres($db) => $body,
        }
    }};
    ($store:expr, write, $db:ident => $body:expr) => {{
        $store.count_query();
        match &$store.inner.pool {
            $crate::pool::Pool::Sqlite { write, .. } => {
                let mut transaction = $crate::pool::SqliteTransaction::Writes(write.begin().await?);
                let $db = &mut *transaction;
                let done = $body;
                $crate::pool::Transaction::Sqlite(transaction).commit().await?;
                done
            }
            $crate::pool::Pool::Postgres($db) => $body,
        }
    }};
    ($store:expr, maybe $transaction:expr, $db:ident => $body:expr) => {
        match &mut $transaction {
            None => with_db!($store, write, $db => $body),
            Some(transaction) => with_db!($store, transaction, $db => $body),
        }
    };
    ($store:expr, $transaction:expr, $db:ident => $body:expr) => {{
        $store.count_query();
        match $transaction {
            $crate::pool::Transaction::Sqlite(transaction) => {
                let $db = &mut **transaction;
                $body
            }
            $crate::pool::Transaction::Postgres(transaction) => {
                let $db = &mut **transaction;
                $body
            }
        }
    }};
}

impl Pool {
    /// On SQLite it is the only writer from here on; on PostgreSQL (READ COMMITTED) rows are locked as they are written.
    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction> {
        Ok(match self {
            Self::Sqlite { write, .. } => Transaction::Sqlite(SqliteTransaction::Writes(write.begin().await?)),
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// All statements of it see the database at one moment.
    pub(crate) async fn begin_read(&self) -> sqlx::Result<Transaction> {
        Ok(match self {
            Self::Sqlite { read, .. } => Transaction::Sqlite(SqliteTransaction::Reads(read.begin().await?)),
            Self::Postgres(pool) => {
                Transaction::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                // The writer last: the last connection to close folds the log into the file, which readers may not.
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> sqlx::Result<()> {
        self.commit_and(|| ()).await
    }

    /// Commits, and then does this. Whoever asked for it may go meanwhile: it is done all the same.
    pub(crate) async fn commit_and(self, then: impl FnOnce() + Send + 'static) -> sqlx::Result<()> {
        let committed = tokio::spawn(async move {
            let committed = match self {
                Self::Sqlite(SqliteTransaction::Reads(transaction)) => transaction.commit().await,
                Self::Sqlite(SqliteTransaction::Writes(transaction)) => transaction.commit().await,
                Self::Postgres(transaction) => transaction.commit().await,
            };
            then();
            committed
        });
        match committed.await {
            Ok(committed) => committed,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The process stops.
                Err(_) => Err(sqlx::Error::WorkerCrashed),
            },
        }
    }

    /// Ends it without a change. The answer is given when what it may have been read from is stored, which others of the same
    /// group may have written on SQLite.
    pub(crate) async fn unchanged<T>(self, answer: T) -> Result<T, StoreError> {
        if let Self::Sqlite(SqliteTransaction::Writes(transaction)) = self {
            transaction.leave().await?;
        }
        Ok(answer)
    }
}

impl Deref for SqliteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match self {
            Self::Reads(transaction) => transaction,
            Self::Writes(transaction) => transaction,
        }
    }
}

impl DerefMut for SqliteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Reads(transaction) => transaction,
            Self::Writes(transaction) => transaction,
        }
    }
}
