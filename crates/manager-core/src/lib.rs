//! The control plane: users, apps, scripts, their immutable versions, manual runs, and the API over them. It reaches
//! the executor through a trait and the data through the store; it serves no app's endpoint and reads no environment.

mod deploy;
mod http;
mod invoke;
mod keys;
mod password;
mod setup;
mod token;
mod trigger;

pub use deploy::DeployError;
pub use http::document as openapi;
pub use keys::{KeyError, settle_keys};
pub use password::PasswordError;
pub use setup::{CreateAdminError, SetupToken, create_admin};

use password::Passwords;
use picloud_shared::{domains::AppsDomain, executor::Executor, limit_rules::LimitRules, names::AppSlug};
use picloud_store::Store;
use picloud_vault::Vault;
use std::sync::Arc;

/// The control plane of one process. Cloning is cheap; clones share everything.
#[derive(Clone)]
pub struct Manager {
    store: Store,
    executor: Arc<dyn Executor>,
    settings: Arc<Settings>,
    passwords: Passwords,
}

/// What the binary decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this machine, kept with the invocations that it runs.
    pub node: String,
    /// What stands before an app's slug to reach it, such as `http://localhost:8080`.
    pub apps_url: String,
    /// The domain below which each app has a host name of its own.
    pub apps_domain: AppsDomain,
    /// How far apps may set their limits.
    pub limits: LimitRules,
    /// Seals secrets.
    pub vault: Vault,
    /// What lets a visitor make the first user; `None` once there is one.
    pub setup_token: Option<SetupToken>,
}

impl Manager {
    /// A control plane over this store that checks and runs with this executor.
    pub fn new(store: Store, executor: Arc<dyn Executor>, settings: Settings) -> Self {
        Self { store, executor, settings: Arc::new(settings), passwords: Passwords::new() }
    }

    /// Where an app answers.
    pub(crate) fn app_url(&self, slug: &AppSlug) -> String {
        format!("{}/{slug}", self.settings.apps_url)
    }

    /// The API below `/api/v1`, the set-up page, and the health checks.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }
}
