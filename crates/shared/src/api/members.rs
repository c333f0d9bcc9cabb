//! Members of apps.

use super::Role;
use crate::names::Username;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody with a role in an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who it is.
    pub username: Username,
    /// What they may do.
    pub role: Role,
}

/// A role to be given.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMember {
    /// What they may do, in place of what they could before.
    pub role: Role,
}
