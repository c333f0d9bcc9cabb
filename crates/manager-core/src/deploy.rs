//! Deploying: a source is checked, then stored as a version with its routes; a refused one leaves nothing behind. An old
//! version that is to answer again is checked likewise, if it has to do with imports.

use crate::Manager;
use picloud_shared::{
    api::{Deploy, DeployScript, Deployed, Diagnostic, PutScript, RollBackApp},
    executor::{ExecutorError, Fault, Faults, Imports, Source},
    ids::{AppId, UserId},
    limit_rules::{LimitChanges, LimitName, LimitValues, OutOfBounds},
    limits::{APP_SCRIPTS, DEPLOY_BYTES, SCRIPT_SCHEDULES, SCRIPT_TOPICS, SOURCE_BYTES},
    names::{AppSlug, ScriptName},
    place,
    precondition::Precondition,
    time::now_ms,
};
use picloud_store::{
    ActiveVersion, App, CreateRefused, DeployRefused, LimitsBy, NewApp, NewRelease, NewVersion, Put, PutRefused,
    ReleaseContent, RollbackRefused, Script, StoreError, Target,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Most routes of one script: enough for any, and it bounds the search for conflicts.
const ROUTES: usize = 100;

/// How long a deploy waits for those before it.
const DEPLOY_PATIENCE: Duration = Duration::from_secs(10);

/// Why something was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The app cannot be made.
    #[error(transparent)]
    CreateRefused(#[from] CreateRefused),
    /// More than [`SOURCE_BYTES`].
    #[error("the source of {0} has more than {SOURCE_BYTES} bytes")]
    SourceTooLarge(ScriptName),
    /// More routes than any script needs.
    #[error("{0} has more than {ROUTES} routes")]
    TooManyRoutes(ScriptName),
    /// More topics than any script needs.
    #[error("{0} has more than {SCRIPT_TOPICS} topics")]
    TooManyTopics(ScriptName),
    /// More schedules than any script needs.
    #[error("{0} has more than {SCRIPT_SCHEDULES} schedules")]
    TooManySchedules(ScriptName),
    /// Sources do not compile, or what they import does not, or what imports them would not any more.
    #[error("{}{}: {}", .0.first.script, place(&.0.first), .0.first.message)]
    InvalidScripts(Faults),
    /// The app is gone, or a route is taken.
    #[error(transparent)]
    Refused(#[from] PutRefused),
    /// There is nothing to go back to, or one of its routes is taken.
    #[error(transparent)]
    RollbackRefused(#[from] RollbackRefused),
    /// One of many scripts was refused, or somebody else deployed meanwhile.
    #[error(transparent)]
    DeployRefused(#[from] DeployRefused),
    /// A limit is out of its bounds.
    #[error(transparent)]
    Limit(#[from] OutOfBounds),
    /// There is none of this number, or none before the latest.
    #[error("there is no such release to go back to")]
    NoSuchRelease,
    /// The source could not be checked.
    #[error("the source could not be checked")]
    Executor(#[from] ExecutorError),
    /// The store failed.
    #[error("the version was not stored")]
    Store(#[from] StoreError),
}

fn place(fault: &Fault) -> String {
    place::behind_name(fault.position.map(|at| at.line), fault.position.map(|at| at.column))
}

impl Manager {
    /// Makes an app that belongs to nobody, so that only administrators see it, and deploys scripts into it. All are
    /// checked before anything is stored.
    ///
    /// # Errors
    /// When the slug is taken, a script or a limit is refused, or the platform fails.
    pub async fn deploy_unowned(
        &self,
        slug: AppSlug,
        name: &str,
        debug: bool,
        scripts: Vec<DeployScript>,
        limits: Option<LimitValues>,
    ) -> Result<AppId, DeployError> {
        let id = AppId::new();
        if let Some(limits) = &limits {
            self.settings.limits.check(&replacing(limits))?;
        }
        let scripts = self.versions(id, scripts, false, None).await?;
        let app = NewApp { id, slug, name: name.to_owned(), debug, owner: None, now: now_ms() };
        let app = self.store.create_app(app).await??;
        let release = NewRelease { scripts, limits, limits_by: LimitsBy::Server, ..NewRelease::at(now_ms()) };
        self.store.deploy(app.id, release).await??;
        Ok(app.id)
    }

    /// Makes the scripts and the limits of an app that belongs to nobody those given, all or nothing.
    ///
    /// # Errors
    /// When there is no such app, a script or a limit is refused, or the platform fails.
    pub async fn redeploy_unowned(
        &self,
        app: AppId,
        scripts: Vec<DeployScript>,
        limits: LimitValues,
    ) -> Result<Deployed, DeployError> {
        self.settings.limits.check(&replacing(&limits))?;
        let scripts = self.versions(app, scripts, false, None).await?;
        let limits = Some(limits);
        let release = NewRelease { scripts, limits, limits_by: LimitsBy::Server, ..NewRelease::at(now_ms()) };
        Ok(self.store.deploy(app, release).await??)
    }

    /// Stores a script's new version and makes it the one that answers.
    pub(crate) async fn put_script(
        &self,
        app: AppId,
        name: ScriptName,
        put: PutScript,
        author: UserId,
        precondition: &Precondition,
    ) -> Result<Put, DeployError> {
        let put = [(name, put)];
        bounded(&put)?;
        let sources = put.iter().map(source).collect();
        let imports = self.executor.check(app, sources, BTreeSet::new()).await?.map_err(DeployError::InvalidScripts)?;
        let ([(name, put)], imports) = (put, imports.into_iter().next().unwrap_or_default());
        let version = new_version(name, put, imports, Some(author));
        Ok(self.store.put_script(app, version, precondition).await??)
    }

    /// Makes the scripts of an app those given, all or nothing.
    pub(crate) async fn deploy(
        &self,
        app: &App,
        deploy: Deploy,
        as_owner: bool,
        author: UserId,
        brings_back: Option<i64>,
    ) -> Result<Deployed, DeployError> {
        let Deploy { scripts, limits, keep_others, dry_run, state } = deploy;
        // Before they are checked, which takes longer than counting.
        if scripts.len() > APP_SCRIPTS {
            return Err(DeployRefused::TooManyScripts.into());
        }
        if scripts.iter().map(|script| script.source.len()).sum::<usize>() > DEPLOY_BYTES {
            return Err(DeployRefused::SourcesTooLarge.into());
        }
        if let Some(limits) = limits.as_ref().filter(|limits| **limits != app.limits) {
            self.settings.limits.check(&replacing(limits))?;
        }
        let scripts = self.versions(app.id, scripts, keep_others, Some(author)).await?;
        let release = NewRelease {
            scripts,
            limits,
            limits_by: if as_owner { LimitsBy::User(author) } else { LimitsBy::Nobody },
            keep_others,
            dry_run,
            state,
            brings_back,
            author: Some(author),
            ..NewRelease::at(now_ms())
        };
        // One after the other, so that whoever writes meanwhile waits for one of them and not for all.
        let turn = tokio::time::timeout(DEPLOY_PATIENCE, self.deploys.acquire()).await;
        let _turn = turn.map_err(|_| ExecutorError::Overloaded)?;
        Ok(self.store.deploy(app.id, release).await??)
    }

    /// Makes the scripts of an app those that a release left: the one with this number, or the one before the latest.
    pub(crate) async fn roll_back_app(
        &self,
        app: &App,
        RollBackApp { release, dry_run, state }: RollBackApp,
        as_owner: bool,
        author: UserId,
    ) -> Result<Deployed, DeployError> {
        let (number, ReleaseContent { scripts, limits }) =
            self.store.release_content(app.id, release).await?.ok_or(DeployError::NoSuchRelease)?;
        let deploy = Deploy { scripts, limits: Some(limits), keep_others: false, dry_run, state };
        let noting = Self { store: self.store.noting("brings_back", number), ..self.clone() };
        noting.deploy(app, deploy, as_owner, author, Some(number)).await
    }

    /// Makes another version of a script the one that answers: the one with this number, or the one before.
    pub(crate) async fn rollback_script(
        &self,
        app: AppId,
        name: &ScriptName,
        number: Option<i64>,
        precondition: &Precondition,
    ) -> Result<Script, DeployError> {
        let Target { number, version, imports } = self.store.rollback_target(app, name, number).await??;
        // Others need no executor, which may have more to do than it can just because of the version that answers now.
        if !imports.is_empty() || self.is_imported(app, name).await? {
            let mut sources = self.store.sources(&[version]).await?;
            let (name, text) = sources.remove(&version).ok_or(RollbackRefused::NoSuchVersion)?;
            self.executor
                .check(app, vec![Source { name, text: text.into() }], BTreeSet::new())
                .await?
                .map_err(DeployError::InvalidScripts)?;
        }
        Ok(self.store.noting("version", number).rollback(app, name, Some(number), precondition).await??)
    }

    async fn is_imported(&self, app: AppId, name: &ScriptName) -> Result<bool, StoreError> {
        Ok(self.store.active_versions(app).await?.iter().any(|active| active.imports.contains(name)))
    }

    /// What is wrong with a source; nothing, if it would be accepted.
    pub(crate) async fn check_source(
        &self,
        app: AppId,
        name: ScriptName,
        source: String,
    ) -> Result<Option<Diagnostic>, DeployError> {
        if source.len() > SOURCE_BYTES {
            return Err(DeployError::SourceTooLarge(name));
        }
        let checked = self.executor.check(app, vec![Source { name, text: source.into() }], BTreeSet::new()).await?;
        Ok(checked.err().map(|faults| Diagnostic::from(faults.first)))
    }

    /// What is to be stored, if all of it may be. Sources that the app has already as they are were checked when they came: only
    /// the others are, and whatever imports them.
    async fn versions(
        &self,
        app: AppId,
        scripts: Vec<DeployScript>,
        keep_others: bool,
        author: Option<UserId>,
    ) -> Result<Vec<NewVersion>, DeployError> {
        let puts: Vec<_> = scripts.into_iter().map(put).collect();
        bounded(&puts)?;
        let active = self.store.active_versions(app).await?;
        let mut active: BTreeMap<ScriptName, ActiveVersion> =
            active.into_iter().map(|active| (active.name.clone(), active)).collect();
        let known: Vec<Option<Imports>> = puts
            .iter()
            .map(|(name, put)| {
                let same = active.remove(name).filter(|active| active.is_of(&put.source));
                same.map(|active| active.imports)
            })
            .collect();
        let gone = if keep_others { BTreeSet::new() } else { active.into_keys().collect() };
        let changed = puts.iter().zip(&known).filter(|(_, known)| known.is_none());
        let sources = changed.map(|(put, _)| source(put)).collect();
        let checked = self.executor.check(app, sources, gone).await?.map_err(DeployError::InvalidScripts)?;
        let mut checked = checked.into_iter();
        let versions = puts.into_iter().zip(known).map(|((name, put), known)| {
            let imports = known.or_else(|| checked.next()).unwrap_or_default();
            new_version(name, put, imports, author)
        });
        Ok(versions.collect())
    }
}

/// Whether there are no more of anything than there may be.
fn bounded(puts: &[(ScriptName, PutScript)]) -> Result<(), DeployError> {
    for (name, put) in puts {
        if put.source.len() > SOURCE_BYTES {
            return Err(DeployError::SourceTooLarge(name.clone()));
        }
        if put.routes.as_ref().is_some_and(|routes| routes.len() > ROUTES) {
            return Err(DeployError::TooManyRoutes(name.clone()));
        }
        if put.topics.as_ref().is_some_and(|topics| topics.len() > SCRIPT_TOPICS) {
            return Err(DeployError::TooManyTopics(name.clone()));
        }
        if put.schedules.as_ref().is_some_and(|schedules| schedules.len() > SCRIPT_SCHEDULES) {
            return Err(DeployError::TooManySchedules(name.clone()));
        }
    }
    Ok(())
}

fn source((name, put): &(ScriptName, PutScript)) -> Source {
    Source { name: name.clone(), text: put.source.as_str().into() }
}

/// A script without anything of a version before.
fn put(DeployScript { name, source, routes, topics, schedules }: DeployScript) -> (ScriptName, PutScript) {
    (name, PutScript { source, routes, topics: Some(topics), schedules: Some(schedules) })
}

/// The changes that leave these limits and no others.
fn replacing(limits: &LimitValues) -> LimitChanges {
    LimitName::ALL.into_iter().map(|name| (name, limits.0.get(&name).copied())).collect()
}

fn new_version(name: ScriptName, put: PutScript, imports: Imports, author: Option<UserId>) -> NewVersion {
    let PutScript { source, routes, topics, schedules } = put;
    NewVersion { name, source, routes, topics, schedules, imports, author, now: now_ms() }
}
