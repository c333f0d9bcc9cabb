//! The bodies of the API, `/api/v1`, as JSON. Requests refuse fields they do not know, so that a misspelt one is not
//! silently ignored.

mod about;
mod apps;
mod audit;
mod auth;
mod domains;
mod error;
mod files;
mod invitations;
mod invocations;
mod kv;
mod members;
mod releases;
mod schedules;
mod scripts;
mod server;
mod settings;
mod stats;
mod topics;
mod usage;
mod users;

pub use about::About;
pub use apps::{App, NewApp, Role, UpdateApp};
pub use audit::AuditEntry;
pub use auth::{ApiToken, ChangePassword, Login, Me, NewApiToken, Setup, Token, TokenInfo, TokenKind};
pub use domains::{Domain, NewDomain};
pub use error::{ErrorBody, ErrorDetail};
pub use files::File;
pub use invitations::{AcceptInvitation, AcceptedInvitation, Invitation, InvitationLink, InviteToApp, InviteToServer};
pub use invocations::{
    Call, InvocationDetail, InvocationSummary, Invoke, InvokedResponse, LogEntry, LogLevel, StatusFilter, Trigger,
};
pub use kv::{KvItem, SetKv};
pub use members::{Member, SetMember};
pub use releases::{ChangeKind, Changes, Deploy, DeployScript, Deployed, Release, RollBackApp, ScriptChange};
pub use schedules::{LastFiring, ScheduleRun, ScheduleState};
pub use scripts::{Check, Checked, Diagnostic, PutScript, Rollback, Script, Totals, Version, VersionSource};
pub use server::{DatabaseFacts, DatabaseKind, Server};
pub use settings::{Secret, SetSecret, SetVar, Var};
pub use stats::{ScriptStats, Stats, StatsBucket, StatsRange, StatsSums};
pub use topics::{DeadLetter, Delivery, DeliveryState, Publish, Published, Replay, Replayed, Topic};
pub use usage::{Usage, Used};
pub use users::{UpdateUser, User};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to give as `before`, or as `after` where the list has that, for the next page; absent on the last. Where it is
    /// looked for something, a page may have fewer items than wanted, or none, and a next one all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A field that is there with null is there; serde alone takes it for absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<serde_json::Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(Some)
}
