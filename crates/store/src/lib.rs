//! The only SQL of PiCloud: SQLite and PostgreSQL behind one concrete type. It keeps and finds what it is given; it has
//! no clock but the database's, no timer and no policy, and sends no statement that nobody asked for.

#[macro_use]
mod pool;
#[macro_use]
mod query;

mod activate;
mod apps;
mod audit;
mod batch;
mod commit;
mod dead_letter_bound;
mod dead_letters;
mod deliveries;
mod delivery_list;
mod deploy;
mod deployments;
mod domains;
mod due;
mod empty;
mod error;
mod files;
mod finished;
mod gone;
mod imports;
mod invitations;
mod invocations;
mod kv;
mod logs;
mod members;
mod open;
mod page;
mod record;
mod recorded;
mod releases;
mod retention;
mod revisions;
mod rollback;
mod rows;
mod schedules;
mod scripts;
mod secrets;
mod stats;
mod tail;
mod tokens;
mod topics;
mod usage;
mod users;
mod vars;
mod wake;
mod warrants;
mod writer;

pub use activate::{NewVersion, Put, PutRefused};
pub use apps::{App, AppChanges, CreateRefused, Membership, NewApp, UpdateRefused};
pub use audit::{AuditEntry, AuditFilter};
pub use dead_letter_bound::{KeptDeadLetters, RemovedDeadLetters};
pub use dead_letters::{DeadLetter, ReplayRefused};
pub use deliveries::{Claimed, Claims, Lease, Occasion, Settlement};
pub use delivery_list::{Delivery, DeliveryFilter};
pub use deploy::{DeployRefused, LimitsBy, NewRelease};
pub use deployments::{DeployedRoute, Deployment};
pub use domains::{AddRefused, Added, Domain};
pub use due::{AppDeliveries, Due};
pub use error::StoreError;
pub use files::{FileInfo, WriteRefused};
pub use finished::{Finished, InvocationStart, NewInvocation};
pub use imports::ActiveVersion;
pub use invitations::{AcceptRefused, Accepting, Invitation, InviteRefused, InvitedTo, NewInvitation};
pub use invocations::{Found, Invocation, InvocationFilter};
pub use kv::{IncrRefused, KvEntry, KvFull, KvRoom, KvValue, NotANumber, TooMuch};
pub use logs::{LogFilter, StoredLog};
pub use members::{Member, MemberRefused, RoleGiven};
pub use open::Database;
pub use recorded::LogsHeard;
pub use releases::{RELEASES, ReleaseContent};
pub use retention::KeptRecords;
pub use rollback::{RollbackRefused, Target};
pub use schedules::{Fired, RunRefused, StoredSchedule};
pub use scripts::{DeleteRefused, Script, Version};
pub use secrets::AppSettings;
pub use stats::{BusyScript, StatsOf};
pub use tail::{InvalidPlace, Lines, LogPlace, TailFilter};
pub use tokens::{Credential, NewToken, NewTokenKind, Token, TokenRefused, Visitor};
pub use topics::{NewEvent, PublishRefused, Topic};
pub use usage::{AppUsage, DeliveryCounts, PoolUsage};
pub use users::{NewUser, User, UserChanges, UserRefused};
pub use vars::{SetRefused, Var};
pub use wake::{Heard, Wake};
pub use warrants::{Revoked, Right, Warrant};

use pool::{Pool, Transaction};
use recorded::Recorded;
use revisions::Revisions;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};
use tokio::sync::watch;

/// An open database. Clones share its connections and counters.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
    /// What each transaction begins by writing.
    audit: Option<Arc<AuditEntry>>,
    /// What each transaction begins by looking at.
    warrant: Option<Warrant>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    queries: AtomicU64,
    revisions: Revisions,
    recorded: Recorded,
    /// Entries of the audit log that were written.
    audited: AtomicU64,
    /// Told when a delivery may be due sooner than was known.
    deliveries: watch::Sender<()>,
    /// Told when a schedule may fire sooner than was known.
    schedules: watch::Sender<()>,
    /// Told when something was deleted of which there is more to remove.
    gone: watch::Sender<()>,
}

impl Store {
    /// Waits for running statements and closes the connections. Everything asked afterwards fails.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        with_db!(self, read, db => {
            sqlx::query("SELECT 1").execute(db).await?;
        });
        Ok(())
    }

    /// Statements sent since the store was opened; those that begin and end transactions are not counted.
    pub fn queries(&self) -> u64 {
        self.inner.queries.load(Relaxed)
    }

    /// Whether other processes may change what is stored, which moves a revision here only once it is heard of.
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.pool, Pool::Postgres(_))
    }

    fn count_query(&self) {
        self.inner.queries.fetch_add(1, Relaxed);
    }

    /// For a change of one statement, which needs a transaction only where it is kept in the audit log.
    async fn begin_if_audited(&self) -> Result<Option<Transaction>, StoreError> {
        match self.audit {
            Some(_) => self.begin().await.map(Some),
            None => Ok(None),
        }
    }

    async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut transaction = self.inner.pool.begin().await?;
        if let Some(warrant) = &self.warrant
            && let Err(why) = self.honour(&mut transaction, warrant).await?
        {
            return transaction.unchanged(Err(why.into())).await?;
        }
        if let Some(entry) = &self.audit {
            self.write_audit(&mut transaction, entry).await?;
        }
        Ok(transaction)
    }
}
