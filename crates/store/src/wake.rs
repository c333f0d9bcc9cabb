//! Hearing of deliveries without asking for them: from this process, and on PostgreSQL from all others. Also the
//! database's clock, by which they are due.

use crate::{
    Store, StoreError,
    pool::{Pool, Transaction},
};
use picloud_shared::time::TimestampMs;
use sqlx::postgres::PgListener;
use tokio::sync::watch;

/// What PostgreSQL's NOTIFY is sent to.
const CHANNEL: &str = "picloud_deliveries";

/// Hears of deliveries that may be due sooner than was known.
#[derive(Debug)]
pub struct Wake {
    here: watch::Receiver<()>,
    elsewhere: Option<PgListener>,
}

impl Wake {
    /// Ends when there is something to look for, be it that what others said may have been missed.
    ///
    /// # Errors
    /// When the database cannot be listened to any more.
    pub async fn heard(&mut self) -> Result<(), StoreError> {
        match &mut self.elsewhere {
            None => {
                // It cannot be closed: the store holds the other end, and whoever waits here holds the store.
                let _ = self.here.changed().await;
            }
            Some(elsewhere) => tokio::select! {
                _ = self.here.changed() => {}
                // Nothing stands for a connection that was lost and is made anew.
                heard = elsewhere.try_recv() => {
                    heard?;
                    // One look serves all that has been said by now.
                    while elsewhere.next_buffered().is_some() {}
                }
            },
        }
        Ok(())
    }

    /// Whether other processes may have deliveries that this one hears of only while the database lets it listen.
    pub const fn has_others(&self) -> bool {
        self.elsewhere.is_some()
    }
}

impl Store {
    /// Hears of all that is published from now on. On PostgreSQL this takes one connection for good.
    ///
    /// # Errors
    /// When the database cannot be listened to.
    pub async fn wake(&self) -> Result<Wake, StoreError> {
        let here = self.inner.deliveries.subscribe();
        let elsewhere = match &self.inner.pool {
            Pool::Sqlite { .. } => None,
            Pool::Postgres(pool) => {
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen(CHANNEL).await?;
                Some(listener)
            }
        };
        Ok(Wake { here, elsewhere })
    }

    /// Tells the other processes once the transaction is committed; PostgreSQL makes one message of several.
    pub(crate) async fn notify(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if let Transaction::Postgres(transaction) = transaction {
            self.count_query();
            sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Tells this process. To be called after the commit.
    pub(crate) fn deliveries_changed(&self) {
        self.inner.deliveries.send_replace(());
    }

    /// What the database's clock says.
    pub(crate) async fn database_time(&self, transaction: &mut Transaction) -> Result<TimestampMs, StoreError> {
        let clock = match transaction {
            Transaction::Sqlite(_) => "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Transaction::Postgres(_) => "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        };
        Ok(with_db!(self, transaction, db => sqlx::query_scalar(clock).fetch_one(db).await?))
    }
}
