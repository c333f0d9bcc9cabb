//! Signing in.

use crate::{ids::UserId, names::Username};
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
    /// Whether the user may do everything on this server.
    pub admin: bool,
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
hide_in_debug!(Setup Login Token);
