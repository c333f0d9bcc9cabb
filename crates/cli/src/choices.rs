//! Values that are one of a few words: the command line takes them, and its help names them.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use picloud_shared::{
    api::{LogLevel, Role, StatsRange, Trigger},
    outcome,
};

/// What a member may do.
pub(crate) fn role() -> impl TypedValueParser<Value = Role> {
    one_of([Role::Viewer, Role::Editor, Role::Owner], Role::as_str)
}

/// How important a line of a log is.
pub(crate) fn log_level() -> impl TypedValueParser<Value = LogLevel> {
    one_of(LogLevel::ALL, LogLevel::as_str)
}

/// What started an invocation.
pub(crate) fn trigger() -> impl TypedValueParser<Value = Trigger> {
    one_of(Trigger::ALL, Trigger::as_str)
}

/// The word for how an invocation ended.
pub(crate) fn outcome() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(outcome::WORDS)
}

/// How far back to look for what invocations come to.
pub(crate) fn stats_range() -> impl TypedValueParser<Value = StatsRange> {
    one_of([StatsRange::Hour, StatsRange::Day, StatsRange::Week, StatsRange::Month], StatsRange::as_str)
}

fn one_of<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    word: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let words = PossibleValuesParser::new(all.map(word));
    words.try_map(move |given| all.into_iter().find(|&one| word(one) == given).ok_or("there is no such choice"))
}
