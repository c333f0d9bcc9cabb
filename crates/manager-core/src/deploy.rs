//! Deploying: a source is checked, then stored as a version with its routes; a refused one leaves nothing behind. An old
//! version that is to answer again is checked likewise, if it has to do with imports.

use crate::Manager;
use picloud_shared::{
    api::{Deploy, DeployScript, Deployed, Diagnostic, PutScript, RollBackApp},
    executor::{ExecutorError, Fault, Imports, Others, Source},
    ids::{AppId, UserId},
    limit_rules::{LimitChanges, LimitName, LimitValues, OutOfBounds},
    limits::{APP_SCRIPTS, DEPLOY_BYTES, SCRIPT_SCHEDULES, SCRIPT_TOPICS, SOURCE_BYTES},
    names::{AppSlug, ScriptName},
    precondition::Precondition,
    time::now_ms,
};
use picloud_store::{
    App, DeployRefused, NewApp, NewRelease, NewVersion, Put, PutRefused, ReleaseContent, RollbackRefused, Script,
    StoreError, Target,
};
use std::time::Duration;

/// Most routes of one script: enough for any, and it bounds the search for conflicts.
const ROUTES: usize = 100;

/// How long a deploy waits for those before it.
const DEPLOY_PATIENCE: Duration = Duration::from_secs(10);

/// Why something was not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// Another app has the slug.
    #[error("there is an app {0} already")]
    SlugTaken(AppSlug),
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
    /// The source does not compile, or what it imports does not, or what imports it would not any more.
    #[error("{}{}: {}", .0.script, place(.0), .0.message)]
    InvalidScript(Fault),
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

/// `:line:column`, as far as they are known.
fn place(fault: &Fault) -> String {
    fault.position.map_or_else(String::new, |at| format!(":{}:{}", at.line, at.column))
}

impl Manager {
    /// Makes an app that belongs to nobody, so that only administrators see it, and deploys scripts into it. All are
    /// checked before anything is stored.
    ///
    /// # Errors
    /// When the slug is taken, a script is refused, or the platform fails.
    pub async fn deploy_unowned(
        &self,
        slug: AppSlug,
        name: &str,
        debug: bool,
        scripts: Vec<DeployScript>,
    ) -> Result<(), DeployError> {
        let id = AppId::new();
        let scripts: Vec<_> = scripts.into_iter().map(put).collect();
        let imports = self.accept(id, &scripts, Others::Go).await?;
        let app = NewApp { id, slug: slug.clone(), name: name.to_owned(), debug, owner: None, now: now_ms() };
        let app = self.store.create_app(app).await?.ok_or(DeployError::SlugTaken(slug))?;
        let scripts = scripts.into_iter().zip(imports);
        let scripts = scripts.map(|((name, put), imports)| new_version(name, put, imports, None)).collect();
        self.store.deploy(app.id, NewRelease { scripts, ..NewRelease::at(now_ms()) }).await??;
        Ok(())
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
        let imports = self.accept(app, &put, Others::Stay).await?;
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
        let scripts: Vec<_> = scripts.into_iter().map(put).collect();
        let others = if keep_others { Others::Stay } else { Others::Go };
        let imports = self.accept(app.id, &scripts, others).await?;
        let scripts = scripts.into_iter().zip(imports);
        let scripts = scripts.map(|((name, put), imports)| new_version(name, put, imports, Some(author))).collect();
        let release = NewRelease {
            scripts,
            limits,
            limits_by: as_owner.then_some(author),
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
        self.deploy(app, deploy, as_owner, author, Some(number)).await
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
                .check(app, vec![Source { name, text: text.into() }], Others::Stay)
                .await?
                .map_err(DeployError::InvalidScript)?;
        }
        Ok(self.store.rollback(app, name, Some(number), precondition).await??)
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
        let checked = self.executor.check(app, vec![Source { name, text: source.into() }], Others::Stay).await?;
        Ok(checked.err().map(Diagnostic::from))
    }

    /// What each of them imports, if all may be stored.
    async fn accept(
        &self,
        app: AppId,
        puts: &[(ScriptName, PutScript)],
        others: Others,
    ) -> Result<Vec<Imports>, DeployError> {
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
        let sources = puts.iter().map(|(name, put)| Source { name: name.clone(), text: put.source.as_str().into() });
        self.executor.check(app, sources.collect(), others).await?.map_err(DeployError::InvalidScript)
    }
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
