//! Signing in, and tokens.

use crate::{
    api::Role,
    ids::{TokenId, UserId},
    names::{AppSlug, Username},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The first user, made with the one-time set-up token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// From the set-up link.
    pub token: String,
    /// The administrator's name.
    pub username: Username,
    /// At least 10 characters, at most 1,024 bytes.
    pub password: String,
}

/// Name and password.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Any text; a name that cannot exist is answered like a wrong password.
    pub username: String,
    /// At most 1,024 bytes.
    pub password: String,
}

/// A new bearer token, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// For the header `authorization: Bearer …`.
    pub token: String,
}

/// Who the bearer of a token is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The user's id.
    pub id: UserId,
    /// The user's name.
    pub username: Username,
    /// Whether the bearer may do everything on this server: an administrator with a token that has all of their rights.
    pub admin: bool,
    /// Whether the bearer may make apps.
    pub create_apps: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Made by signing in.
    Session,
    /// Made for a program.
    Api,
}

/// A token, as its user sees it later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenInfo {
    /// The token's id, which is no secret.
    pub id: TokenId,
    /// What it is.
    pub kind: TokenKind,
    /// Of an API token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The most that it may do in any app; absent: what its user may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The apps that it is for; absent: all of its user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<Vec<AppSlug>>,
    /// Whether it is the one that asks.
    pub current: bool,
    /// When it was made.
    pub created_at: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
    /// When it was last used, to within an hour; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<TimestampMs>,
}

/// An API token to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// For people: 1 to 100 characters, without control characters.
    pub name: String,
    /// The most that it may do in any app; absent: what the user may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The apps that it is for; absent: all of the user's, those to come included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<Vec<AppSlug>>,
    /// For how many days it is good: 1 to 366, 90 when absent.
    #[serde(default = "default_days")]
    pub expires_in_days: u32,
}

const fn default_days() -> u32 {
    90
}

/// A new API token, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiToken {
    /// For the header `authorization: Bearer …`.
    pub token: String,
    /// What it is.
    #[serde(flatten)]
    pub info: TokenInfo,
}

/// Another password for oneself.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one until now.
    pub old_password: String,
    /// At least 10 characters, at most 1,024 bytes.
    pub new_password: String,
}

macro_rules! hide_in_debug {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
hide_in_debug!(Setup Login Token ApiToken ChangePassword);
