//! `picloud.toml`.

use picloud_shared::{
    limit_rules::LimitValues,
    names::{AppSlug, ScriptName, TopicName},
    route::Route,
    schedule::Schedule,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the file says; all of it may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) app: Option<AppSlug>,
    pub(crate) limits: Option<LimitValues>,
    #[serde(default)]
    pub(crate) scripts: BTreeMap<ScriptName, Entry>,
}

/// What starts a script.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) routes: Option<Vec<Route>>,
    pub(crate) topics: Option<Vec<TopicName>>,
    pub(crate) schedules: Option<Vec<Schedule>>,
}

impl Manifest {
    /// What is wrong is told in a sentence, with the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let line = error.span().map(|span| text[..span.start].lines().count().max(1));
            line.map_or_else(|| error.message().to_owned(), |line| format!("line {line}: {}", error.message()))
        })
    }
}
