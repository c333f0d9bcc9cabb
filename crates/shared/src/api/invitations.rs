//! Invitations, by one-time link, to an app or to the server.

use super::Role;
use crate::{
    ids::InvitationId,
    names::{AppSlug, Username},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// An invitation to an app.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteToApp {
    /// What whoever accepts may do in it.
    pub role: Role,
}

/// An invitation to the server, without a role in any app.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteToServer {
    /// Whether whoever accepts may do everything on this server.
    #[serde(default)]
    pub admin: bool,
    /// Whether whoever accepts may make apps.
    #[serde(default)]
    pub create_apps: bool,
}

/// An invitation that nobody has accepted yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The invitation's id, which is no secret.
    pub id: InvitationId,
    /// To which app; absent: to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppSlug>,
    /// What whoever accepts may do in the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether whoever accepts may do everything on this server.
    pub admin: bool,
    /// Whether whoever accepts may make apps.
    pub create_apps: bool,
    /// Who invites.
    pub created_by: Username,
    /// When it was made.
    pub created_at: TimestampMs,
    /// From when on it is worth nothing.
    pub expires_at: TimestampMs,
}

/// A new invitation, with its link, shown once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationLink {
    /// To be opened in a browser by whoever is invited.
    pub url: String,
    /// What stands in the link, to be accepted without a browser.
    pub token: String,
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
}

impl fmt::Debug for InvitationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationLink").field("invitation", &self.invitation).finish_non_exhaustive()
    }
}

/// What accepts an invitation: with a name and a password it makes a user; without, the user whose token comes with the
/// request becomes a member of the app.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// From the link.
    pub token: String,
    /// The new user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// The new user's password: at least 10 characters, at most 1,024 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl fmt::Debug for AcceptInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptInvitation").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What accepting has changed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AcceptedInvitation {
    /// A token of the new user; absent where there was a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Who accepted.
    pub username: Username,
    /// The app that they are a member of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppSlug>,
    /// What they may do in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

impl fmt::Debug for AcceptedInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptedInvitation").field("username", &self.username).finish_non_exhaustive()
    }
}
