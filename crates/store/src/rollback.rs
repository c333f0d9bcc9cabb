//! Going back to a version that a script had: one transaction that holds the app's row, as those of `activate`.

use crate::{
    Script, Store, StoreError, Version,
    activate::{Triggers, Unfit},
    commit::Change,
    rows::Json,
};
use picloud_shared::{
    ids::{AppId, VersionId},
    imports::ImportError,
    limits::APP_SCHEDULES,
    names::{ScriptName, TopicName},
    precondition::{Changed, Precondition},
    route::Route,
    schedule::Schedule,
};
use std::collections::BTreeSet;

/// Why an old version was not made active. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackRefused {
    /// There is no such script.
    #[error("there is no such script")]
    NoSuchScript,
    /// The script has no such version.
    #[error("there is no such version")]
    NoSuchVersion,
    /// A route that the old version had is another script's now.
    #[error("the route \"{route}\" is that of script \"{script}\" already")]
    RouteConflict {
        /// As it was asked for.
        route: Route,
        /// Whose it is.
        script: ScriptName,
    },
    /// With those of the old version the app would have more schedules than it may.
    #[error("an app has at most {APP_SCHEDULES} schedules, those of all its scripts together")]
    TooManySchedules,
    /// What the old version imports is not there any more, or goes round in a circle.
    #[error(transparent)]
    Imports(#[from] ImportError),
    /// Another version answers than the caller saw.
    #[error(transparent)]
    Changed(#[from] Changed),
}

/// A version that a rollback would make active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The version's number.
    pub number: i64,
    /// The version's id.
    pub version: VersionId,
    /// What its source imports itself.
    pub imports: BTreeSet<ScriptName>,
}

impl From<Unfit> for RollbackRefused {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Taken { route, script } => Self::RouteConflict { route, script },
            Unfit::TooManySchedules => Self::TooManySchedules,
        }
    }
}

#[derive(sqlx::FromRow)]
struct TargetRow {
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
}

/// The `TargetRow` of a script and a number, if one was given.
const SELECT_TARGET: &str =
    "SELECT v.id, v.number, v.sha256, v.created_at, TRUE AS active, v.routes, v.topics, v.schedules,
        v.imports
    FROM scripts s JOIN versions v ON v.script_id = s.id
    WHERE s.id = $1 AND v.number = COALESCE($2, s.previous,
        (SELECT MAX(below.number) FROM versions below WHERE below.script_id = s.id AND below.number < s.active))";

impl Store {
    /// Makes another version active, with the routes, topics and schedules that it had. Without a number it is the one that was
    /// active before the present one became so; doing that twice therefore ends where it began, as `cd -` does. When that one is not
    /// known, because the present one has been active since before the store kept it, it is the highest below.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn rollback(
        &self,
        app: AppId,
        name: &ScriptName,
        number: Option<i64>,
        precondition: &Precondition,
    ) -> Result<Result<Script, RollbackRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(RollbackRefused::NoSuchScript)).await;
        }
        let Some(current) = self.script_in(&mut transaction, app, name).await? else {
            return transaction.unchanged(Err(RollbackRefused::NoSuchScript)).await;
        };
        if let Err(changed) = precondition.check(Some(|| current.tag())) {
            return transaction.unchanged(Err(changed.into())).await;
        }
        if number == Some(current.version.number) {
            return transaction.unchanged(Ok(current)).await;
        }
        let target: Option<TargetRow> = with_db!(self, &mut transaction, db => {
            sqlx::query_as(SELECT_TARGET).bind(current.id.to_string()).bind(number).fetch_optional(db).await?
        });
        let Some(TargetRow { version, routes, topics, schedules, imports: Json(imports) }) = target else {
            return transaction.unchanged(Err(RollbackRefused::NoSuchVersion)).await;
        };
        if let Err(error) = self.may_import(&mut transaction, app, name, &imports).await? {
            return transaction.unchanged(Err(error.into())).await;
        }
        let triggers = Triggers { routes: routes.0, topics: topics.0, schedules: schedules.0 };
        if let Err(unfit) = self.activate(&mut transaction, app, current.id, version.number, &triggers).await? {
            return transaction.unchanged(Err(unfit.into())).await;
        }
        self.commit(transaction, &[Change::Apps, Change::Schedules]).await?;
        let Triggers { routes, topics, schedules } = triggers;
        Ok(Ok(Script { version, routes, topics, schedules, imports, ..current }))
    }

    /// The version that [`Store::rollback`] would make active.
    ///
    /// # Errors
    /// When the database fails, or what is stored does not parse.
    pub async fn rollback_target(
        &self,
        app: AppId,
        name: &ScriptName,
        number: Option<i64>,
    ) -> Result<Result<Target, RollbackRefused>, StoreError> {
        let Some(current) = self.script_head(app, name).await? else {
            return Ok(Err(RollbackRefused::NoSuchScript));
        };
        let target: Option<TargetRow> = with_db!(self, read, db => {
            sqlx::query_as(SELECT_TARGET).bind(current.id.to_string()).bind(number).fetch_optional(db).await?
        });
        let target =
            target.map(|row| Target { number: row.version.number, version: row.version.id, imports: row.imports.0 });
        Ok(target.ok_or(RollbackRefused::NoSuchVersion))
    }
}
