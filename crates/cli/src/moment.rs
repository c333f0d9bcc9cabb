//! Times on the command line.

use jiff::{Span, SpanRelativeTo, Timestamp, Unit};
use picloud_shared::time::{TimestampMs, now_ms};

/// A time, or how long ago it was.
pub(crate) fn moment(text: &str) -> Result<TimestampMs, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let ago = text.parse::<Span>().ok().and_then(|span| {
        span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours())).ok().filter(|ago| *ago >= 0.0)
    });
    // A float this large stops at the bounds of the integer.
    ago.map(|ago| now_ms().saturating_sub(ago as i64).max(0))
        .ok_or_else(|| "write how long ago, such as 10m, 2h or 3d, or a time such as 2026-01-31T12:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_given_or_so_long_ago() {
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(1_700_000_000_000));
        for (text, ms) in [("0s", 0), ("10m", 600_000), ("1h30m", 5_400_000), ("3d", 259_200_000)] {
            let moment = moment(text).unwrap();
            let late = now_ms() - moment - ms;
            assert!((0..60_000).contains(&late), "{text}: {late}");
        }
        for bad in ["", "10", "yesterday", "-5m", "1 month", "2023-11-14"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
