//! Scripts and their versions.

use crate::{
    ids::{ScriptId, VersionId},
    names::{ScriptName, TopicName},
    route::Route,
    schedule::Schedule,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A script's new source, and what starts it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutScript {
    /// Rhai, at most 256 KiB.
    pub source: String,
    /// Which requests it answers. Absent: those of the version before; for a new script `ANY /{name}`, and none
    /// below `lib/` or for one that is subscribed to topics or has schedules. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<Route>>,
    /// Which topics it is subscribed to. Absent: those of the version before, and none for a new script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<TopicName>>,
    /// When it runs by the clock. Absent: as the version before, and never for a new script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Vec<Schedule>>,
}

/// A script with its active version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Script {
    /// Stays when versions come and go.
    pub id: ScriptId,
    /// Unique in the app.
    pub name: ScriptName,
    /// The active version.
    pub version: Version,
    /// The active version's source; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The active version's routes.
    pub routes: Vec<Route>,
    /// What the active version is subscribed to, in alphabetical order.
    pub topics: Vec<TopicName>,
    /// When the active version runs by the clock.
    pub schedules: Vec<Schedule>,
    /// The scripts that the active version imports itself, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<ScriptName>,
    /// What stands before a route's path to call it: where the app answers.
    pub url: String,
    /// What all its invocations cost together.
    pub totals: Totals,
}

/// Sums over all invocations of a script, exact even where single records were dropped under load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// How many there were.
    pub invocations: i64,
    /// How many of them failed.
    pub failures: i64,
    /// Fuel burnt.
    pub fuel: i64,
    /// Wall time, in microseconds.
    pub duration_us: i64,
    /// Records that were not stored because the store could not keep up.
    pub dropped_records: i64,
    /// Log lines that were not stored, for that reason or because of the invocation's limit.
    pub dropped_logs: i64,
}

/// One version of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// Unique on the server.
    pub id: VersionId,
    /// Counted from 1 within the script.
    pub number: i64,
    /// SHA-256 of the source, in hexadecimal.
    pub sha256: String,
    /// When it was stored.
    #[schema(value_type = i64)]
    pub created_at: TimestampMs,
    /// Whether it is the one that answers.
    pub active: bool,
}

/// One version of a script, with its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionSource {
    /// The version.
    #[serde(flatten)]
    pub version: Version,
    /// Rhai.
    pub source: String,
}

/// Which version to make active.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The version's number. Absent: the one that was active before the present one became so, whatever their numbers;
    /// asking again leads back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// A source to check without storing it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Rhai, at most 256 KiB.
    pub source: String,
}

/// The answer to a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// Why the source would not be accepted; empty when it would be.
    pub diagnostics: Vec<Diagnostic>,
}

/// Why a source would not be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostic {
    /// A sentence for people.
    pub message: String,
    /// Where the place is, when it is not in the source itself but in another script that is imported, or that imports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<ScriptName>,
    /// Counted from 1; absent when it concerns the whole source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}
