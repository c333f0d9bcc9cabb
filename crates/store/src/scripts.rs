//! The tables `scripts` and `versions`, as they are read. What changes them is in `activate`.

use crate::{Store, StoreError, commit::Change, pool::Transaction, rows::Json};
use picloud_shared::{
    api::Totals,
    ids::{AppId, ScriptId, VersionId},
    names::{ScriptName, TopicName},
    precondition::{Changed, Precondition},
    route::Route,
    schedule::Schedule,
    time::TimestampMs,
};
use std::collections::BTreeSet;

/// A script with its active version.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The script's id.
    pub id: ScriptId,
    /// Unique in the app.
    pub name: ScriptName,
    /// The active version.
    pub version: Version,
    /// The active version's routes, in the order in which they were given.
    pub routes: Vec<Route>,
    /// What the active version is subscribed to, in alphabetical order.
    pub topics: Vec<TopicName>,
    /// When the active version runs by the clock, in the order of their texts.
    pub schedules: Vec<Schedule>,
    /// What the active version's source imports itself.
    pub imports: BTreeSet<ScriptName>,
    /// Sums over all its invocations.
    pub totals: Totals,
}

impl Script {
    /// Differs when another version answers. Versions are immutable, so that one of them says it all.
    pub fn tag(&self) -> String {
        self.version.id.to_string()
    }

    /// How many routes, topics and schedules it has.
    pub(crate) const fn triggers(&self) -> usize {
        self.routes.len() + self.topics.len() + self.schedules.len()
    }
}

/// Why a script was not deleted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteRefused {
    /// There is no such script.
    #[error("there is no such script")]
    NoSuchScript,
    /// Others import it; at least one.
    #[error("it is imported by {}", .0.iter().map(ScriptName::as_str).collect::<Vec<_>>().join(", "))]
    Imported(Vec<ScriptName>),
    /// Another version answers than the caller saw.
    #[error(transparent)]
    Changed(#[from] Changed),
}

/// One version of a script, without its source.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Version {
    /// The version's id.
    #[sqlx(try_from = "String")]
    pub id: VersionId,
    /// Counted from 1 within the script.
    pub number: i64,
    /// Of the source.
    #[sqlx(try_from = "Vec<u8>")]
    pub sha256: [u8; 32],
    /// When it was stored.
    pub created_at: TimestampMs,
    /// Whether it is the one that answers.
    pub active: bool,
}

#[derive(sqlx::FromRow)]
struct ScriptRow {
    #[sqlx(try_from = "String")]
    script_id: ScriptId,
    #[sqlx(try_from = "String")]
    name: ScriptName,
    #[sqlx(flatten)]
    version: Version,
    #[sqlx(try_from = "String")]
    routes: Json<Vec<Route>>,
    #[sqlx(try_from = "String")]
    topics: Json<Vec<TopicName>>,
    #[sqlx(try_from = "String")]
    schedules: Json<Vec<Schedule>>,
    #[sqlx(try_from = "String")]
    imports: Json<BTreeSet<ScriptName>>,
    invocations: i64,
    failures: i64,
    fuel: i64,
    duration_us: i64,
    dropped_records: i64,
    dropped_logs: i64,
}

#[derive(sqlx::FromRow)]
struct ScriptAndSourceRow {
    #[sqlx(flatten)]
    script: ScriptRow,
    #[sqlx(try_from = "Vec<u8>")]
    source: String,
}

#[derive(sqlx::FromRow)]
struct VersionAndSourceRow {
    #[sqlx(flatten)]
    version: Version,
    #[sqlx(try_from = "Vec<u8>")]
    source: String,
}

impl From<ScriptRow> for Script {
    fn from(row: ScriptRow) -> Self {
        Self {
            id: row.script_id,
            name: row.name,
            version: row.version,
            routes: row.routes.0,
            topics: row.topics.0,
            schedules: row.schedules.0,
            imports: row.imports.0,
            totals: Totals {
                invocations: row.invocations,
                failures: row.failures,
                fuel: row.fuel,
                duration_us: row.duration_us,
                dropped_records: row.dropped_records,
                dropped_logs: row.dropped_logs,
            },
        }
    }
}

#[derive(sqlx::FromRow)]
struct ActiveRow {
    #[sqlx(try_from = "String")]
    script_id: ScriptId,
    #[sqlx(try_from = "String")]
    version_id: VersionId,
}

/// A `ScriptRow` for each script, with the further columns given.
macro_rules! select_scripts {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT s.id AS script_id, s.name, s.invocations, s.failures, s.fuel, s.duration_us, s.dropped_records,
                s.dropped_logs, v.id, v.number, v.sha256, v.created_at, TRUE AS active, v.routes, v.topics,
                v.schedules, v.imports",
            $columns,
            " FROM scripts s JOIN versions v ON v.script_id = s.id AND v.number = s.active ",
            $rest
        )
    };
}

const SELECT_ALL: &str = select_scripts!("", "WHERE s.app_id = $1 ORDER BY s.name");
const SELECT_HEAD: &str = select_scripts!("", "WHERE s.app_id = $1 AND s.name = $2");

impl Store {
    /// The scripts of an app, by name.
    ///
    /// # Errors
    /// When the database fails, or a stored script does not parse.
    pub async fn scripts(&self, app: AppId) -> Result<Vec<Script>, StoreError> {
        let rows: Vec<ScriptRow> = with_db!(self, read, db => {
            sqlx::query_as(SELECT_ALL).bind(app.to_string()).fetch_all(db).await?
        });
        Ok(rows.into_iter().map(Script::from).collect())
    }

    /// One script with the source of its active version.
    ///
    /// # Errors
    /// When the database fails, or the stored script does not parse.
    pub async fn script(&self, app: AppId, name: &ScriptName) -> Result<Option<(Script, String)>, StoreError> {
        let row: Option<ScriptAndSourceRow> = with_db!(self, read, db => {
            sqlx::query_as(select_scripts!(", v.source", "WHERE s.app_id = $1 AND s.name = $2"))
                .bind(app.to_string())
                .bind(name.as_str())
                .fetch_optional(db)
                .await?
        });
        Ok(row.map(|row| (row.script.into(), row.source)))
    }

    /// One script without its source.
    ///
    /// # Errors
    /// When the database fails, or the stored script does not parse.
    pub async fn script_head(&self, app: AppId, name: &ScriptName) -> Result<Option<Script>, StoreError> {
        let row: Option<ScriptRow> = with_db!(self, read, db => {
            sqlx::query_as(SELECT_HEAD).bind(app.to_string()).bind(name.as_str()).fetch_optional(db).await?
        });
        Ok(row.map(Script::from))
    }

    /// A script's id and that of its active version.
    ///
    /// # Errors
    /// When the database fails, or an id does not parse.
    pub async fn active_version(
        &self,
        app: AppId,
        name: &ScriptName,
    ) -> Result<Option<(ScriptId, VersionId)>, StoreError> {
        let row: Option<ActiveRow> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT s.id AS script_id, v.id AS version_id
                 FROM scripts s JOIN versions v ON v.script_id = s.id AND v.number = s.active
                 WHERE s.app_id = $1 AND s.name = $2",
            )
            .bind(app.to_string())
            .bind(name.as_str())
            .fetch_optional(db)
            .await?
        });
        Ok(row.map(|row| (row.script_id, row.version_id)))
    }

    /// One script without its source, as a transaction that is about to change it sees it.
    pub(crate) async fn script_in(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        name: &ScriptName,
    ) -> Result<Option<Script>, StoreError> {
        let row: Option<ScriptRow> = with_db!(self, transaction, db => {
            sqlx::query_as(SELECT_HEAD).bind(app.to_string()).bind(name.as_str()).fetch_optional(db).await?
        });
        Ok(row.map(Script::from))
    }

    /// The versions of a script, newest first. `None` when there is no such script.
    ///
    /// # Errors
    /// When the database fails, or a stored version does not parse.
    pub async fn versions(&self, app: AppId, name: &ScriptName) -> Result<Option<Vec<Version>>, StoreError> {
        let versions: Vec<Version> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT v.id, v.number, v.sha256, v.created_at, v.number = s.active AS active
                 FROM scripts s JOIN versions v ON v.script_id = s.id
                 WHERE s.app_id = $1 AND s.name = $2
                 ORDER BY v.number DESC",
            )
            .bind(app.to_string())
            .bind(name.as_str())
            .fetch_all(db)
            .await?
        });
        // A script has at least the version that it was made with.
        Ok(Some(versions).filter(|versions| !versions.is_empty()))
    }

    /// One version of a script, with its source.
    ///
    /// # Errors
    /// When the database fails, or the stored version does not parse.
    pub async fn version(
        &self,
        app: AppId,
        name: &ScriptName,
        number: i64,
    ) -> Result<Option<(Version, String)>, StoreError> {
        let row: Option<VersionAndSourceRow> = with_db!(self, read, db => {
            sqlx::query_as(
                "SELECT v.id, v.number, v.sha256, v.created_at, v.number = s.active AS active, v.source
                 FROM scripts s JOIN versions v ON v.script_id = s.id
                 WHERE s.app_id = $1 AND s.name = $2 AND v.number = $3",
            )
            .bind(app.to_string())
            .bind(name.as_str())
            .bind(number)
            .fetch_optional(db)
            .await?
        });
        Ok(row.map(|row| (row.version, row.source)))
    }

    /// Deletes a script with its versions, routes and invocations, if no other imports it and its [tag](Script::tag) is what
    /// the precondition asks for: from here on nobody finds it, its name is free, and what is kept of it is removed in steps
    /// by [`Store::remove_gone`].
    ///
    /// # Errors
    /// When the database fails, or the stored script does not parse.
    pub async fn delete_script(
        &self,
        app: AppId,
        name: &ScriptName,
        precondition: &Precondition,
    ) -> Result<Result<(), DeleteRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(DeleteRefused::NoSuchScript)).await;
        }
        let Some(script) = self.script_in(&mut transaction, app, name).await? else {
            return transaction.unchanged(Err(DeleteRefused::NoSuchScript)).await;
        };
        if let Err(changed) = precondition.check(Some(|| script.tag())) {
            return transaction.unchanged(Err(changed.into())).await;
        }
        let importers = self.import_graph(&mut transaction, app).await?.importers(name);
        if !importers.is_empty() {
            return transaction.unchanged(Err(DeleteRefused::Imported(importers))).await;
        }
        self.bury_script(&mut transaction, script.id).await?;
        self.commit(transaction, &[Change::Apps, Change::Gone]).await?;
        Ok(Ok(()))
    }

    /// The scripts of an app, by name, as a transaction that is about to change them sees them.
    pub(crate) async fn scripts_in(
        &self,
        transaction: &mut Transaction,
        app: AppId,
    ) -> Result<Vec<Script>, StoreError> {
        let rows: Vec<ScriptRow> = with_db!(self, transaction, db => {
            sqlx::query_as(SELECT_ALL).bind(app.to_string()).fetch_all(db).await?
        });
        Ok(rows.into_iter().map(Script::from).collect())
    }
}
