//! Domains of apps.

use crate::{domains::DomainName, time::TimestampMs};
use serde::{Deserialize, Serialize};

/// A domain at which an app answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its name.
    pub domain: DomainName,
    /// When it was added.
    pub created_at: TimestampMs,
}

/// A domain to be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDomain {
    /// Its name; that no other app has.
    pub domain: DomainName,
}
