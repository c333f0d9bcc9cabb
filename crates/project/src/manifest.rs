//! `picloud.toml`.

use crate::Wrong;
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
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            // Lines that end before it, and the one that it is in.
            let line =
                error.span().and_then(|span| text.get(..span.start)).map(|before| 1 + before.matches('\n').count());
            Wrong { line, why: error.message().to_owned() }
        })
    }
}
