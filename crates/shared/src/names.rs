//! Names that people choose, checked once where they enter.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A name that breaks its rule; the text says which rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(&'static str);

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $valid:ident, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                if $valid(&text) { Ok(Self(text)) } else { Err(InvalidName($rule)) }
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                text.to_owned().try_into()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// An app's short name; also its host name below the apps domain, hence a DNS label.
    AppSlug, is_dns_label,
    "an app's slug is 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end";
    /// A script's name within its app, such as `greet` or `lib/util`.
    ScriptName, is_script_name,
    "a script's name is at most 128 letters, digits, '_', '-' and '.', in parts separated by '/' that do not start with '.'";
    /// The name a person signs in with.
    Username, is_username,
    "a user name is 1 to 64 letters, digits, '_', '-', '.' and '@', and starts with a letter or digit";
}

impl ScriptName {
    /// Whether the script is a library: it has no endpoint of its own.
    pub fn is_library(&self) -> bool {
        self.0.starts_with("lib/")
    }
}

fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_script_name(text: &str) -> bool {
    text.len() <= 128
        && text.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        })
}

fn is_username(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_dns_labels() {
        for good in ["a", "demo", "my-app-2", &"x".repeat(63)] {
            assert!(good.parse::<AppSlug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a\0", &"x".repeat(64)] {
            assert!(bad.parse::<AppSlug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn script_names_cannot_climb() {
        for good in ["greet", "lib/util", "a/b/c", "v1.2_x-y"] {
            assert!(good.parse::<ScriptName>().is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "..", "a/../b", ".hidden", "a b", "a\\b", "a\0", &"x".repeat(129)] {
            assert!(bad.parse::<ScriptName>().is_err(), "{bad}");
        }
    }
}
