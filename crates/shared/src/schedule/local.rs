//! jiff's times as croner wants to see them.

use croner::{CivilDateTime, CronDateTime, Resolution, Weekday, errors::CronError};
use jiff::{SignedDuration, ZonedDateTime, civil::DateTime, tz::AmbiguousOffset};
use std::cmp::Ordering;

/// A time in a time zone.
#[derive(Clone)]
pub(super) struct Local(pub(super) ZonedDateTime);

impl CronDateTime for Local {
    fn to_civil(&self) -> CivilDateTime {
        let Self(time) = self;
        let date = [time.month(), time.day()].map(i8::unsigned_abs).map(u32::from);
        let clock = [time.hour(), time.minute(), time.second()].map(i8::unsigned_abs).map(u32::from);
        let ([month, day], [hour, minute, second]) = (date, clock);
        // Both libraries bound the parts alike.
        CivilDateTime::from_ymd_hms_opt(time.year().into(), month, day, hour, minute, second)
            .expect("a time that exists in one library exists in the other")
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.0.weekday().to_sunday_zero_offset().unsigned_abs().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let invalid = |_| CronError::InvalidTime;
        let part = |part: u32| i8::try_from(part).map_err(|_| CronError::InvalidTime);
        let wanted = DateTime::new(
            i16::try_from(civil.year()).map_err(|_| CronError::InvalidDate)?,
            part(civil.month())?,
            part(civil.day())?,
            part(civil.hour())?,
            part(civil.minute())?,
            part(civil.second())?,
            0,
        );
        let found = self.0.time_zone().to_ambiguous_zoned_datetime(wanted.map_err(invalid)?);
        Ok(match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => Resolution::Single(Self(found.unambiguous().map_err(invalid)?)),
            AmbiguousOffset::Fold { .. } => {
                let earlier = found.clone().earlier().map_err(invalid)?;
                Resolution::Ambiguous(Self(earlier), Self(found.later().map_err(invalid)?))
            }
            AmbiguousOffset::Gap { .. } => Resolution::Gap,
        })
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(SignedDuration::from_secs(seconds)).ok().map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.timestamp().cmp(&other.0.timestamp())
    }
}
