//! Which version of a script answers: storing a new one, and making one the active one, under the app's row, so that changes
//! of one app happen one after the other.

use crate::{Script, Store, StoreError, Version, commit::Change, pool::Transaction, rows::to_json};
use picloud_shared::{
    api::Totals,
    ids::{AppId, ScriptId, UserId, VersionId},
    imports::ImportError,
    limits::{APP_SCHEDULES, APP_SCRIPTS, SCRIPT_VERSIONS},
    names::{ScriptName, TopicName},
    precondition::{Changed, Precondition},
    route::Route,
    schedule::Schedule,
    time::TimestampMs,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};

/// A version to be stored and made active.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// Of the script, which is made when it is missing.
    pub name: ScriptName,
    /// The source.
    pub source: String,
    /// Its routes. `None`: those of the active version; for a new script its default route, and none for a library or
    /// for one that is subscribed to topics or has schedules.
    pub routes: Option<Vec<Route>>,
    /// What it is subscribed to. `None`: what the active version is, and nothing for a new script.
    pub topics: Option<Vec<TopicName>>,
    /// When it runs by the clock. `None`: when the active version does, and never for a new script.
    pub schedules: Option<Vec<Schedule>>,
    /// What its source imports itself.
    pub imports: BTreeSet<ScriptName>,
    /// Who stores it.
    pub author: Option<UserId>,
    /// When it is stored.
    pub now: TimestampMs,
}

/// What a put left.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// The script with the version that answers now.
    pub script: Script,
    /// Whether there was no such script before.
    pub created: bool,
}

/// Why a version was not stored. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutRefused {
    /// There is no such app.
    #[error("there is no such app")]
    NoSuchApp,
    /// A route is another script's.
    #[error("the route \"{route}\" is that of script \"{script}\" already")]
    RouteConflict {
        /// As it was asked for.
        route: Route,
        /// Whose it is.
        script: ScriptName,
    },
    /// A route that stands twice among the new ones.
    #[error("the route \"{0}\" is given twice")]
    RouteTwice(Route),
    /// The app would have more schedules than it may.
    #[error("an app has at most {APP_SCHEDULES} schedules, those of all its scripts together")]
    TooManySchedules,
    /// The app has as many scripts as it may.
    #[error("an app has at most {APP_SCRIPTS} scripts")]
    TooManyScripts,
    /// What it imports is not there, or goes round in a circle.
    #[error(transparent)]
    Imports(#[from] ImportError),
    /// Another version answers than the caller saw.
    #[error(transparent)]
    Changed(#[from] Changed),
}

/// Why a version cannot become active.
pub(crate) enum Unfit {
    /// A route is another script's.
    Taken { route: Route, script: ScriptName },
    /// More than [`APP_SCHEDULES`].
    TooManySchedules,
}

impl From<Unfit> for PutRefused {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Taken { route, script } => Self::RouteConflict { route, script },
            Unfit::TooManySchedules => Self::TooManySchedules,
        }
    }
}

/// What starts a version.
pub(crate) struct Triggers {
    pub(crate) routes: Vec<Route>,
    /// In alphabetical order, each once.
    pub(crate) topics: Vec<TopicName>,
    /// In the order of their texts, each once.
    pub(crate) schedules: Vec<Schedule>,
}

impl Triggers {
    /// Those of a version in the place of the active one.
    pub(crate) fn of(new: &NewVersion, current: Option<&Script>) -> Self {
        let topics = given_or_kept(&new.topics, current.map(|current| &current.topics));
        let schedules = given_or_kept(&new.schedules, current.map(|current| &current.schedules));
        let routes = match (&new.routes, current) {
            (Some(given), _) => given.clone(),
            (None, Some(current)) => current.routes.clone(),
            (None, None) if new.name.is_library() || !topics.is_empty() || !schedules.is_empty() => Vec::new(),
            (None, None) => vec![Route::default_for(&new.name)],
        };
        Self { routes, topics, schedules }
    }

    pub(crate) const fn count(&self) -> usize {
        self.routes.len() + self.topics.len() + self.schedules.len()
    }
}

impl NewVersion {
    pub(crate) fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.source).into()
    }

    /// Whether storing it would change nothing.
    pub(crate) fn is(&self, script: &Script, triggers: &Triggers) -> bool {
        script.version.sha256 == self.sha256()
            && script.routes == triggers.routes
            && script.topics == triggers.topics
            && script.schedules == triggers.schedules
            && script.imports == self.imports
    }
}

impl Store {
    /// Stores a source as the next version of its script and makes it active, if the active version's [tag](Script::tag) is
    /// what the precondition asks for. When the active version has the same source, routes, topics and schedules
    /// already, that is the answer and nothing changes.
    ///
    /// # Errors
    /// When the database fails, there is no such author, or what is stored does not parse.
    pub async fn put_script(
        &self,
        app: AppId,
        new: NewVersion,
        precondition: &Precondition,
    ) -> Result<Result<Put, PutRefused>, StoreError> {
        if let Some(route) = new.routes.as_deref().and_then(first_twice) {
            return Ok(Err(PutRefused::RouteTwice(route.clone())));
        }
        let mut transaction = self.begin().await?;
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(PutRefused::NoSuchApp)).await;
        }
        let current = self.script_in(&mut transaction, app, &new.name).await?;
        if let Err(changed) = precondition.check(current.as_ref().map(|script| || script.tag())) {
            return transaction.unchanged(Err(changed.into())).await;
        }
        let triggers = Triggers::of(&new, current.as_ref());
        let created = current.is_none();
        if let Some(script) = current.as_ref().filter(|script| new.is(script, &triggers)) {
            return transaction.unchanged(Ok(Put { script: script.clone(), created })).await;
        }
        if created && !self.may_add_script(&mut transaction, app).await? {
            return transaction.unchanged(Err(PutRefused::TooManyScripts)).await;
        }
        if let Err(error) = self.may_import(&mut transaction, app, &new.name, &new.imports).await? {
            return transaction.unchanged(Err(error.into())).await;
        }
        match self.replace(&mut transaction, app, new, current, triggers).await? {
            Ok(script) => {
                self.commit(transaction, &[Change::Apps, Change::Schedules]).await?;
                Ok(Ok(Put { script, created }))
            }
            Err(unfit) => transaction.unchanged(Err(unfit.into())).await,
        }
    }

    /// Stores a version in the place of the active one, if there is one, under the app's row.
    pub(crate) async fn replace(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        new: NewVersion,
        current: Option<Script>,
        triggers: Triggers,
    ) -> Result<Result<Script, Unfit>, StoreError> {
        let (id, totals) = match current {
            Some(script) => (script.id, script.totals),
            None => (self.insert_script(transaction, app, &new.name).await?, Totals::default()),
        };
        let version = self.insert_version(transaction, id, &new, &triggers).await?;
        if let Err(unfit) = self.activate(transaction, app, id, version.number, &triggers).await? {
            return Ok(Err(unfit));
        }
        self.forget_versions(transaction, id).await?;
        let Triggers { routes, topics, schedules } = triggers;
        Ok(Ok(Script { id, name: new.name, version, routes, topics, schedules, imports: new.imports, totals }))
    }

    /// Whether the app has fewer scripts than it may.
    pub(crate) async fn may_add_script(&self, transaction: &mut Transaction, app: AppId) -> Result<bool, StoreError> {
        let scripts: i64 = with_db!(self, transaction, db => {
            sqlx::query_scalar("SELECT COUNT(*) FROM scripts WHERE app_id = $1")
                .bind(app.to_string())
                .fetch_one(db)
                .await?
        });
        Ok(usize::try_from(scripts).is_ok_and(|scripts| scripts < APP_SCRIPTS))
    }

    async fn insert_script(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        name: &ScriptName,
    ) -> Result<ScriptId, StoreError> {
        let id = ScriptId::new();
        with_db!(self, transaction, db => {
            sqlx::query("INSERT INTO scripts (id, app_id, name, active) VALUES ($1, $2, $3, 1)")
                .bind(id.to_string())
                .bind(app.to_string())
                .bind(name.as_str())
                .execute(db)
                .await?;
        });
        Ok(id)
    }

    /// Deletes the oldest versions of a script beyond those that are kept. Invocations keep the numbers of theirs; one that runs an
    /// old version still, a hundred uploads later, is counted and not recorded.
    async fn forget_versions(&self, transaction: &mut Transaction, script: ScriptId) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query(
                "DELETE FROM versions WHERE script_id = $1
                    AND number <= (SELECT MAX(number) FROM versions WHERE script_id = $1) - $2
                    AND number NOT IN (SELECT active FROM scripts WHERE id = $1
                        UNION ALL SELECT previous FROM scripts WHERE id = $1 AND previous IS NOT NULL)",
            )
            .bind(script.to_string())
            .bind(SCRIPT_VERSIONS)
            .execute(db)
            .await?;
        });
        Ok(())
    }

    async fn insert_version(
        &self,
        transaction: &mut Transaction,
        script: ScriptId,
        new: &NewVersion,
        triggers: &Triggers,
    ) -> Result<Version, StoreError> {
        let Triggers { routes, topics, schedules } = triggers;
        let (routes, topics, schedules) = (to_json(routes)?, to_json(topics)?, to_json(schedules)?);
        let imports = to_json(&new.imports)?;
        Ok(with_db!(self, transaction, db => {
            sqlx::query_as(
                "INSERT INTO versions
                    (id, script_id, number, source, sha256, routes, topics, schedules, imports, author, created_at)
                 SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10 FROM versions
                 WHERE script_id = $2
                 RETURNING id, number, sha256, created_at, TRUE AS active",
            )
            .bind(VersionId::new().to_string())
            .bind(script.to_string())
            .bind(new.source.as_bytes())
            .bind(&new.sha256()[..])
            .bind(&routes)
            .bind(&topics)
            .bind(&schedules)
            .bind(&imports)
            .bind(new.author.map(|author| author.to_string()))
            .bind(new.now)
            .fetch_one(db)
            .await?
        }))
    }

    /// Points a script to a version, keeps the number of the one before, and replaces the routes, subscriptions and schedules
    /// by those given.
    pub(crate) async fn activate(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        script: ScriptId,
        number: i64,
        Triggers { routes, topics, schedules }: &Triggers,
    ) -> Result<Result<(), Unfit>, StoreError> {
        let (app, script) = (app.to_string(), script.to_string());
        with_db!(self, &mut *transaction, db => {
            // A new script points to its first version from the start; that one has none before it.
            sqlx::query("UPDATE scripts SET active = $2, previous = NULLIF(active, $2) WHERE id = $1")
                .bind(&script)
                .bind(number)
                .execute(db)
                .await?;
        });
        self.unroute(transaction, &script).await?;
        self.subscribe(transaction, &app, &script, topics).await?;
        if !self.reschedule(transaction, &app, &script, schedules).await? {
            return Ok(Err(Unfit::TooManySchedules));
        }
        for route in routes {
            let inserted = with_db!(self, &mut *transaction, db => {
                sqlx::query(
                    "INSERT INTO routes (app_id, script_id, method, shape, route) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (app_id, method, shape) DO NOTHING",
                )
                .bind(&app)
                .bind(&script)
                .bind(stored_method(route))
                .bind(route.shape())
                .bind(route.to_string())
                .execute(db)
                .await?
                .rows_affected()
            });
            if inserted == 0 {
                return Ok(Err(self.taken(transaction, &app, route).await?));
            }
        }
        Ok(Ok(()))
    }

    /// Takes a script's routes from it.
    pub(crate) async fn unroute(&self, transaction: &mut Transaction, script: &str) -> Result<(), StoreError> {
        with_db!(self, transaction, db => {
            sqlx::query("DELETE FROM routes WHERE script_id = $1").bind(script).execute(db).await?;
        });
        Ok(())
    }

    async fn taken(&self, transaction: &mut Transaction, app: &str, route: &Route) -> Result<Unfit, StoreError> {
        let name: String = with_db!(self, transaction, db => {
            sqlx::query_scalar(
                "SELECT s.name FROM routes r JOIN scripts s ON s.id = r.script_id
                 WHERE r.app_id = $1 AND r.method = $2 AND r.shape = $3",
            )
            .bind(app)
            .bind(stored_method(route))
            .bind(route.shape())
            .fetch_one(db)
            .await?
        });
        let script = name.parse().map_err(|e| StoreError::Corrupt(format!("script {name:?}: {e}")))?;
        Ok(Unfit::Taken { route: route.clone(), script })
    }
}

fn stored_method(route: &Route) -> &str {
    route.method().unwrap_or("ANY")
}

/// What is given, in order and each once, or else what there was.
fn given_or_kept<T: Clone + Ord>(given: &Option<Vec<T>>, kept: Option<&Vec<T>>) -> Vec<T> {
    match (given, kept) {
        (Some(given), _) => BTreeSet::from_iter(given.iter().cloned()).into_iter().collect(),
        (None, kept) => kept.cloned().unwrap_or_default(),
    }
}

/// The first route that conflicts with one before it.
pub(crate) fn first_twice(routes: &[Route]) -> Option<&Route> {
    let mut seen = HashSet::new();
    routes.iter().find(|route| !seen.insert((route.method(), route.shape())))
}
