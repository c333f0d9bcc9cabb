//! Deploying: all scripts of an app, replaced in one transaction that holds the app's row. What it leaves is kept by `releases`.

use crate::{
    NewVersion, PutRefused, Script, Store, StoreError, Version,
    activate::{Triggers, first_twice},
    commit::Change,
    pool::Transaction,
    rows::to_json,
};
use picloud_shared::{
    api::{ChangeKind, Changes, Deployed, ScriptChange},
    ids::{AppId, UserId},
    imports::{ImportError, ImportGraph},
    limit_rules::LimitValues,
    limits::{APP_SCRIPTS, DEPLOY_BYTES, DEPLOY_TRIGGERS},
    names::ScriptName,
    precondition::Changed,
    time::TimestampMs,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// All scripts that an app is to have.
#[derive(Clone, Debug)]
pub struct NewRelease {
    /// Each name once. What starts them is as for a new script where it is not given.
    pub scripts: Vec<NewVersion>,
    /// The limits that the app sets itself; `None`: those before.
    pub limits: Option<LimitValues>,
    /// Who changes the limits, if they do change.
    pub limits_by: LimitsBy,
    /// Whether other scripts stay.
    pub keep_others: bool,
    /// Whether nothing is to be changed, only told.
    pub dry_run: bool,
    /// What the caller has seen, as an earlier dry run told it.
    pub state: Option<String>,
    /// The release that it brings back.
    pub brings_back: Option<i64>,
    /// Who deploys it.
    pub author: Option<UserId>,
    /// When.
    pub now: TimestampMs,
}

/// Who may change the limits that an app sets itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitsBy {
    /// Only those that there are may be named.
    Nobody,
    /// This user, if they own the app.
    User(UserId),
    /// The server itself, in an app that is nobody's.
    Server,
}

impl NewRelease {
    /// One of no scripts, that nobody in particular deploys.
    pub fn at(now: TimestampMs) -> Self {
        Self {
            scripts: Vec::new(),
            limits: None,
            limits_by: LimitsBy::Nobody,
            keep_others: false,
            dry_run: false,
            state: None,
            brings_back: None,
            author: None,
            now,
        }
    }
}

/// Why nothing was deployed. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeployRefused {
    /// There is no such app.
    #[error("there is no such app")]
    NoSuchApp,
    /// A script cannot be stored.
    #[error("{script}: {refused}")]
    Script {
        /// Which.
        script: ScriptName,
        /// Why.
        refused: PutRefused,
    },
    /// The app would have more scripts than a release has.
    #[error("a deploy has at most {APP_SCRIPTS} scripts, those included that stay")]
    TooManyScripts,
    /// They would have more routes, topics and schedules than a release has.
    #[error(
        "the scripts of a deploy have at most {DEPLOY_TRIGGERS} routes, topics and schedules together, those included that stay"
    )]
    TooManyTriggers,
    /// The app would have more source than a release has.
    #[error("the sources of a deploy have at most {DEPLOY_BYTES} bytes together, those included that stay")]
    SourcesTooLarge,
    /// Limits are an owner's to change.
    #[error("only an owner changes the limits of an app")]
    LimitsNeedOwner,
    /// A script stands twice among them.
    #[error("the script {0} is given twice")]
    Twice(ScriptName),
    /// The app is not as the caller has seen it.
    #[error(transparent)]
    Changed(#[from] Changed),
}

/// One script of a release that is not as it was.
struct Replacement {
    new: NewVersion,
    current: Option<Script>,
    triggers: Triggers,
}

impl Store {
    /// Makes the scripts of an app those given, all or nothing. A script of which an earlier version is the same is that
    /// version again. When nothing would change there is no new release.
    ///
    /// # Errors
    /// When the database fails, there is no such author, or what is stored does not parse.
    pub async fn deploy(&self, app: AppId, new: NewRelease) -> Result<Result<Deployed, DeployRefused>, StoreError> {
        // The entry comes last: it tells the release's number.
        let mut transaction = Self { audit: None, ..self.clone() }.begin().await?;
        if !self.lock_app(&mut transaction, app).await? {
            return transaction.unchanged(Err(DeployRefused::NoSuchApp)).await;
        }
        let current = self.scripts_in(&mut transaction, app).await?;
        let state = state(&current, &self.own_limits(&mut transaction, app).await?);
        if new.state.as_ref().is_some_and(|seen| *seen != state) {
            return transaction.unchanged(Err(Changed.into())).await;
        }
        let changes = match self.replace_all(&mut transaction, app, current, &new).await? {
            Ok(changes) => changes,
            Err(refused) => return transaction.unchanged(Err(refused)).await,
        };
        if new.dry_run || changes.scripts.is_empty() && !changes.limits {
            return transaction.unchanged(Ok(Deployed { release: None, state, changes })).await;
        }
        let release = self.latest_release(&mut transaction, app).await? + 1;
        self.insert_release(&mut transaction, app, release, &changes, &new).await?;
        if let Some(entry) = self.noting("release", release).audit {
            self.write_audit(&mut transaction, &entry).await?;
        }
        let told: &'static [Change] = match changes.scripts.iter().any(|one| one.change == ChangeKind::Deleted) {
            true => &[Change::Apps, Change::Schedules, Change::Gone],
            false => &[Change::Apps, Change::Schedules],
        };
        self.commit(transaction, told).await?;
        Ok(Ok(Deployed { release: Some(release), state, changes }))
    }

    async fn replace_all(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        current: Vec<Script>,
        new: &NewRelease,
    ) -> Result<Result<Changes, DeployRefused>, StoreError> {
        let mut current: BTreeMap<ScriptName, Script> =
            current.into_iter().map(|script| (script.name.clone(), script)).collect();
        let mut graph = ImportGraph::default();
        let mut triggers_of_all = 0;
        let mut changes = Changes::default();
        let mut replacements = BTreeMap::new();
        for version in &new.scripts {
            if let Some(route) = version.routes.as_deref().and_then(first_twice) {
                return Ok(Err(refused(&version.name, PutRefused::RouteTwice(route.clone()))));
            }
            if graph.has(&version.name) {
                return Ok(Err(DeployRefused::Twice(version.name.clone())));
            }
            graph.insert(version.name.clone(), version.imports.clone());
            let triggers = Triggers::of(version, None);
            triggers_of_all += triggers.count();
            let current = current.remove(&version.name);
            if current.as_ref().is_some_and(|script| version.is(script, &triggers)) {
                changes.unchanged += 1;
            } else {
                replacements.insert(version.name.clone(), Replacement { new: version.clone(), current, triggers });
            }
        }
        // What is left of them is not among the new ones.
        let (staying, going) = if new.keep_others { (current, BTreeMap::new()) } else { (BTreeMap::new(), current) };
        if new.scripts.len() + staying.len() > APP_SCRIPTS {
            return Ok(Err(DeployRefused::TooManyScripts));
        }
        triggers_of_all += staying.values().map(Script::triggers).sum::<usize>();
        if triggers_of_all > DEPLOY_TRIGGERS {
            return Ok(Err(DeployRefused::TooManyTriggers));
        }
        for (name, script) in staying {
            graph.insert(name, script.imports);
            changes.unchanged += 1;
        }
        // All of them first, in the order in which those who record hold them: what is theirs comes after their rows.
        let replaced = replacements.values().filter_map(|replacement| replacement.current.as_ref());
        let changing: Vec<String> = going.values().chain(replaced).map(|script| script.id.to_string()).collect();
        self.lock_rows_of_scripts(transaction, &changing, false).await?;
        for (name, script) in going {
            self.bury_script(transaction, script.id).await?;
            let before = Some(script.version.number);
            changes.scripts.push(ScriptChange { script: name, change: ChangeKind::Deleted, before, version: None });
        }
        if let Err((script, error)) = all_found(&graph) {
            return Ok(Err(refused(&script, error.into())));
        }
        // A route or a schedule may go from one of them to another.
        for Replacement { current, triggers, .. } in replacements.values() {
            let Some(script) = current.as_ref().map(|script| script.id.to_string()) else { continue };
            self.unroute(transaction, &script).await?;
            self.unschedule(transaction, &script, &triggers.schedules).await?;
        }
        for (name, replacement) in replacements {
            let before = replacement.current.as_ref().map(|script| script.version.number);
            let change = if before.is_some() { ChangeKind::Updated } else { ChangeKind::Created };
            match self.put_again(transaction, app, replacement).await? {
                Ok(version) => {
                    changes.scripts.push(ScriptChange { script: name, change, before, version: Some(version) });
                }
                Err(error) => return Ok(Err(refused(&name, error))),
            }
        }
        if self.source_bytes(transaction, app).await? > DEPLOY_BYTES {
            return Ok(Err(DeployRefused::SourcesTooLarge));
        }
        changes.scripts.sort_by(|a, b| a.script.cmp(&b.script));
        changes.limits = match &new.limits {
            Some(limits) => self.set_limits(transaction, app, limits).await?,
            None => false,
        };
        if changes.limits && !self.may_set_limits(transaction, app, new.limits_by).await? {
            return Ok(Err(DeployRefused::LimitsNeedOwner));
        }
        Ok(Ok(changes))
    }

    /// Bytes of an app's active sources.
    async fn source_bytes(&self, transaction: &mut Transaction, app: AppId) -> Result<usize, StoreError> {
        let bytes: i64 = with_db!(self, transaction, db => {
            sqlx::query_scalar(
                "SELECT CAST(COALESCE(SUM(LENGTH(v.source)), 0) AS BIGINT) FROM scripts s
                 JOIN versions v ON v.script_id = s.id AND v.number = s.active WHERE s.app_id = $1",
            )
            .bind(app.to_string())
            .fetch_one(db)
            .await?
        });
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    async fn may_set_limits(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        by: LimitsBy,
    ) -> Result<bool, StoreError> {
        match by {
            LimitsBy::Nobody => Ok(false),
            LimitsBy::User(by) => Ok(self.rights(transaction, app, by).await?.owns()),
            LimitsBy::Server => Ok(true),
        }
    }

    /// Makes a script's version that is the same as this one active, or stores this one; gives its number.
    async fn put_again(
        &self,
        transaction: &mut Transaction,
        app: AppId,
        Replacement { new, current, triggers }: Replacement,
    ) -> Result<Result<i64, PutRefused>, StoreError> {
        if current.is_none() && !self.may_add_script(transaction, app).await? {
            return Ok(Err(PutRefused::TooManyScripts));
        }
        let same = match &current {
            Some(script) => self.version_like(transaction, script, &new, &triggers).await?,
            None => None,
        };
        let done = match (same, &current) {
            (Some(version), Some(script)) => {
                let activated = self.activate(transaction, app, script.id, version.number, &triggers).await?;
                activated.map(|()| version.number)
            }
            _ => self.replace(transaction, app, new, current, triggers).await?.map(|script| script.version.number),
        };
        Ok(done.map_err(PutRefused::from))
    }

    async fn version_like(
        &self,
        transaction: &mut Transaction,
        script: &Script,
        new: &NewVersion,
        Triggers { routes, topics, schedules }: &Triggers,
    ) -> Result<Option<Version>, StoreError> {
        let (routes, topics, schedules) = (to_json(routes)?, to_json(topics)?, to_json(schedules)?);
        let imports = to_json(&new.imports)?;
        Ok(with_db!(self, transaction, db => {
            sqlx::query_as(
                "SELECT id, number, sha256, created_at, TRUE AS active FROM versions
                 WHERE script_id = $1 AND sha256 = $2 AND routes = $3 AND topics = $4 AND schedules = $5
                    AND imports = $6
                 ORDER BY number DESC LIMIT 1",
            )
            .bind(script.id.to_string())
            .bind(&new.sha256()[..])
            .bind(&routes)
            .bind(&topics)
            .bind(&schedules)
            .bind(&imports)
            .fetch_optional(db)
            .await?
        }))
    }
}

/// Differs when another version of a script answers, there are other scripts, or the app sets itself other limits.
fn state(scripts: &[Script], limits: &LimitValues) -> String {
    let mut digest = Sha256::new();
    for script in scripts {
        digest.update(script.name.as_str());
        digest.update([0]);
        digest.update(script.tag());
    }
    for (name, value) in &limits.0 {
        digest.update(name.as_str());
        digest.update(value.to_be_bytes());
    }
    hex::encode(&digest.finalize()[..16])
}

/// Whether all that is imported is there, and nothing goes round in a circle; else for which script it is not so.
fn all_found(graph: &ImportGraph) -> Result<(), (ScriptName, ImportError)> {
    graph.scripts().try_for_each(|script| graph.order(script).map(drop).map_err(|error| (script.clone(), error)))
}

fn refused(script: &ScriptName, refused: PutRefused) -> DeployRefused {
    DeployRefused::Script { script: script.clone(), refused }
}
