//! Schedules, and running one by hand.

use crate::{
    ids::{DeliveryId, InvocationId, ScheduleId},
    names::ScriptName,
    outcome,
    schedule::Schedule,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A schedule of a script's active version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleState {
    /// Stays while the script has the same schedule.
    pub id: ScheduleId,
    /// Whose it is.
    pub script: ScriptName,
    /// As it is written.
    pub schedule: Schedule,
    /// The slots that come next, five at most.
    #[schema(value_type = Vec<i64>)]
    pub next: Vec<TimestampMs>,
    /// What fired last; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastFiring>,
}

/// What a schedule led to last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastFiring {
    /// The slot; when it was run by hand, that time.
    #[schema(value_type = i64)]
    pub at: TimestampMs,
    /// The latest invocation; absent before it has ended, and when its record is gone. While a later slot is on its way
    /// it is that of one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation: Option<InvocationId>,
    /// How it ended: `ok`, or the code of what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<outcome::Word>)]
    pub outcome: Option<String>,
}

/// A schedule was run by hand: the event is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleRun {
    /// Its id, which the script sees as `event.id`.
    pub delivery: DeliveryId,
}
