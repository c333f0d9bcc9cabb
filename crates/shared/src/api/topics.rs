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
