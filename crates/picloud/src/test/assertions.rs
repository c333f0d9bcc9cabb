//! What a test says has to be so, held against what came back.

use super::harness::{Answer, failed};
use crate::console;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Check {
    holds: Value,
    message: Value,
}

/// Whether what has to hold does.
pub(super) fn holds(Check { holds, message }: Check) -> Answer {
    match holds {
        Value::Bool(true) => Ok(Value::Null),
        Value::Bool(false) => Err(failed(plain(&message))),
        other => Err(failed(format!("what has to hold is true or false, not {other}"))),
    }
}

/// Whether two values are the same.
pub(super) fn equal(given: &Value) -> Answer {
    let (got, wanted) = (&given["got"], &given["wanted"]);
    if got == wanted { Ok(Value::Null) } else { Err(failed(format!("it is {got}, not {wanted}"))) }
}

/// Whether a request was answered with this status.
pub(super) fn status(given: &Value) -> Answer {
    let (result, wanted) = (&given["result"], &given["wanted"]);
    if result["status"] == *wanted {
        return Ok(Value::Null);
    }
    let why = result["error"]["message"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
    let (request, status, outcome) = (plain(&result["request"]), &result["status"], plain(&result["outcome"]));
    Err(failed(format!("{request} was answered {status}, not {wanted} ({outcome}){why}")))
}

/// Whether a cost is no higher than it may be.
pub(super) fn within(given: &Value, cost: &str, limit: &str, unit: &str) -> Answer {
    let result = &given["result"];
    let (Some(spent), Some(most)) = (result[cost].as_u64(), given["most"].as_u64()) else {
        return Err(failed("this takes the result of a request or an event, and a whole number".to_owned()));
    };
    if spent <= most {
        return Ok(Value::Null);
    }
    let script = plain(&result["script"]);
    let of_limit = console::fuel(spent, result[limit].as_u64().unwrap_or(0));
    let share = spent as f64 / most.max(1) as f64 * 100.0;
    let most = picloud_terminal::format::count(i64::try_from(most).unwrap_or(i64::MAX));
    Err(failed(format!("{script} took {unit} {of_limit}, which is {share:.1} % of the {most} that this test allows")))
}

/// Text as it is, anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
