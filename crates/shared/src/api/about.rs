//! What anybody may know of a server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A server, as anybody may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// PiCloud's version.
    pub version: String,
    /// Whether there is a user: otherwise the one-time set-up link makes the first one.
    pub set_up: bool,
}
