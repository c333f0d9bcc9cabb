//! `time`: the clock, and times as text. A time is a whole number, the milliseconds since 1970-01-01T00:00:00Z.

use super::{Result, at, call, unexpected};
use jiff::{Timestamp, fmt::strtime, tz::Offset};
use picloud_abi::seam::{Answer, Request};
use rhai::{Map, plugin::*};

pub fn clock() -> Result<i64> {
    match call(&Request::Clock)? {
        Answer::Clock(now) => Ok(now),
        _ => unexpected(),
    }
}

fn timestamp(time: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(time)
        .map_err(|_| format!("a time lies between the years -9999 and 9999, and {time} does not").into())
}

fn read_by(pattern: &str, text: &str) -> std::result::Result<Timestamp, jiff::Error> {
    let mut parsed = strtime::parse(pattern, text)?;
    if parsed.offset().is_none() {
        parsed.set_offset(Some(Offset::UTC));
    }
    parsed.to_timestamp()
}

#[export_module]
pub mod time {
    /// The milliseconds since 1970-01-01T00:00:00Z.
    ///
    /// Example: `time::now() > time::parse("2025-01-01T00:00:00Z")` → `true`
    #[rhai_fn(return_raw)]
    pub fn now(context: NativeCallContext) -> Result<i64> {
        at(&context, clock)
    }

    /// A time as RFC 3339 has it, in UTC.
    ///
    /// Example: `time::format(1700000000123)` → `"2023-11-14T22:13:20.123Z"`
    #[rhai_fn(return_raw)]
    pub fn format(context: NativeCallContext, time: i64) -> Result<String> {
        at(&context, || Ok(timestamp(time)?.to_string()))
    }

    /// A time in UTC by a pattern of `strftime`: `%Y` year, `%m` month, `%d` day, `%H` hour, `%M` minute, `%S` second,
    /// `%3f` milliseconds, `%A` and `%a` day of the week, `%B` and `%b` name of the month, `%j` day of the year.
    ///
    /// Example: `time::format(0, "%A, %d.%m.%Y %H:%M")` → `"Thursday, 01.01.1970 00:00"`
    #[rhai_fn(name = "format", return_raw)]
    pub fn format_by(context: NativeCallContext, time: i64, pattern: &str) -> Result<String> {
        at(&context, || {
            strtime::format(pattern, timestamp(time)?)
                .map_err(|error| format!("cannot write a time by {pattern:?}: {error}").into())
        })
    }

    /// The time that a text in the form of RFC 3339 tells.
    ///
    /// Example: `time::parse("1970-01-01T01:00:01.5+01:00")` → `1500`
    #[rhai_fn(return_raw)]
    pub fn parse(context: NativeCallContext, text: &str) -> Result<i64> {
        at(&context, || {
            let parsed = text.parse::<Timestamp>().map_err(|error| format!("not a time of RFC 3339: {error}"))?;
            Ok(parsed.as_millisecond())
        })
    }

    /// The time that a text tells by a pattern as `format` takes it; in UTC, unless the pattern has an offset (`%z`).
    ///
    /// Example: `time::parse("24.12.2025", "%d.%m.%Y") / 86400000` → `20446`
    #[rhai_fn(name = "parse", return_raw)]
    pub fn parse_by(context: NativeCallContext, text: &str, pattern: &str) -> Result<i64> {
        at(&context, || match read_by(pattern, text) {
            Ok(parsed) => Ok(parsed.as_millisecond()),
            Err(error) => Err(format!("not a time by {pattern:?}: {error}").into()),
        })
    }

    /// What a time is in UTC, as numbers: `year`, `month`, `day`, `hour`, `minute`, `second`, `millisecond`, `weekday`
    /// (1 is Monday, 7 Sunday), and `day_of_year`, from 1.
    ///
    /// Example: `let t = time::parts(0); [t.year, t.month, t.day, t.weekday]` → `[1970, 1, 1, 4]`
    #[rhai_fn(return_raw)]
    pub fn parts(context: NativeCallContext, time: i64) -> Result<Map> {
        at(&context, || {
            let utc = Offset::UTC.to_datetime(timestamp(time)?);
            let parts = [
                ("year", i64::from(utc.year())),
                ("month", utc.month().into()),
                ("day", utc.day().into()),
                ("hour", utc.hour().into()),
                ("minute", utc.minute().into()),
                ("second", utc.second().into()),
                ("millisecond", utc.millisecond().into()),
                ("weekday", utc.weekday().to_monday_one_offset().into()),
                ("day_of_year", utc.day_of_year().into()),
            ];
            Ok(parts.into_iter().map(|(name, number)| (name.into(), number.into())).collect())
        })
    }
}
