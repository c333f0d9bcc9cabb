//! Deploying all scripts of an app at once, and going back to what an earlier deploy left.

use crate::{
    limit_rules::LimitValues,
    names::{ScriptName, TopicName, Username},
    route::Route,
    schedule::Schedule,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All scripts of an app, as a directory holds them: afterwards the app has these.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deploy {
    /// At most 1,000, with at most 8 MiB of sources.
    pub scripts: Vec<DeployScript>,
    /// The limits that the app sets itself, in place of those before; only an owner may change them. Absent: they stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitValues>,
    /// Whether the app keeps the scripts that are not among these; else they are deleted with their invocations.
    #[serde(default)]
    pub keep_others: bool,
    /// Only tell what would change, or why it would be refused.
    #[serde(default)]
    pub dry_run: bool,
    /// What an earlier answer, such as that of a dry run, told as `state`: when the app is not so any more, the deploy is
    /// refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A script, and what starts it. Unlike a script that is put by itself, it has nothing of the version before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployScript {
    /// Unique in the app.
    pub name: ScriptName,
    /// Rhai, at most 256 KiB.
    pub source: String,
    /// Which requests it answers. Absent: `ANY /{name}`, and none below `lib/` or for one that is subscribed to topics
    /// or has schedules. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<Route>>,
    /// Which topics it is subscribed to.
    #[serde(default)]
    pub topics: Vec<TopicName>,
    /// When it runs by the clock.
    #[serde(default)]
    pub schedules: Vec<Schedule>,
}

/// What a deploy changed, or would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployed {
    /// The number of the release. Absent when nothing was changed, as there was nothing to change or it was a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<i64>,
    /// Stands for the scripts and limits that there were before.
    pub state: String,
    /// What changed.
    #[serde(flatten)]
    pub changes: Changes,
}

/// What there is to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    /// The scripts that are not as they were, by name.
    pub scripts: Vec<ScriptChange>,
    /// How many stay as they are.
    pub unchanged: u32,
    /// Whether the limits that the app sets itself change.
    pub limits: bool,
}

/// What becomes of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScriptChange {
    /// The script's name.
    pub script: ScriptName,
    /// What happens to it.
    pub change: ChangeKind,
    /// The version that answered before; absent when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// The version that answers now; absent when it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// What happens to a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// There was none of its name.
    Created,
    /// Another version answers.
    Updated,
    /// It is deleted.
    Deleted,
}

/// What a deploy left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// Counted from 1 within the app.
    pub number: i64,
    /// What it changed.
    #[serde(flatten)]
    pub changes: Changes,
    /// The release that it brought back, if it went back to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings_back: Option<i64>,
    /// Who deployed it; absent when they are no user any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Username>,
    /// When it was deployed.
    #[schema(value_type = i64)]
    pub created_at: TimestampMs,
}

/// Which release to go back to.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBackApp {
    /// The release's number. Absent: the one before the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<i64>,
    /// Only tell what would change, or why it would be refused.
    #[serde(default)]
    pub dry_run: bool,
    /// As for a deploy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}
