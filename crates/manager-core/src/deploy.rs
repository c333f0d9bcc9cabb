//! Deploying: a source is checked, then stored as a version with its routes; a refused one leaves nothing behind.

use crate::Manager;
use picloud_shared::{
    api::{Diagnostic, PutScript},
    executor::ExecutorError,
    ids::{AppId, UserId},
    limits::{SCRIPT_TOPICS, SOURCE_BYTES},
    names::{AppSlug, ScriptName},
    time::now_ms,
};
use picloud_store::{NewApp, NewVersion, Put, PutRefused, StoreError};
use std::sync::Arc;

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
    /// The source does not compile.
    #[error("{script}{}: {}", place(.diagnostic), .diagnostic.message)]
    InvalidScript {
        /// Whose source it is.
        script: ScriptName,
        /// What is wrong, and where.
        diagnostic: Diagnostic,
    },
    /// The app is gone, or a route is taken.
    #[error(transparent)]
    Refused(#[from] PutRefused),
    /// The source could not be checked.
    #[error("the source could not be checked")]
    Executor(#[from] ExecutorError),
    /// The store failed.
    #[error("the version was not stored")]
    Store(#[from] StoreError),
}

/// `:line:column`, as far as they are known.
fn place(diagnostic: &Diagnostic) -> String {
    [diagnostic.line, diagnostic.column].into_iter().flatten().map(|number| format!(":{number}")).collect()
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
        for (script, put) in &scripts {
            self.accept(id, script, put).await?;
        }
        let app = NewApp { id, slug: slug.clone(), name: name.to_owned(), debug, owner: None, now: now_ms() };
        let app = self.store.create_app(app).await?.ok_or(DeployError::SlugTaken(slug))?;
        for (script, put) in scripts {
            self.store_version(app.id, script, put, None).await?;
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
        self.accept(app, &name, &put).await?;
        self.store_version(app, name, put, Some(author)).await
    }

    /// What is wrong with a source; nothing, if it would be accepted.
    pub(crate) async fn check_source(
        &self,
        app: AppId,
        name: &ScriptName,
        source: &str,
    ) -> Result<Option<Diagnostic>, DeployError> {
        if source.len() > SOURCE_BYTES {
            return Err(DeployError::SourceTooLarge(name.clone()));
        }
        let checked = self.executor.check(app, name.clone(), Arc::from(source)).await?;
        Ok(checked.err().map(Diagnostic::from))
    }

    async fn accept(&self, app: AppId, name: &ScriptName, put: &PutScript) -> Result<(), DeployError> {
        if put.routes.as_ref().is_some_and(|routes| routes.len() > ROUTES) {
            return Err(DeployError::TooManyRoutes(name.clone()));
        }
        if put.topics.as_ref().is_some_and(|topics| topics.len() > SCRIPT_TOPICS) {
            return Err(DeployError::TooManyTopics(name.clone()));
        }
        match self.check_source(app, name, &put.source).await? {
            None => Ok(()),
            Some(diagnostic) => Err(DeployError::InvalidScript { script: name.clone(), diagnostic }),
        }
    }

    async fn store_version(
        &self,
        app: AppId,
        name: ScriptName,
        put: PutScript,
        author: Option<UserId>,
    ) -> Result<Put, DeployError> {
        let PutScript { source, routes, topics } = put;
        let version = NewVersion { name, source, routes, topics, author, now: now_ms() };
        Ok(self.store.put_script(app, version).await??)
    }
}
