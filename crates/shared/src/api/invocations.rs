//! Invocations and their logs.

use crate::{ids::InvocationId, names::ScriptName, outcome, time::TimestampMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::{Diagnostic, given};

/// A manual run: as an HTTP request, or, with `payload`, as an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoke {
    /// `GET` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `/{name}` when absent. May carry a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Added to the query that the path carries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// Names are lower-cased.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Given, if only as null: the script sees `event` with this payload, not `req`. Excludes all the others.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub payload: Option<serde_json::Value>,
}

/// What started an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A request to an endpoint.
    Http,
    /// Somebody, through the API.
    Manual,
    /// An event of a topic that the script is subscribed to.
    Topic,
    /// A slot of one of the script's schedules.
    Schedule,
    /// Another script of the app.
    Invoke,
}

impl Trigger {
    /// All that there are.
    pub const ALL: [Self; 5] = [Self::Http, Self::Manual, Self::Topic, Self::Schedule, Self::Invoke];

    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Manual => "manual",
            Self::Topic => "topic",
            Self::Schedule => "schedule",
            Self::Invoke => "invoke",
        }
    }
}

impl TryFrom<String> for Trigger {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let found = Self::ALL.into_iter().find(|trigger| trigger.as_str() == text);
        found.ok_or("a trigger is http, manual, topic, schedule or invoke")
    }
}

/// How invocations ended that are looked for: `ok`, `failed`, `4xx`, `404`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum StatusFilter {
    /// The script ran to its end.
    Ok,
    /// It did not.
    Failed,
    /// Its status has this first digit, 2 to 5.
    Class(u16),
    /// Its status is this one.
    Code(u16),
}

impl From<StatusFilter> for String {
    fn from(filter: StatusFilter) -> Self {
        match filter {
            StatusFilter::Ok => "ok".to_owned(),
            StatusFilter::Failed => "failed".to_owned(),
            StatusFilter::Class(class) => format!("{class}xx"),
            StatusFilter::Code(code) => code.to_string(),
        }
    }
}

impl TryFrom<String> for StatusFilter {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let found = match (text.as_bytes(), text.parse()) {
            (b"ok", _) => Some(Self::Ok),
            (b"failed", _) => Some(Self::Failed),
            ([class @ b'2'..=b'5', b'x', b'x'], _) => Some(Self::Class(u16::from(class - b'0'))),
            ([b'2'..=b'5', _, _], Ok(code)) => Some(Self::Code(code)),
            _ => None,
        };
        found.ok_or("a status is ok, failed, 2xx to 5xx, or 200 to 599")
    }
}

text_schema!(StatusFilter, "4xx");

impl std::str::FromStr for StatusFilter {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.to_owned().try_into()
    }
}

/// An invocation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvocationSummary {
    /// Also the request id that the caller saw.
    pub id: InvocationId,
    /// The script's name.
    pub script: ScriptName,
    /// The version's number.
    pub version: i64,
    /// What started it.
    pub trigger: Trigger,
    /// The invocation that called it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<InvocationId>,
    /// `GET /path` of an HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The HTTP status that was answered, or would have been.
    pub status: u16,
    /// `ok`, or the code of what went wrong, such as `out_of_fuel`.
    #[schema(value_type = outcome::Word)]
    pub outcome: String,
    /// Fuel burnt, that of the scripts included that it called.
    pub fuel: i64,
    /// Fuel it might have burnt.
    pub fuel_limit: i64,
    /// Peak of linear memory.
    pub memory_bytes: i64,
    /// Wall time in microseconds.
    pub duration_us: i64,
    /// When it began.
    #[schema(value_type = i64)]
    pub started_at: TimestampMs,
    /// The machine that ran it.
    pub node: String,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Diagnostic>,
}

/// An invocation with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InvocationDetail {
    /// As in lists.
    #[serde(flatten)]
    pub summary: InvocationSummary,
    /// Its log lines, in order.
    pub logs: Vec<LogEntry>,
    /// Log lines that were not kept.
    pub logs_dropped: i64,
    /// Calls to the platform, in order; only the first hundred.
    pub calls: Vec<Call>,
    /// Only in the answer to a manual run as an HTTP request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<InvokedResponse>,
    /// Only in the answer to a manual run as an event; null is a result.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

/// A script's response within JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvokedResponse {
    /// HTTP status.
    pub status: u16,
    /// In the script's order.
    pub headers: Vec<(String, String)>,
    /// The body where it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body in base64 where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogEntry {
    /// Whose line it is.
    pub invocation: InvocationId,
    /// The script's name.
    pub script: ScriptName,
    /// When it was written.
    #[schema(value_type = i64)]
    pub at: TimestampMs,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text.
    pub message: String,
    /// What the script wrote beside it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, serde_json::Value>,
}

/// How important a log line is, the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For who looks closely.
    Debug,
    /// What happens.
    Info,
    /// What should not happen.
    Warn,
    /// What went wrong.
    Error,
}

impl LogLevel {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One call of a script to the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Call {
    /// Capability and function, such as `kv.get`.
    pub name: String,
    /// Microseconds from the start of the invocation.
    pub start_us: i64,
    /// Microseconds it took.
    pub duration_us: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_word_a_class_or_a_code() {
        for text in ["ok", "failed", "2xx", "5xx", "200", "404", "599"] {
            assert_eq!(String::from(text.parse::<StatusFilter>().unwrap()), text);
        }
        for bad in ["", "odd", "1xx", "6xx", "xx", "4XX", "4x", "199", "600", "0404", "+404", "404 ", "99999999"] {
            assert!(bad.parse::<StatusFilter>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_payload_of_null_is_a_payload() {
        let invoke: Invoke = serde_json::from_str(r#"{"payload": null}"#).unwrap();
        assert_eq!(invoke.payload, Some(serde_json::Value::Null));
        assert_eq!(serde_json::from_str::<Invoke>("{}").unwrap().payload, None);
        assert_eq!(serde_json::to_string(&invoke).unwrap(), r#"{"payload":null}"#);
    }
}
