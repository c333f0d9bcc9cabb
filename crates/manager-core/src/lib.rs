//! The control plane: users, apps, scripts, their immutable versions, manual runs, and the API over them. It reaches
//! the executor through a trait and the data through the store; it serves no app's endpoint and reads no environment.

mod deploy;
mod hosts;
mod http;
mod invitations;
mod invoke;
mod keys;
mod password;
mod reset;
mod setup;
mod sign_in;
mod throttle;
mod token;
mod trigger;

pub use deploy::DeployError;
pub use hosts::ManagerHosts;
pub use http::document as openapi;
pub use keys::{KeyError, settle_keys};
pub use password::PasswordError;
pub use reset::{ResetError, generate_password, reset_password};
pub use setup::{CreateAdminError, SetupToken, create_admin};

use http::{follow::Followers, metrics::Counted};
use password::Passwords;
use picloud_shared::{
    activity::Activity, domains::AppsDomain, executor::Executor, limit_rules::LimitRules, names::AppSlug,
    proxies::TrustedProxies, time::TimestampMs,
};
use picloud_store::{AuditEntry, Store, Warrant};
use picloud_vault::Vault;
use std::sync::Arc;
use throttle::Throttle;
use tokio::sync::Semaphore;

/// The control plane of one process. Cloning is cheap; clones share everything.
#[derive(Clone)]
pub struct Manager {
    store: Store,
    executor: Arc<dyn Executor>,
    settings: Arc<Settings>,
    passwords: Passwords,
    throttle: Arc<Throttle>,
    followers: Followers,
    activity: Arc<Activity>,
    counted: Counted,
    /// One place: deploys of whole apps are stored one after the other.
    deploys: Arc<Semaphore>,
}

/// What the binary decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of this machine, kept with the invocations that it runs.
    pub node: Arc<str>,
    /// The API's address as others reach it, such as `https://picloud.example.com`.
    pub manager_url: String,
    /// The names that the API is reached by.
    pub manager_hosts: ManagerHosts,
    /// Who is believed about where a request comes from.
    pub trusted_proxies: TrustedProxies,
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
    /// What administrators are told of the process beside all that.
    pub process: Process,
}

/// What administrators are told of a process, and the control plane has no other use for.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// When it began.
    pub started_at: TimestampMs,
    /// Where it keeps what it keeps.
    pub data_directory: String,
    /// What the engine compiles to.
    pub engine: String,
    /// How often a delivery is tried before it is a dead letter.
    pub delivery_attempts: u32,
    /// Milliseconds until a failed delivery is tried again for the first time.
    pub delivery_backoff_ms: u32,
}

impl Manager {
    /// A control plane over this store that checks and runs with this executor, and tells of what goes on in this process.
    pub fn new(store: Store, executor: Arc<dyn Executor>, activity: Arc<Activity>, settings: Settings) -> Self {
        Self {
            store,
            executor,
            activity,
            counted: Counted::default(),
            settings: Arc::new(settings),
            passwords: Passwords::new(),
            throttle: Arc::new(Throttle::new()),
            followers: Followers::new(),
            deploys: Arc::new(Semaphore::new(1)),
        }
    }

    /// The same control plane, whose next change is kept in the audit log as this entry, and made only if whoever asks for
    /// it still may.
    pub(crate) fn audited(&self, entry: AuditEntry, warrant: Warrant) -> Self {
        Self { store: self.store.audited(entry).warranted(warrant), ..self.clone() }
    }

    /// Ends the streams that would never end by themselves, so that a process that stops can end.
    pub fn stop(&self) {
        self.followers.stop();
    }

    /// Where an app answers.
    pub(crate) fn app_url(&self, slug: &AppSlug) -> String {
        format!("{}/{slug}", self.settings.apps_url)
    }

    /// The API below `/api/v1`, the pages for setting up and for invitations, and the health checks. Needs the peer's
    /// address as `ConnectInfo<SocketAddr>`.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }
}
