//! Domains of apps.

use crate::{domains::DomainName, time::TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A domain at which an app answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Domain {
    /// Its name.
    pub domain: DomainName,
    /// When it was added.
    #[schema(value_type = i64)]
    pub created_at: TimestampMs,
}

/// A domain to be added.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDomain {
    /// Its name; that no other app has.
    pub domain: DomainName,
}
