//! Names that people choose, checked once where they enter.

use crate::{
    declarations::{self, InvalidDeclaration},
    limits::FILE_PATH_BYTES,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};
use utoipa::ToSchema;

/// A name that breaks its rule; the text says which rule.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(&'static str);

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $valid:ident, $pattern:literal, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, pattern = $pattern)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                if $valid(&text) { Ok(Self(text.into())) } else { Err(InvalidName($rule)) }
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
                name.0.as_ref().to_owned()
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
    AppSlug, is_dns_label, r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    "an app's slug is 1 to 63 lower-case letters, digits and hyphens, with no hyphen at either end";
    /// A script's name within its app, such as `greet` or `lib/util`.
    ScriptName, is_script_name, r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$",
    "a script's name is at most 128 letters, digits, '_', '-' and '.', in parts separated by '/' that do not start with '.'";
    /// What events are about, such as `orders` or `orders.paid`; scripts of one app subscribe to it.
    TopicName, is_topic_name, r"^[A-Za-z0-9_.:-]{1,128}$",
    "a topic is 1 to 128 letters, digits, '_', '-', '.' and ':'";
    /// A variable's name, such as `REGION`.
    VarName, is_identifier, r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
    "a variable's name is 1 to 64 letters, digits and '_', and does not start with a digit";
    /// A secret's name, such as `API_KEY`.
    SecretName, is_identifier, r"^[A-Za-z_][A-Za-z0-9_]{0,63}$",
    "a secret's name is 1 to 64 letters, digits and '_', and does not start with a digit";
    /// A file's path within its app, such as `images/logo.png`.
    FilePath, is_file_path, r"^[^/]+(/[^/]+)*$",
    "a file's path is 1 to 512 bytes, in parts separated by '/', none of them empty, '.' or '..', without control characters";
    /// The name a person signs in with.
    Username, is_username, r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$",
    "a user name is 1 to 64 letters, digits, '_', '-', '.' and '@', and starts with a letter or digit";
}

impl TopicName {
    /// The topics that a script's source declares itself to be subscribed to, in lines such as `// topic: orders`;
    /// `None` when it has no such line. Each topic comes once.
    ///
    /// # Errors
    /// When a declared topic cannot be; the text says in which line.
    pub fn declared_in(source: &str) -> Result<Option<Vec<Self>>, InvalidDeclaration<InvalidName>> {
        let declared = declarations::parsed(source, "topic")?;
        Ok(declared.map(|topics: Vec<Self>| BTreeSet::from_iter(topics).into_iter().collect()))
    }
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

fn is_topic_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        // Which a URL's path would swallow.
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

/// What every shell and every language takes for a name.
fn is_identifier(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_file_path(text: &str) -> bool {
    (1..=FILE_PATH_BYTES).contains(&text.len())
        && !text.contains(char::is_control)
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
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

    #[test]
    fn paths_of_files_cannot_climb() {
        for good in ["a", "a/b.txt", "ü ö/…", "...", ".hidden", "a\\b", &"x".repeat(512)] {
            assert!(good.parse::<FilePath>().is_ok(), "{good}");
        }
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0", "a\n", &"x".repeat(513)] {
            assert!(bad.parse::<FilePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn topics_fit_a_segment_of_a_path() {
        for good in ["orders", "orders.paid", "a:b_c-1", &"x".repeat(128)] {
            assert!(good.parse::<TopicName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "ä", "a\0", "*", &"x".repeat(129)] {
            assert!(bad.parse::<TopicName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_and_variables_are_named_as_in_an_environment() {
        for good in ["A", "_", "API_KEY", "a1", &"x".repeat(64)] {
            assert!(good.parse::<SecretName>().is_ok() && good.parse::<VarName>().is_ok(), "{good}");
        }
        for bad in ["", "1a", "a-b", "a.b", "a/b", "a b", "ä", "a\0", &"x".repeat(65)] {
            assert!(bad.parse::<SecretName>().is_err() && bad.parse::<VarName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_source_declares_its_topics() {
        let topics = |source: &str| TopicName::declared_in(source).unwrap();
        let declared = topics("// topic: paid\n//Topic:orders\n// topic: paid\nlet a = 1; // topic: no").unwrap();
        assert_eq!(declared, ["orders", "paid"].map(|topic| topic.parse().unwrap()));
        assert_eq!(topics("// topics\n// the topic: x"), None);
        let error = TopicName::declared_in("1\n// topic: a b").unwrap_err().to_string();
        assert!(error.starts_with("line 2: a topic is"), "{error}");
    }
}
