//! Users, as administrators see them.

use crate::{ids::UserId, names::Username, time::TimestampMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person who signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// Whether the user may do everything on this server.
    pub admin: bool,
    /// Whether the user may make apps; administrators may without.
    pub create_apps: bool,
    /// Whether the user can sign in no more.
    pub disabled: bool,
    /// When the user was made.
    pub created_at: TimestampMs,
}

/// What to change of a user; what is absent stays.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Whether the user may do everything on this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<bool>,
    /// Whether the user may make apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_apps: Option<bool>,
    /// Whether the user can sign in no more; all tokens end at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}
