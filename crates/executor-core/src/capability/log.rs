//! `log`: lines are kept until the invocation ends; those past the limits are counted.

use crate::redaction::Redactions;
use picloud_abi::{bounds::LOG_LINE_BYTES, log::Entry};
use picloud_shared::{executor::LogLine, limits::Limits, time::TimestampMs};

pub(crate) struct Log {
    lines: Vec<LogLine>,
    dropped: u32,
    lines_left: usize,
    bytes_left: usize,
}

impl Log {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { lines: Vec::new(), dropped: 0, lines_left: limits.log_lines, bytes_left: limits.log_bytes }
    }

    /// Secrets are kept out of it; it counts with them, so that looking for them is bounded by what is kept.
    pub(crate) fn write(&mut self, at: TimestampMs, Entry { level, message }: Entry, redactions: &Redactions) {
        if self.lines_left == 0 || self.bytes_left == 0 {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let written = message.len();
        let mut message = redactions.applied(message, LOG_LINE_BYTES);
        // The line that reaches the limit is kept up to it.
        message.truncate(message.floor_char_boundary(self.bytes_left));
        message.shrink_to_fit();
        self.lines_left -= 1;
        self.bytes_left = self.bytes_left.saturating_sub(written.max(message.len()));
        self.lines.push(LogLine { at, level, message });
    }

    pub(crate) fn into_lines(self) -> (Vec<LogLine>, u32) {
        (self.lines, self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picloud_abi::log::Level;

    fn written(limits: &Limits, messages: &[&str]) -> (Vec<String>, u32) {
        let mut log = Log::new(limits);
        for message in messages {
            log.write(0, Entry { level: Level::Info, message: (*message).into() }, &Redactions::default());
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
}
