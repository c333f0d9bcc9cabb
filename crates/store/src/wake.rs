//! Hearing of deliveries without asking for them: from this process, and on PostgreSQL from all others. Also the
//! database's clock, by which they are due.

use crate::{
    Store, StoreError,
    pool::{Pool, Transaction},
};
use picloud_shared::time::TimestampMs;
use sqlx::postgres::PgListener;
use std::future::pending;
use tokio::sync::watch;

/// What PostgreSQL's NOTIFY is sent to.
const CHANNEL: &str = "picloud_deliveries";
/// What is said there when schedules have changed; nothing when deliveries have.
const SCHEDULES: &str = "schedules";

/// What was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Deliveries, and nothing else.
    Deliveries,
    /// Schedules that may fire sooner than was known, be it that what others said may have been missed.
    Schedules,
}

/// Hears of deliveries and schedules that may be due sooner than was known.
#[derive(Debug)]
pub struct Wake {
    here: watch::Receiver<()>,
    schedules: watch::Receiver<()>,
    elsewhere: Option<PgListener>,
}

impl Wake {
    /// Ends when there is something to look for, be it that what others said may have been missed.
    ///
    /// # Errors
    /// When the database cannot be listened to any more.
    pub async fn heard(&mut self) -> Result<Heard, StoreError> {
        // Neither can be closed: the store holds the other ends, and whoever waits here holds the store.
        tokio::select! {
            _ = self.schedules.changed() => Ok(Heard::Schedules),
            _ = self.here.changed() => Ok(Heard::Deliveries),
            heard = heard_elsewhere(self.elsewhere.as_mut()) => heard,
        }
    }

    /// Whether other processes may have deliveries that this one hears of only while the database lets it listen.
    pub const fn has_others(&self) -> bool {
        self.elsewhere.is_some()
    }
}

/// One look serves all that has been said by now.
async fn heard_elsewhere(listener: Option<&mut PgListener>) -> Result<Heard, StoreError> {
    let Some(listener) = listener else { return pending().await };
    // Nothing stands for a connection that was lost and is made anew.
    let first = listener.try_recv().await?;
    let mut schedules = first.is_none_or(|first| first.payload() == SCHEDULES);
    while let Some(next) = listener.next_buffered() {
        schedules |= next.payload() == SCHEDULES;
    }
    Ok(if schedules { Heard::Schedules } else { Heard::Deliveries })
}

impl Store {
    /// Hears of all that is published from now on. On PostgreSQL this takes one connection for good.
    ///
    /// # Errors
    /// When the database cannot be listened to.
    pub async fn wake(&self) -> Result<Wake, StoreError> {
        let (here, schedules) = (self.inner.deliveries.subscribe(), self.inner.schedules.subscribe());
        let elsewhere = match &self.inner.pool {
            Pool::Sqlite { .. } => None,
            Pool::Postgres(pool) => {
                let mut listener = PgListener::connect_with(pool).await?;
                listener.listen(CHANNEL).await?;
                Some(listener)
            }
        };
        Ok(Wake { here, schedules, elsewhere })
    }

    /// Tells the other processes once the transaction is committed; PostgreSQL makes one message of several.
    pub(crate) async fn notify_deliveries(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        self.notify(transaction, "").await
    }

    /// The same of schedules.
    pub(crate) async fn notify_schedules(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        self.notify(transaction, SCHEDULES).await
    }

    async fn notify(&self, transaction: &mut Transaction, what: &str) -> Result<(), StoreError> {
        if let Transaction::Postgres(transaction) = transaction {
            self.count_query();
            sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(what).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Tells this process. To be called after the commit.
    pub(crate) fn deliveries_changed(&self) {
        self.inner.deliveries.send_replace(());
    }

    /// The same of schedules.
    pub(crate) fn schedules_changed(&self) {
        self.inner.schedules.send_replace(());
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
