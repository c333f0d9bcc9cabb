//! `log`: lines are kept until the invocation ends; those past the limits are counted.

use crate::redaction::Redactions;
use picloud_abi::{bounds::LOG_LINE_BYTES, log::Entry};
use picloud_shared::{executor::LogLine, limits::Limits, time::TimestampMs};
use serde_json::{Map, Value};

/// How deeply fields may be nested, so that whoever reads a list of lines can.
const FIELDS_DEPTH: usize = 32;

pub(crate) struct Log {
    lines: Vec<LogLine>,
    dropped: u32,
    pub(crate) room: Room,
}

/// How much more may be logged.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    lines: usize,
    bytes: usize,
}

impl Room {
    pub(crate) const fn of(limits: &Limits) -> Self {
        Self { lines: limits.log_lines, bytes: limits.log_bytes }
    }
}

impl Log {
    pub(crate) const fn new(room: Room) -> Self {
        Self { lines: Vec::new(), dropped: 0, room }
    }

    /// Secrets are kept out of it; it counts with them, so that looking for them is bounded by what is kept.
    pub(crate) fn write(&mut self, at: TimestampMs, entry: Entry, redactions: &Redactions) {
        let Entry { level, message, fields } = entry;
        if self.room.lines == 0 || self.room.bytes == 0 {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let written = message.len();
        // The line that reaches the limit is kept up to it, and without its fields.
        let mut message = redactions.applied(message, LOG_LINE_BYTES, self.room.bytes);
        message.shrink_to_fit();
        self.room.lines -= 1;
        self.room.bytes = self.room.bytes.saturating_sub(written.max(message.len()));
        let fields = fields.and_then(|fields| self.fields(&fields, redactions));
        self.lines.push(LogLine { at, level, message, fields });
    }

    /// What is kept of a line's fields: nothing of those that do not fit or are no object.
    fn fields(&mut self, written: &str, redactions: &Redactions) -> Option<String> {
        if written.len() > self.room.bytes {
            return None;
        }
        let object = serde_json::from_str::<Map<String, Value>>(written).ok()?;
        if !object.values().all(|value| is_shallower(value, FIELDS_DEPTH)) {
            return None;
        }
        let kept = redactions.applied_to_fields(object, self.room.bytes).map(|kept| kept.to_string());
        let kept = kept.filter(|kept| kept.len() <= self.room.bytes);
        // Looking for secrets in them is counted, be they kept or not.
        self.room.bytes -= written.len().max(kept.as_ref().map_or(0, String::len));
        kept
    }

    pub(crate) fn into_lines(self) -> (Vec<LogLine>, u32) {
        (self.lines, self.dropped)
    }
}

fn is_shallower(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels > 0 && values.iter().all(|value| is_shallower(value, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|value| is_shallower(value, levels - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::log::Level;

    fn line(message: &str, fields: Option<&str>) -> Entry {
        Entry { level: Level::Info, message: message.into(), fields: fields.map(Into::into) }
    }

    fn written(limits: &Limits, messages: &[&str]) -> (Vec<String>, u32) {
        let mut log = Log::new(Room::of(limits));
        for message in messages {
            log.write(0, line(message, None), &Redactions::default());
        }
        let (lines, dropped) = log.into_lines();
        (lines.into_iter().map(|line| line.message).collect(), dropped)
    }

    #[test]
    fn lines_and_bytes_are_bounded_and_counted() {
        let few = Limits { log_lines: 2, ..Limits::default() };
        assert_eq!(written(&few, &["a", "", "c", "d"]), (vec!["a".into(), String::new()], 2));
        let short = Limits { log_bytes: 4, ..Limits::default() };
        assert_eq!(written(&short, &["ab", "äö", "x", "y"]), (vec!["ab".into(), "ä".into()], 2));
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let short = Limits { log_bytes: 3, ..Limits::default() };
        assert_eq!(written(&short, &["ääää"]), (vec!["ä".into()], 0));
    }

    fn fields(limits: &Limits, redactions: &Redactions, written: &[&str]) -> Vec<Option<String>> {
        let mut log = Log::new(Room::of(limits));
        for fields in written {
            log.write(0, line("a", Some(fields)), redactions);
        }
        log.into_lines().0.into_iter().map(|line| line.fields).collect()
    }

    #[test]
    fn fields_count_with_the_text_and_are_whole_or_not_there() {
        let short = Limits { log_bytes: 18, ..Limits::default() };
        let told = fields(&short, &Redactions::default(), &[r#"{"b":1}"#, r#"{"c":"too long"}"#, r#"{"d":2}"#, "{}"]);
        assert_eq!(told, [Some(r#"{"b":1}"#.into()), None, Some(r#"{"d":2}"#.into()), None]);
    }

    #[test]
    fn fields_that_names_of_secrets_make_too_long_count_all_the_same() {
        let mut redactions = Redactions::default();
        redactions.add(&"A_LONG_NAME".parse().unwrap(), "1234");
        let short = Limits { log_bytes: 32, ..Limits::default() };
        let told = fields(&short, &redactions, &[r#"{"a":12341234}"#, r#"{"b":567890123}"#, r#"{"c":5}"#]);
        assert_eq!(told, [None, Some(r#"{"b":567890123}"#.into()), None]);
    }

    #[test]
    fn what_is_no_object_or_too_deep_is_no_field() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let (deep, deeper, deepest) = (nested(FIELDS_DEPTH), nested(FIELDS_DEPTH + 1), nested(10_000));
        let told = fields(&Limits::default(), &Redactions::default(), &["1", "{", "", &deeper, &deepest, &deep]);
        assert_eq!(told, [None, None, None, None, None, Some(deep)]);
    }

    #[test]
    fn secrets_are_not_in_fields_wherever_they_stand() {
        let mut redactions = Redactions::default();
        redactions.add(&"PIN".parse().unwrap(), "123456");
        redactions.add(&"PAIR".parse().unwrap(), "{\"u\":\"x\"}");
        let written = [
            r#"{"a":"is 123456","b":[{"123456":0}],"c":123456,"d":-1234567.5}"#,
            r#"{"a":{"u":"x"}}"#,
            r#"{"a":12345}"#,
        ];
        let told = fields(&Limits::default(), &redactions, &written);
        let kept = r#"{"a":"is [secret PIN]","b":[{"[secret PIN]":0}],"c":"[secret PIN]","d":"-[secret PIN]7.5"}"#;
        assert_eq!(told[0].as_deref(), Some(kept));
        assert_eq!(told[1].as_deref(), Some(r#"{"fields":"{\"a\":[secret PAIR]}"}"#));
        assert_eq!(told[2].as_deref(), Some(r#"{"a":12345}"#));
    }
}
