//! Topics, their events, and dead letters.

use crate::{
    ids::{DeliveryId, InvocationId},
    names::{ScriptName, TopicName},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// An event for every script that is subscribed to the topic.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// What the scripts see as `event.payload`: at most 256 KiB as JSON.
    pub payload: Value,
    /// Events of one key reach a script in the order in which they were published; 1 to 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Seconds to hold the event back, at most 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<u32>,
}

/// What became of an event: it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Published {
    /// One delivery for each script that is subscribed; its id is what the script sees as `event.id`.
    pub deliveries: Vec<DeliveryId>,
}

/// A topic that scripts are subscribed to, or that has deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// The scripts that are subscribed to it, by name.
    pub subscribers: Vec<ScriptName>,
    /// Deliveries that wait or run.
    pub waiting: i64,
    /// Dead letters.
    pub dead: i64,
}

/// How far a delivery is that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It has not been attempted, and will be when its time has come and there is room for it.
    Waiting,
    /// An event of the same key comes first.
    Behind,
    /// It is attempted now; or it was by a node that has ended, and will be taken over.
    Running,
    /// An attempt has failed, and the next one has its time.
    Retrying,
}

impl DeliveryState {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Behind, Self::Running, Self::Retrying];

    /// As sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Behind => "behind",
            Self::Running => "running",
            Self::Retrying => "retrying",
        }
    }
}

impl std::str::FromStr for DeliveryState {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or("a state is waiting, behind, running or retrying")
    }
}

/// A delivery that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its id, which the script sees as `event.id`.
    pub id: DeliveryId,
    /// The event's topic; absent when it is one of a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicName>,
    /// The slot, when it is one of a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub scheduled_at: Option<TimestampMs>,
    /// The script that gets it.
    pub script: ScriptName,
    /// The event's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How far it is.
    pub state: DeliveryState,
    /// Attempts that have begun, one that runs included.
    pub attempts: u32,
    /// When it may be attempted; absent while it runs, or stands behind another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub due_at: Option<TimestampMs>,
    /// How the last attempt failed; absent when none has, or there is no record of it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The invocation of the last attempt that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_invocation: Option<InvocationId>,
    /// The event's payload; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// The delivery's id.
    pub id: DeliveryId,
    /// The event's topic; absent when it is one of a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicName>,
    /// The slot, when it is one of a schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub scheduled_at: Option<TimestampMs>,
    /// The script that it did not reach.
    pub script: ScriptName,
    /// The event's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The event's payload.
    pub payload: Value,
    /// How often it was tried.
    pub attempts: u32,
    /// How the last attempt ended.
    pub error: String,
    /// The last attempt's invocation; absent when there is no record of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_invocation: Option<InvocationId>,
    /// When it was given up.
    #[schema(value_type = i64)]
    pub dead_at: TimestampMs,
}

/// Which dead letters to deliver again; all of the app when nothing is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Only those of this topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicName>,
}

/// How many dead letters wait to be delivered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Replayed {
    /// Their number.
    pub replayed: u64,
}
