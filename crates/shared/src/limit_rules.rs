//! What an owner may set of an app's limits: their names, how far each goes, and what is in force in the end.

use crate::limits::Limits;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat,
        schema::{AdditionalProperties, SchemaType, Type},
    },
};

/// Seconds.
const DAY: u64 = 24 * 60 * 60;

/// A limit that an app may set; the name says its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", try_from = "String")]
pub enum LimitName {
    /// [`Limits::fuel`]
    Fuel,
    /// [`Limits::memory`]
    MemoryBytes,
    /// [`Limits::wall_time`]
    WallTimeMs,
    /// [`Limits::request_body`]
    RequestBodyBytes,
    /// [`Limits::response_body`]
    ResponseBodyBytes,
    /// [`Limits::log_lines`]
    LogLines,
    /// [`Limits::log_bytes`]
    LogBytes,
    /// [`Limits::kv_calls`]
    KvCalls,
    /// [`Limits::topic_calls`]
    TopicCalls,
    /// [`Limits::http_calls`]
    HttpCalls,
    /// [`Limits::file_calls`]
    FileCalls,
    /// [`Limits::setting_calls`]
    SettingCalls,
    /// [`Limits::script_calls`]
    ScriptCalls,
    /// [`Limits::random_bytes`]
    RandomBytes,
    /// [`Limits::concurrency`]
    Concurrency,
    /// [`Limits::record_time`]
    RecordDays,
    /// [`Limits::record_bytes`]
    RecordBytes,
    /// [`Limits::requests_per_minute`]
    RequestsPerMinute,
    /// [`Limits::fuel_per_minute`]
    FuelPerMinute,
    /// [`Limits::kv_bytes`]
    KvBytes,
    /// [`Limits::kv_entries`]
    KvEntries,
}

impl LimitName {
    /// Each of them, in the order in which they are shown.
    pub const ALL: [Self; 21] = [
        Self::Fuel,
        Self::MemoryBytes,
        Self::WallTimeMs,
        Self::RequestBodyBytes,
        Self::ResponseBodyBytes,
        Self::LogLines,
        Self::LogBytes,
        Self::KvCalls,
        Self::TopicCalls,
        Self::HttpCalls,
        Self::FileCalls,
        Self::SettingCalls,
        Self::ScriptCalls,
        Self::RandomBytes,
        Self::Concurrency,
        Self::RecordDays,
        Self::RecordBytes,
        Self::RequestsPerMinute,
        Self::FuelPerMinute,
        Self::KvBytes,
        Self::KvEntries,
    ];

    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::MemoryBytes => "memory_bytes",
            Self::WallTimeMs => "wall_time_ms",
            Self::RequestBodyBytes => "request_body_bytes",
            Self::ResponseBodyBytes => "response_body_bytes",
            Self::LogLines => "log_lines",
            Self::LogBytes => "log_bytes",
            Self::KvCalls => "kv_calls",
            Self::TopicCalls => "topic_calls",
            Self::HttpCalls => "http_calls",
            Self::FileCalls => "file_calls",
            Self::SettingCalls => "setting_calls",
            Self::ScriptCalls => "script_calls",
            Self::RandomBytes => "random_bytes",
            Self::Concurrency => "concurrency",
            Self::RecordDays => "record_days",
            Self::RecordBytes => "record_bytes",
            Self::RequestsPerMinute => "requests_per_minute",
            Self::FuelPerMinute => "fuel_per_minute",
            Self::KvBytes => "kv_bytes",
            Self::KvEntries => "kv_entries",
        }
    }

    /// The least that may be set: below it the smallest script could not answer.
    pub const fn minimum(self) -> i64 {
        match self {
            // The guest keeps 100,000 back to tell the line.
            Self::Fuel | Self::FuelPerMinute => 1_000_000,
            // The interpreter itself needs a few MiB.
            Self::MemoryBytes => 8 << 20,
            Self::WallTimeMs => 100,
            // Room for an error's text.
            Self::ResponseBodyBytes => 1 << 10,
            Self::Concurrency | Self::RecordDays | Self::RequestsPerMinute => 1,
            // What a thousand invocations of few words leave.
            Self::RecordBytes => 1 << 20,
            Self::RequestBodyBytes
            | Self::LogLines
            | Self::LogBytes
            | Self::KvCalls
            | Self::KvBytes
            | Self::KvEntries
            | Self::TopicCalls
            | Self::HttpCalls
            | Self::FileCalls
            | Self::SettingCalls
            | Self::ScriptCalls
            | Self::RandomBytes => 0,
        }
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no limit.
#[derive(Debug, thiserror::Error)]
#[error("there is no limit {0:?}; there are {names}", names = LimitName::ALL.map(LimitName::as_str).join(", "))]
pub struct NoSuchLimit(String);

impl FromStr for LimitName {
    type Err = NoSuchLimit;
    fn from_str(text: &str) -> Result<Self, NoSuchLimit> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| NoSuchLimit(text.to_owned()))
    }
}

impl TryFrom<String> for LimitName {
    type Error = NoSuchLimit;
    fn try_from(text: String) -> Result<Self, NoSuchLimit> {
        text.parse()
    }
}

/// Values of some limits, each in the unit of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LimitValues(pub BTreeMap<LimitName, i64>);

/// What to change of an app's own limits: a value, or `None` for the default again.
pub type LimitChanges = BTreeMap<LimitName, Option<i64>>;

/// In the API's document each limit is a property, so that whoever is made of it knows them all.
impl PartialSchema for LimitValues {
    fn schema() -> RefOr<Schema> {
        by_name("Values of some limits, each in the unit of its name.", Type::Integer.into())
    }
}

impl ToSchema for LimitValues {}

/// [`LimitChanges`] in the API's document.
pub(crate) fn changes_schema() -> RefOr<Schema> {
    let or_null = SchemaType::from_iter([Type::Integer, Type::Null]);
    by_name("Limits to set, or, with `null`, to have their defaults again.", or_null)
}

fn by_name(description: &str, of: SchemaType) -> RefOr<Schema> {
    let number: RefOr<Schema> =
        ObjectBuilder::new().schema_type(of).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).into();
    let object = ObjectBuilder::new().description(Some(description));
    let object = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    LimitName::ALL.into_iter().fold(object, |object, name| object.property(name.as_str(), number.clone())).into()
}

impl LimitValues {
    /// With the changes made.
    pub fn changed(mut self, changes: &LimitChanges) -> Self {
        for (&name, &value) in changes {
            match value {
                Some(value) => self.0.insert(name, value),
                None => self.0.remove(&name),
            };
        }
        self
    }
}

/// As stored: JSON.
impl TryFrom<String> for LimitValues {
    type Error = serde_json::Error;
    fn try_from(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&text)
    }
}

impl Limits {
    /// One of them, in the unit of its name.
    pub fn get(&self, name: LimitName) -> i64 {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        match name {
            LimitName::Fuel => i64::try_from(self.fuel).unwrap_or(i64::MAX),
            LimitName::MemoryBytes => count(self.memory),
            LimitName::WallTimeMs => i64::try_from(self.wall_time.as_millis()).unwrap_or(i64::MAX),
            LimitName::RequestBodyBytes => count(self.request_body),
            LimitName::ResponseBodyBytes => count(self.response_body),
            LimitName::LogLines => count(self.log_lines),
            LimitName::LogBytes => count(self.log_bytes),
            LimitName::KvCalls => self.kv_calls.into(),
            LimitName::TopicCalls => self.topic_calls.into(),
            LimitName::HttpCalls => self.http_calls.into(),
            LimitName::FileCalls => self.file_calls.into(),
            LimitName::SettingCalls => self.setting_calls.into(),
            LimitName::ScriptCalls => self.script_calls.into(),
            LimitName::RandomBytes => self.random_bytes.into(),
            LimitName::Concurrency => count(self.concurrency),
            LimitName::RecordDays => i64::try_from(self.record_time.as_secs() / DAY).unwrap_or(i64::MAX),
            LimitName::RecordBytes => self.record_bytes,
            LimitName::RequestsPerMinute => i64::try_from(self.requests_per_minute).unwrap_or(i64::MAX),
            LimitName::FuelPerMinute => i64::try_from(self.fuel_per_minute).unwrap_or(i64::MAX),
            LimitName::KvBytes => self.kv_bytes,
            LimitName::KvEntries => self.kv_entries,
        }
    }

    /// All of them, each in the unit of its name, but for those that are no bound.
    pub fn values(&self) -> LimitValues {
        let values = LimitName::ALL.into_iter().map(|name| (name, self.get(name)));
        LimitValues(values.filter(|(_, value)| *value < i64::MAX).collect())
    }

    /// What does not fit becomes the nearest that does.
    fn set(&mut self, name: LimitName, value: i64) {
        let units = u64::try_from(value).unwrap_or(0);
        let count = usize::try_from(units).unwrap_or(usize::MAX);
        let small = u32::try_from(units).unwrap_or(u32::MAX);
        match name {
            LimitName::Fuel => self.fuel = units,
            LimitName::MemoryBytes => self.memory = count,
            LimitName::WallTimeMs => self.wall_time = Duration::from_millis(units),
            LimitName::RequestBodyBytes => self.request_body = count,
            LimitName::ResponseBodyBytes => self.response_body = count,
            LimitName::LogLines => self.log_lines = count,
            LimitName::LogBytes => self.log_bytes = count,
            LimitName::KvCalls => self.kv_calls = small,
            LimitName::TopicCalls => self.topic_calls = small,
            LimitName::HttpCalls => self.http_calls = small,
            LimitName::FileCalls => self.file_calls = small,
            LimitName::SettingCalls => self.setting_calls = small,
            LimitName::ScriptCalls => self.script_calls = small,
            LimitName::RandomBytes => self.random_bytes = small,
            LimitName::Concurrency => self.concurrency = count,
            LimitName::RecordDays => self.record_time = Duration::from_secs(units.saturating_mul(DAY)),
            LimitName::RecordBytes => self.record_bytes = value,
            LimitName::RequestsPerMinute => self.requests_per_minute = units,
            LimitName::FuelPerMinute => self.fuel_per_minute = units,
            LimitName::KvBytes => self.kv_bytes = value,
            LimitName::KvEntries => self.kv_entries = value,
        }
    }
}

/// How far the apps of one server may set their limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRules {
    maxima: Limits,
}

/// A limit that cannot be set so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {name} is {minimum} to {maximum}, not {value}")]
pub struct OutOfBounds {
    name: LimitName,
    minimum: i64,
    maximum: i64,
    value: i64,
}

impl Default for LimitRules {
    fn default() -> Self {
        Self { maxima: Limits::MAXIMA }
    }
}

impl LimitRules {
    /// With some of the maxima other than [`Limits::MAXIMA`].
    ///
    /// # Errors
    /// When one lies below the limit's minimum.
    pub fn with_maxima(maxima: &LimitValues) -> Result<Self, OutOfBounds> {
        let mut rules = Self::default();
        for (&name, &value) in &maxima.0 {
            let minimum = name.minimum();
            if value < minimum {
                return Err(OutOfBounds { name, minimum, maximum: i64::MAX, value });
            }
            rules.maxima.set(name, value);
        }
        Ok(rules)
    }

    /// The most that any app may have.
    pub const fn maxima(&self) -> &Limits {
        &self.maxima
    }

    /// Whether an app may set what it asks for.
    ///
    /// # Errors
    /// With the first that is out of its bounds.
    pub fn check(&self, changes: &LimitChanges) -> Result<(), OutOfBounds> {
        for (&name, &value) in changes {
            let (minimum, maximum) = (name.minimum(), self.maxima.get(name));
            if let Some(value) = value.filter(|value| !(minimum..=maximum).contains(value)) {
                return Err(OutOfBounds { name, minimum, maximum, value });
            }
        }
        Ok(())
    }

    /// What counts for an app with these limits of its own. A maximum that was lowered since then wins.
    pub fn in_force(&self, own: &LimitValues) -> Limits {
        let mut limits = Limits::default();
        for name in LimitName::ALL {
            let wanted = own.0.get(&name).copied().unwrap_or_else(|| limits.get(name));
            limits.set(name, wanted.min(self.maxima.get(name)).max(name.minimum()));
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<const N: usize>(values: [(LimitName, i64); N]) -> LimitValues {
        LimitValues(values.into())
    }

    #[test]
    fn names_are_the_same_everywhere() {
        for name in LimitName::ALL {
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
            assert_eq!(serde_json::from_value::<LimitName>(name.as_str().into()).unwrap(), name);
            assert_eq!(name.as_str().parse::<LimitName>().unwrap(), name);
        }
        let told = "fule".parse::<LimitName>().unwrap_err().to_string();
        assert!(told.contains("\"fule\"") && told.contains("wall_time_ms"), "{told}");
    }

    #[test]
    fn each_limit_is_set_by_its_own_name() {
        let rules = LimitRules::default();
        for name in LimitName::ALL {
            let value = name.minimum() + 1;
            let set = rules.in_force(&values([(name, value)]));
            let mut expected = Limits::default().values();
            expected.0.insert(name, value);
            assert_eq!(set.values(), expected);
        }
        assert_eq!(rules.in_force(&LimitValues::default()), Limits::default());
    }

    #[test]
    fn bounds_hold_on_both_sides() {
        let rules = LimitRules::with_maxima(&values([(LimitName::KvCalls, 50)])).unwrap();
        for name in LimitName::ALL {
            let (minimum, maximum) = (name.minimum(), rules.maxima().get(name));
            for value in [minimum, maximum] {
                assert_eq!(rules.check(&[(name, Some(value))].into()), Ok(()), "{name} {value}");
            }
            let above = [maximum.checked_add(1), Some(i64::MAX)].into_iter().flatten().filter(|&above| above > maximum);
            for value in [minimum - 1, i64::MIN].into_iter().chain(above) {
                let told = rules.check(&[(name, Some(value))].into()).unwrap_err().to_string();
                assert_eq!(told, format!("the limit {name} is {minimum} to {maximum}, not {value}"));
            }
            assert_eq!(rules.check(&[(name, None)].into()), Ok(()));
        }
    }

    #[test]
    fn a_maximum_that_was_lowered_wins() {
        let rules = LimitRules::with_maxima(&values([(LimitName::KvCalls, 50), (LimitName::Fuel, 2_000_000)])).unwrap();
        let limits = rules.in_force(&values([(LimitName::KvCalls, 900)]));
        assert_eq!((limits.kv_calls, limits.fuel), (50, 2_000_000));
        assert!(LimitRules::with_maxima(&values([(LimitName::Concurrency, 0)])).is_err());
    }

    #[test]
    fn changes_touch_only_what_they_name() {
        let own = values([(LimitName::Fuel, 7), (LimitName::LogLines, 8)]);
        let changes = [(LimitName::Fuel, None), (LimitName::KvCalls, Some(9))].into();
        assert_eq!(own.changed(&changes), values([(LimitName::LogLines, 8), (LimitName::KvCalls, 9)]));
    }
}
