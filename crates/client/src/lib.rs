//! A typed client of PiCloud's API, `/api/v1`: one method for each endpoint, one file for each resource. It keeps
//! no state but the server's address and a token, never retries, and never follows a redirect.

mod apps;
mod audit;
mod auth;
mod client;
mod domains;
mod error;
mod files;
mod follow;
mod invitations;
mod invocations;
mod kv;
mod logs;
mod members;
mod releases;
mod schedules;
mod scripts;
mod secrets;
mod server;
mod stats;
mod topics;
mod usage;
mod users;
mod vars;

pub use audit::AuditFilter;
pub use client::Client;
pub use error::Error;
pub use files::FileFilter;
pub use follow::{FollowFilter, Followed, LogStream};
pub use invocations::InvocationFilter;
pub use logs::LogFilter;
pub use topics::{DeadLetterFilter, DeliveryFilter};

/// What each method gives.
pub type Result<T> = std::result::Result<T, Error>;
