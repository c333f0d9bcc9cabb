//! Hearing of deliveries without asking for them: from this process, and on PostgreSQL from all others, which also say
//! what caches have to know. Also the database's clock, by which deliveries are due.

use crate::{
    Store, StoreError,
    pool::{Pool, Transaction},
};
use picloud_shared::time::TimestampMs;
use sqlx::{PgPool, postgres::PgListener};
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

/// Hears of deliveries and schedules that may be due sooner than was known. While somebody waits for that, the store's
/// revisions move with what other processes change.
#[derive(Debug)]
pub struct Wake {
    here: watch::Receiver<()>,
    schedules: watch::Receiver<()>,
    elsewhere: Option<Elsewhere>,
}

/// What other processes say.
#[derive(Debug)]
struct Elsewhere {
    store: Store,
    pool: PgPool,
    /// `None` after it has failed, until there is another.
    listener: Option<PgListener>,
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

async fn heard_elsewhere(elsewhere: Option<&mut Elsewhere>) -> Result<Heard, StoreError> {
    match elsewhere {
        Some(elsewhere) => elsewhere.heard().await,
        None => pending().await,
    }
}

impl Elsewhere {
    async fn listen(store: Store, pool: PgPool) -> Result<Self, StoreError> {
        let mut elsewhere = Self { store, pool, listener: None };
        elsewhere.listen_again().await?;
        Ok(elsewhere)
    }

    async fn listen_again(&mut self) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        self.listener = Some(listener);
        // What was said while nobody listened.
        self.store.inner.revisions.doubt();
        Ok(())
    }

    async fn heard(&mut self) -> Result<Heard, StoreError> {
        loop {
            let Some(listener) = &mut self.listener else {
                self.listen_again().await?;
                return Ok(Heard::Schedules);
            };
            let first = match listener.try_recv().await {
                Ok(Some(first)) => first,
                // The connection was lost, and made anew.
                Ok(None) => {
                    self.store.inner.revisions.doubt();
                    return Ok(Heard::Schedules);
                }
                Err(error) => {
                    self.listener = None;
                    return Err(error.into());
                }
            };
            // One look serves all that has been said by now.
            let mut heard = None;
            let mut next = Some(first);
            while let Some(said) = next {
                if !self.store.inner.revisions.take_note(said.payload()) {
                    let schedules = said.payload() == SCHEDULES || heard == Some(Heard::Schedules);
                    heard = Some(if schedules { Heard::Schedules } else { Heard::Deliveries });
                }
                next = listener.next_buffered();
            }
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }
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
            Pool::Postgres(pool) => Some(Elsewhere::listen(self.clone(), pool.clone()).await?),
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

    pub(crate) async fn notify(&self, transaction: &mut Transaction, what: &str) -> Result<(), StoreError> {
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
