//! Programs that no app has stored, run as if they were one of an app's scripts: that is how tests of scripts are run. What
//! only such a program can ask for is not the platform's to know, but whoever runs it answers it.

use crate::LocalExecutor;
use futures_util::future::FutureExt as _;
use picloud_abi::{
    invocation::{Diagnostic, Library},
    scripts::Call,
    seam::Refusal,
};
use picloud_shared::{
    executor::{BoxFuture, Cancelled, ExecutorError, Job, Report},
    ids::AppId,
};
use std::sync::Arc;

/// What the scripts that such a program calls are called if they are none of the app's, but questions to whoever runs it.
pub const CONTROL: &str = "picloud:";

/// Answers calls of scripts whose name begins with [`CONTROL`]: with JSON text, or an error that the program can catch.
pub type Control = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<String, Refusal>> + Send + Sync>;

/// A program, and what else it can import than the app's scripts.
#[derive(Clone, Debug)]
pub struct Apart {
    /// For messages.
    pub name: String,
    /// Rhai.
    pub source: String,
    /// Libraries that need no others, by names that no script has.
    pub libraries: Vec<Library>,
}

impl LocalExecutor {
    /// Runs it once, for an app and within the limits of the job, whose version and script do not count. Its calls of scripts
    /// that are meant for `control` cost it nothing but time.
    ///
    /// # Errors
    /// When the platform fails. A program that cannot be loaded is none of its errors.
    pub async fn run_apart(
        &self,
        apart: Apart,
        job: Job,
        control: Control,
        cancelled: Cancelled,
    ) -> Result<Result<Report, Diagnostic>, ExecutorError> {
        let image = match self.load_apart(job.app, apart).await? {
            Ok(image) => Arc::new(image),
            Err(diagnostic) => return Ok(Err(diagnostic)),
        };
        self.run(&image, job, Some(control), cancelled.shared()).await.map(Ok)
    }

    /// What is wrong with one, if it would not load.
    ///
    /// # Errors
    /// When the platform fails.
    pub async fn check_apart(&self, app: AppId, apart: Apart) -> Result<Option<Diagnostic>, ExecutorError> {
        Ok(self.load_apart(app, apart).await?.err())
    }
}
