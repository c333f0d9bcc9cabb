//! What an app uses, and how much it may.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an app uses now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Requests that this node has let in, in the minute of the clock that it is now.
    pub requests_this_minute: Used,
    /// Fuel of all invocations that have ended on this node in this minute.
    pub fuel_this_minute: Used,
    /// Requests that this node has in flight.
    pub concurrency: Used,
    /// Scripts.
    pub scripts: Used,
    /// Bytes of its files together.
    pub file_bytes: Used,
    /// Files.
    pub files: Used,
    /// Bytes of the records of its invocations, their logs included. For a moment there may be more than the limit.
    pub record_bytes: Used,
    /// Bytes of the keys and values of its key-value store.
    pub kv_bytes: Used,
    /// Entries of its key-value store.
    pub kv_entries: Used,
    /// Deliveries that wait or run.
    pub deliveries: Used,
}

/// How much is used of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Used {
    /// How much that is.
    pub used: i64,
    /// How much it may be; absent where there is no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
}
