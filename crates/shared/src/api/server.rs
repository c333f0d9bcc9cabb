//! What an administrator may know of a server.

use crate::{limit_rules::LimitValues, time::TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The process that answers: what it was started with, and what it works on. Neither passwords nor keys are in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Server {
    /// PiCloud's version.
    pub version: String,
    /// The name of the machine, kept with the invocations that it runs.
    pub node: String,
    /// When the process began.
    #[schema(value_type = i64)]
    pub started_at: TimestampMs,
    /// The database.
    pub database: DatabaseFacts,
    /// The directory of the compiled engine, and of what else the process keeps beside the database; with SQLite of the
    /// database too.
    pub data_directory: String,
    /// The API's address as others reach it.
    pub manager_url: String,
    /// Names that the API is reached by, beside `localhost` and addresses.
    pub manager_hosts: Vec<String>,
    /// What stands before an app's slug to reach it.
    pub apps_url: String,
    /// The domain below which each app has a host name of its own.
    pub apps_domain: String,
    /// Proxies that are believed about where a request comes from; empty: none is.
    pub trusted_proxies: Vec<String>,
    /// What the engine compiles to.
    pub engine: String,
    /// Invocations that there may be at once.
    pub slots: i64,
    /// Bytes of request bodies that there may be at once.
    pub body_memory_bytes: i64,
    /// How often a delivery is tried before it is a dead letter.
    pub delivery_attempts: u32,
    /// Milliseconds until a failed delivery is tried again for the first time.
    pub delivery_backoff_ms: u32,
    /// The limits of an app that sets none.
    pub limits: LimitValues,
    /// The most that an app may have of each.
    pub max_limits: LimitValues,
}

/// A database, as far as it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DatabaseFacts {
    /// Which one it is.
    pub kind: DatabaseKind,
    /// Its version.
    pub version: String,
    /// Bytes that it takes on disk, its log not included.
    pub bytes: i64,
}

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// A file in the data directory.
    Sqlite,
    /// A server.
    Postgres,
}
