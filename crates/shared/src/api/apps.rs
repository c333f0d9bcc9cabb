//! Apps.

use crate::{
    cors::{self, CorsSetting},
    ids::AppId,
    limit_rules::{self, LimitChanges, LimitValues},
    names::AppSlug,
    outbound::AllowedHosts,
    time::TimestampMs,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new app.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// Unique on the server.
    pub slug: AppSlug,
    /// For people; the slug when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether error answers of its endpoints tell the detail.
    #[serde(default)]
    pub debug: bool,
}

/// An app as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct App {
    /// Stays when the slug changes.
    pub id: AppId,
    /// Its short name, as in its addresses.
    pub slug: AppSlug,
    /// Where it answers, such as `http://localhost:8080/demo`.
    pub url: String,
    /// For people.
    pub name: String,
    /// Whether error answers of its endpoints tell the detail.
    pub debug: bool,
    /// The limits that it sets itself; the others have their defaults.
    pub limits: LimitValues,
    /// All limits as they count for its invocations.
    pub limits_in_force: LimitValues,
    /// The hosts that its scripts may reach; empty: every public address.
    pub outbound: AllowedHosts,
    /// What pages of other origins may do; `null`: what the scripts' own headers say.
    pub cors: CorsSetting,
    /// What the asker may do in it.
    pub role: Role,
    /// When it was made.
    #[schema(value_type = i64)]
    pub created_at: TimestampMs,
}

/// What to change of an app; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateApp {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether error answers of its endpoints tell the detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debug: Option<bool>,
    /// Limits to set, or, with `null`, to have their defaults again.
    #[serde(default, skip_serializing_if = "LimitChanges::is_empty")]
    #[schema(schema_with = limit_rules::changes_schema)]
    pub limits: LimitChanges,
    /// The hosts that its scripts may reach, in place of those before; empty: every public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<AllowedHosts>,
    /// What pages of other origins may do, in place of all that was said before; `null`: what the scripts' own headers say.
    #[serde(default, deserialize_with = "cors::given", skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsSetting>,
}

/// What a member may do: each role may also do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Change scripts and data.
    Editor,
    /// Change the app and its members.
    Owner,
}

impl Role {
    /// As stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "editor" => Ok(Self::Editor),
            "owner" => Ok(Self::Owner),
            _ => Err("a role is viewer, editor or owner"),
        }
    }
}

impl TryFrom<String> for Role {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}
