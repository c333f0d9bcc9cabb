//! What invocations come to, by time.

use crate::{
    names::ScriptName,
    tally::{HOUR, MINUTE},
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far back to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum StatsRange {
    /// An hour, by the minute.
    #[serde(rename = "1h")]
    Hour,
    /// A day, by ten minutes.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// Seven days, by the hour.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days, by four hours.
    #[serde(rename = "30d")]
    Month,
}

impl StatsRange {
    /// As sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Milliseconds of one bucket, and how many there are.
    pub const fn buckets(self) -> (i64, i64) {
        match self {
            Self::Hour => (MINUTE, 60),
            Self::Day => (10 * MINUTE, 144),
            Self::Week => (HOUR, 168),
            Self::Month => (4 * HOUR, 180),
        }
    }
}

/// What an app's invocations come to, or a script's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stats {
    /// When the first bucket begins.
    #[schema(value_type = i64)]
    pub from: TimestampMs,
    /// When the last one ends: now is in it.
    #[schema(value_type = i64)]
    pub until: TimestampMs,
    /// Milliseconds of each bucket.
    pub width_ms: i64,
    /// One after the other, those included in which nothing happened.
    pub buckets: Vec<StatsBucket>,
    /// All of them together.
    pub total: StatsSums,
    /// The scripts of the app that burnt the most fuel in this time, ten at most, the first one first. Empty where one
    /// script was asked for.
    pub scripts: Vec<ScriptStats>,
}

/// The invocations that began in some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatsBucket {
    /// When it begins.
    #[schema(value_type = i64)]
    pub start: TimestampMs,
    /// What they come to.
    #[serde(flatten)]
    pub sums: StatsSums,
}

/// What some invocations come to. Exact but for the percentiles, which are within a fiftieth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatsSums {
    /// How many there were, those included whose records were dropped. For an app, those that no script called.
    pub requests: i64,
    /// How many of them failed.
    pub errors: i64,
    /// Fuel burnt.
    pub fuel: i64,
    /// Wall time of all together, in microseconds.
    pub duration_us: i64,
    /// The most memory that one of them had, in bytes.
    pub memory_bytes: i64,
    /// Microseconds that half of them did not pass; absent when there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_us: Option<i64>,
    /// The same of 95 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_us: Option<i64>,
    /// The same of 99 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_us: Option<i64>,
}

/// What a script's invocations come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScriptStats {
    /// The script's name.
    pub script: ScriptName,
    /// How many there were, those included that other scripts called.
    pub requests: i64,
    /// How many of them failed.
    pub errors: i64,
    /// Fuel burnt, that of the scripts included that it called.
    pub fuel: i64,
}
