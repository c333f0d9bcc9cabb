//! Schedules: at which times a script runs by the clock. How they are written, also in a script, and what follows from
//! one at a given time; nothing here looks at a clock.

mod local;

use crate::{
    declarations::{self, InvalidDeclaration},
    time::TimestampMs,
};
use croner::{
    Cron,
    errors::CronError,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};
use local::Local;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, collections::BTreeSet, fmt, str::FromStr};

/// How late a run may begin without being a missed one, in milliseconds: long enough for a restart.
pub const GRACE_MS: i64 = 60_000;

/// Most bytes of a schedule as text.
const BYTES: usize = 256;

/// A schedule that cannot be; the text says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("schedule {text:?}: {why}")]
pub struct InvalidSchedule {
    text: String,
    why: String,
}

/// What becomes of times that passed while nobody could fire them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nothing.
    Skip,
    /// The latest of them is made up for.
    RunOnce,
}

/// Times, its slots, written `0 9 * * MON-FRI Europe/Berlin, missed: run-once`: five fields of cron, or six with the
/// seconds first, a time zone (UTC if there is none) and what becomes of missed times (`skip` if it does not say).
///
/// Where clocks go forward, a slot that names one time of day and does not exist is the first instant after the gap. Where
/// they go back, it is the first of the two. Slots that come several times a day, such as each hour's, are taken from the
/// clock on the wall as it goes: none in the gap, and those of both hours.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    /// The one way to write it.
    text: String,
    cron: Cron,
    zone: TimeZone,
    missed: Missed,
}

text_schema!(Schedule, "0 9 * * MON-FRI Europe/Berlin, missed: run-once");

/// What is to be done about a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The slot to fire.
    pub fire: Option<TimestampMs>,
    /// The slot that comes next; none where the calendar ends.
    pub next: Option<TimestampMs>,
}

impl Schedule {
    /// The schedules that a script's source declares itself, in lines such as `// schedule: 0 9 * * MON-FRI`; `None` when
    /// it has no such line. Each comes once.
    ///
    /// # Errors
    /// When a declared schedule cannot be; the text says in which line.
    pub fn declared_in(source: &str) -> Result<Option<Vec<Self>>, InvalidDeclaration<InvalidSchedule>> {
        let declared = declarations::parsed(source, "schedule")?;
        Ok(declared.map(|schedules: Vec<Self>| BTreeSet::from_iter(schedules).into_iter().collect()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first slot after a time.
    pub fn next_after(&self, time: TimestampMs) -> Option<TimestampMs> {
        let time = Local(Timestamp::from_millisecond(time).ok()?.to_zoned_datetime(self.zone.clone()));
        Some(self.cron.find_next_occurrence(&time, false).ok()?.0.timestamp().as_millisecond())
    }

    /// The slots after a time, at most so many.
    pub fn next_after_up_to(&self, time: TimestampMs, count: usize) -> Vec<TimestampMs> {
        std::iter::successors(self.next_after(time), |&slot| self.next_after(slot)).take(count).collect()
    }

    /// What is to be done about the slot that comes next when it is now this late.
    ///
    /// Time goes one way here: when the clock is set back, slots that have been fired are behind `slot` and do not come
    /// again.
    pub fn due(&self, slot: TimestampMs, now: TimestampMs) -> Due {
        let late = now.saturating_sub(slot);
        if late < 0 {
            return Due { fire: None, next: Some(slot) };
        }
        let fire = |slot| Due { fire: Some(slot), next: self.next_after(slot) };
        if late <= GRACE_MS {
            return fire(slot);
        }
        match self.missed {
            // From the first that may still begin.
            Missed::Skip => Due { fire: None, next: self.next_after(now.saturating_sub(GRACE_MS + 1)) },
            Missed::RunOnce => fire(self.latest_until(now).map_or(slot, |latest| latest.max(slot))),
        }
    }

    fn latest_until(&self, time: TimestampMs) -> Option<TimestampMs> {
        let time = Local(Timestamp::from_millisecond(time).ok()?.to_zoned_datetime(self.zone.clone()));
        Some(self.cron.find_previous_occurrence(&time, true).ok()?.0.timestamp().as_millisecond())
    }
}

impl FromStr for Schedule {
    type Err = InvalidSchedule;

    fn from_str(text: &str) -> Result<Self, InvalidSchedule> {
        let invalid = |why: String| InvalidSchedule { text: text.chars().take(BYTES).collect(), why };
        if text.len() > BYTES {
            return Err(invalid(format!("it is longer than {BYTES} bytes")));
        }
        let (times, missed) = split_missed(text).map_err(invalid)?;
        let (fields, zone) = split_zone(times).map_err(invalid)?;
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(&fields).map_err(|error| invalid(told(error)))?;
        let name = zone.iana_name().unwrap_or(UTC);
        let note = if missed == Missed::RunOnce { ", missed: run-once" } else { "" };
        let schedule = Self { text: format!("{fields} {name}{note}"), cron, zone, missed };
        // Of all that the parser takes, only days that no month has never come.
        if schedule.next_after(0).is_none() {
            return Err(invalid("no such day ever comes".to_owned()));
        }
        Ok(schedule)
    }
}

const UTC: &str = "UTC";

/// What stands before `, missed: …`, and what that says.
fn split_missed(text: &str) -> Result<(&str, Missed), String> {
    let Some((times, said)) = text.rsplit_once("missed:") else { return Ok((text, Missed::Skip)) };
    let Some(times) = times.trim_end().strip_suffix(',') else {
        return Err("a comma stands before \"missed:\"".to_owned());
    };
    match said.trim() {
        "skip" => Ok((times, Missed::Skip)),
        "run-once" => Ok((times, Missed::RunOnce)),
        other => Err(format!("missed is skip or run-once, not {other:?}")),
    }
}

/// The fields, with one space between them, in capitals as names of days and months are, and the time zone behind them.
fn split_zone(times: &str) -> Result<(String, TimeZone), String> {
    let mut fields: Vec<&str> = times.split_whitespace().collect();
    let named = fields.pop_if(|last| is_zone(last));
    if !matches!(fields.len(), 5 | 6) {
        return Err(format!(
            "it has five fields (minute, hour, day of the month, month, day of the week), or six with the seconds first, \
             not {}",
            fields.len()
        ));
    }
    let zone = match named {
        Some(name) => TimeZone::get(name)
            .map_err(|_| format!("there is no time zone {name:?}; one is written as in Europe/Berlin"))?,
        None => TimeZone::UTC,
    };
    Ok((fields.join(" ").to_ascii_uppercase(), zone))
}

/// Whether this is no field of cron but meant as the name of a time zone: it begins with a letter and with no weekday.
fn is_zone(word: &str) -> bool {
    let starts_with_weekday = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
        .iter()
        .any(|day| word.get(..day.len()).is_some_and(|start| start.eq_ignore_ascii_case(day)));
    word.len() > 1 && word.starts_with(|c: char| c.is_ascii_alphabetic()) && !starts_with_weekday
}

/// The parser's complaint, without the name of its kind.
fn told(error: CronError) -> String {
    match error {
        CronError::InvalidPattern(why) | CronError::IllegalCharacters(why) | CronError::ComponentError(why) => why,
        other => other.to_string(),
    }
}

impl TryFrom<String> for Schedule {
    type Error = InvalidSchedule;
    fn try_from(text: String) -> Result<Self, InvalidSchedule> {
        text.parse()
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl PartialOrd for Schedule {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Schedule {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

#[cfg(test)]
mod tests;
