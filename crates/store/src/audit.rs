//! The table `audit`: who changed what, and from where. An entry is written by the transaction that it is about, so that
//! there is none without a change, and no change without one.

use crate::{
    Store, StoreError,
    pool::Transaction,
    rows::{Json, Optional, to_json},
};
use picloud_shared::{
    ids::{AppId, AuditId, TokenId, UserId},
    limits::{AUDIT_ENTRIES, AUDIT_ENTRIES_OF_USER},
    names::{AppSlug, Username},
    time::TimestampMs,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, QueryBuilder};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// How long an entry is kept: a year.
const KEPT_MS: TimestampMs = 366 * 24 * 60 * 60 * 1_000;

/// How many entries are written before it is looked whether there are too many. Looking goes through the index, and removing takes
/// more each time than came since.
const LOOK_EVERY: u64 = 50;

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: TimestampMs,
    /// By whom; `None`: by nobody who had signed in.
    pub actor: Option<(UserId, Username)>,
    /// With which token.
    pub token: Option<TokenId>,
    /// From where; `None`: from the server's own machine.
    pub address: Option<IpAddr>,
    /// Named as the API's operation.
    pub action: String,
    /// In which app.
    pub app: Option<(AppId, AppSlug)>,
    /// To what of it: a name, in which NUL is kept as `␀`; `None`: the app or the server itself.
    pub target: Option<String>,
    /// What else is to be known: a JSON object, without secrets.
    pub detail: Value,
}

impl AuditEntry {
    /// With one more thing that is to be known.
    #[must_use]
    pub(crate) fn and(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(detail) = self.detail.as_object_mut() {
            detail.insert(name.to_owned(), value.into());
        }
        self
    }
}

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of one app; `None`: of the whole server.
    pub app: Option<AppId>,
    /// By one user.
    pub actor: Option<Username>,
    /// Of one kind: lower-case letters and `_`.
    pub action: Option<String>,
    /// From before one.
    pub before: Option<AuditId>,
    /// At most so many.
    pub limit: u32,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(try_from = "String")]
    id: AuditId,
    at: TimestampMs,
    #[sqlx(try_from = "Option<String>")]
    actor_id: Optional<UserId>,
    #[sqlx(try_from = "Option<String>")]
    actor: Optional<Username>,
    #[sqlx(try_from = "Option<String>")]
    token_id: Optional<TokenId>,
    address: Option<String>,
    action: String,
    #[sqlx(try_from = "Option<String>")]
    app_id: Optional<AppId>,
    #[sqlx(try_from = "Option<String>")]
    app: Optional<AppSlug>,
    target: Option<String>,
    #[sqlx(try_from = "String")]
    detail: Json<Value>,
}

impl Row {
    fn parsed(self) -> Result<(AuditId, AuditEntry), StoreError> {
        let address = self.address.map(|text| text.parse()).transpose();
        let entry = AuditEntry {
            at: self.at,
            actor: self.actor_id.0.zip(self.actor.0),
            token: self.token_id.0,
            address: address.map_err(|_| StoreError::Corrupt(format!("the address of the entry {}", self.id)))?,
            action: self.action,
            app: self.app_id.0.zip(self.app.0),
            target: self.target,
            detail: self.detail.0,
        };
        Ok((self.id, entry))
    }
}

impl Store {
    /// The same store, each of whose transactions begins by writing this entry. It is meant for one change: what reads,
    /// and what changes nothing, leaves none.
    #[must_use]
    pub fn audited(&self, entry: AuditEntry) -> Self {
        Self { audit: Some(Arc::new(entry)), ..self.clone() }
    }

    /// The same store, whose entry tells one thing more; for what is found out only after somebody has asked for it.
    #[must_use]
    pub fn noting(&self, name: &str, value: impl Into<Value>) -> Self {
        let audit = self.audit.as_ref().map(|entry| Arc::new(AuditEntry::clone(entry).and(name, value)));
        Self { audit, ..self.clone() }
    }

    /// Writes an entry about what was no change.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let transaction = self.audited(entry).begin().await?;
        Ok(transaction.commit().await?)
    }

    /// The entries, newest first.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn audit(&self, filter: AuditFilter) -> Result<Vec<(AuditId, AuditEntry)>, StoreError> {
        let rows: Vec<Row> = with_db!(self, read, db => {
            let mut query = QueryBuilder::new(
                "SELECT id, at, actor_id, actor, token_id, address, action, app_id, app, target, detail
                 FROM audit WHERE TRUE",
            );
            if let Some(app) = filter.app {
                query.push(" AND app_id = ").push_bind(app.to_string());
            }
            if let Some(actor) = &filter.actor {
                query.push(" AND actor = ").push_bind(actor.as_str());
            }
            if let Some(action) = &filter.action {
                query.push(" AND action = ").push_bind(action.as_str());
            }
            if let Some(before) = filter.before {
                query.push(" AND id < ").push_bind(before.to_string());
            }
            query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(filter.limit));
            query.build_query_as().fetch_all(db).await?
        });
        rows.into_iter().map(Row::parsed).collect()
    }

    /// The oldest of those that are kept, if there are others.
    async fn first_of_newest(&self, transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
        Ok(with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1")
                .bind(AUDIT_ENTRIES - 1)
                .fetch_optional(db)
                .await?
        }))
    }

    /// Writes an entry, and removes some of those that are past their time, or past the newest [`AUDIT_ENTRIES`], or past the
    /// newest [`AUDIT_ENTRIES_OF_USER`] of the same user, who so pushes nobody else out.
    pub(crate) async fn write_audit(
        &self,
        transaction: &mut Transaction,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let id = AuditId::new();
        with_db!(self, &mut *transaction, db => {
            sqlx::query(
                "INSERT INTO audit (id, at, actor_id, actor, token_id, address, action, app_id, app, target, detail)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(id.to_string())
            .bind(entry.at)
            .bind(entry.actor.as_ref().map(|(id, _)| id.to_string()))
            .bind(entry.actor.as_ref().map(|(_, name)| name.as_str()))
            .bind(entry.token.map(|id| id.to_string()))
            .bind(entry.address.map(|address| address.to_string()))
            .bind(&entry.action)
            .bind(entry.app.as_ref().map(|(id, _)| id.to_string()))
            .bind(entry.app.as_ref().map(|(_, slug)| slug.as_str()))
            // PostgreSQL's text refuses NUL, which a key may hold.
            .bind(entry.target.as_ref().map(|target| target.replace('\0', "\u{2400}")))
            .bind(to_json(&entry.detail)?)
            .execute(db)
            .await?;
        });
        let too_old = AuditId::least_at(entry.at.saturating_sub(KEPT_MS)).to_string();
        let first_kept = if self.inner.audited.fetch_add(1, Relaxed).is_multiple_of(LOOK_EVERY) {
            self.first_of_newest(transaction).await?
        } else {
            None
        };
        let going = first_kept.unwrap_or_default().max(too_old);
        // Ids sort by time.
        let old = going_of("id < $1", transaction);
        with_db!(self, &mut *transaction, db => {
            sqlx::query(old)
                .bind(going)
                .execute(db)
                .await?;
        });
        let Some((_, actor)) = &entry.actor else {
            return Ok(());
        };
        // One in sixteen, by chance: whoever writes much could otherwise see to it that others' entries are looked at.
        if !id.to_string().ends_with('0') {
            return Ok(());
        }
        let of_user = going_of(
            "actor = $1 AND id < (SELECT id FROM audit WHERE actor = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
            transaction,
        );
        with_db!(self, transaction, db => {
            sqlx::query(of_user)
                .bind(actor.as_str())
                .bind(AUDIT_ENTRIES_OF_USER - 1)
                .execute(db)
                .await?;
        });
        Ok(())
    }
}

/// Removes the oldest of the entries of which this is true. What another transaction removes already, this one need not wait for.
fn going_of(condition: &str, transaction: &Transaction) -> AssertSqlSafe<String> {
    let lock = match transaction {
        Transaction::Sqlite(_) => "",
        Transaction::Postgres(_) => "FOR UPDATE SKIP LOCKED",
    };
    AssertSqlSafe(format!(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE {condition} ORDER BY id LIMIT 100 {lock})"
    ))
}
