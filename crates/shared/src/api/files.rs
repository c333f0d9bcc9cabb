//! Files.

use crate::{names::FilePath, time::TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// Its path within the app.
    pub path: FilePath,
    /// Bytes of its content.
    pub size: i64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// When it was last written.
    #[schema(value_type = i64)]
    pub updated_at: TimestampMs,
}
