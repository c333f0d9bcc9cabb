//! Deploying: a source is checked, then stored as a version with its routes; a refused one leaves nothing behind. An old
//! version that is to answer again is checked likewise, if it has to do with imports.

use crate::Manager;
use picloud_shared::{
    api::{Diagnostic, PutScript},
    executor::{ExecutorError, Fault, Imports, Source},
    ids::{AppId, UserId},
    imports::ImportGraph,
    limits::{SCRIPT_SCHEDULES, SCRIPT_TOPICS, SOURCE_BYTES},
    names::{AppSlug, ScriptName},
    time::now_ms,
};
use picloud_store::{NewApp, NewVersion, Put, PutRefused, RollbackRefused, Script, StoreError, Target};

/// Most routes of one script: enough for any, and it bounds the search for conflicts.
const ROUTES: usize = 100;

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
        scripts: Vec<(ScriptName, PutScript)>,
    ) -> Result<(), DeployError> {
        let id = AppId::new();
        let imports = self.accept(id, &scripts).await?;
        let app = NewApp { id, slug: slug.clone(), name: name.to_owned(), debug, owner: None, now: now_ms() };
        let app = self.store.create_app(app).await?.ok_or(DeployError::SlugTaken(slug))?;
        let mut graph = ImportGraph::default();
        for ((script, _), imports) in scripts.iter().zip(&imports) {
            graph.insert(script.clone(), imports.clone());
        }
        let mut left: Vec<_> = scripts.into_iter().zip(imports).collect();
        // What others import comes before them.
        left.sort_by_cached_key(|((script, _), _)| graph.order(script).map_or(0, |imports| imports.len()));
        for ((script, put), imports) in left {
            self.store_version(app.id, script, put, imports, None).await?;
        }
        Ok(())
    }

    /// Stores a script's new version and makes it the one that answers.
    pub(crate) async fn put_script(
        &self,
        app: AppId,
        name: ScriptName,
        put: PutScript,
        author: UserId,
    ) -> Result<Put, DeployError> {
        let put = [(name, put)];
        let imports = self.accept(app, &put).await?;
        let ([(name, put)], imports) = (put, imports.into_iter().next().unwrap_or_default());
        self.store_version(app, name, put, imports, Some(author)).await
    }

    /// Makes another version of a script the one that answers: the one with this number, or the one before.
    pub(crate) async fn rollback_script(
        &self,
        app: AppId,
        name: &ScriptName,
        number: Option<i64>,
    ) -> Result<Script, DeployError> {
        let Target { number, version, imports } = self.store.rollback_target(app, name, number).await??;
        // Others need no executor, which may have more to do than it can just because of the version that answers now.
        if !imports.is_empty() || self.is_imported(app, name).await? {
            let mut sources = self.store.sources(&[version]).await?;
            let (name, text) = sources.remove(&version).ok_or(RollbackRefused::NoSuchVersion)?;
            self.executor
                .check(app, vec![Source { name, text: text.into() }])
                .await?
                .map_err(DeployError::InvalidScript)?;
        }
        Ok(self.store.rollback(app, name, Some(number)).await??)
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
        let checked = self.executor.check(app, vec![Source { name, text: source.into() }]).await?;
        Ok(checked.err().map(Diagnostic::from))
    }

    /// What each of them imports, if all may be stored.
    async fn accept(&self, app: AppId, puts: &[(ScriptName, PutScript)]) -> Result<Vec<Imports>, DeployError> {
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
        self.executor.check(app, sources.collect()).await?.map_err(DeployError::InvalidScript)
    }

    async fn store_version(
        &self,
        app: AppId,
        name: ScriptName,
        put: PutScript,
        imports: Imports,
        author: Option<UserId>,
    ) -> Result<Put, DeployError> {
        let PutScript { source, routes, topics, schedules } = put;
        let version = NewVersion { name, source, routes, topics, schedules, imports, author, now: now_ms() };
        Ok(self.store.put_script(app, version).await??)
    }
}
