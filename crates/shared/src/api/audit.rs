//! The audit log: who changed what, and from where.

use crate::{
    ids::{AuditId, TokenId, UserId},
    names::{AppSlug, Username},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::IpAddr;
use utoipa::ToSchema;

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// The entry's id.
    pub id: AuditId,
    /// When.
    pub at: TimestampMs,
    /// By whom, as they were called then; absent: by nobody who had signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Username>,
    /// The id of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<UserId>,
    /// With which token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
    /// From where; absent: from the server's own machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// Named as the operation of the API.
    pub action: String,
    /// In which app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppSlug>,
    /// To what of it; absent: the app or the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What else is to be known: an object, without secrets.
    pub detail: Value,
}
