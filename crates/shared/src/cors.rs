//! Which pages of other origins may use an app from their visitors' browsers, as its owner sets it (CORS). Answering them
//! is the orchestrator's.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};
use url::Url;
use utoipa::ToSchema;

/// What is not to be set; the text says why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidCors(String);

/// An origin as browsers send it: `https://shop.example`, `http://localhost:5173`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(String);

/// A header's name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderName(String);

/// One entry of a list: a `T`, or `*` for all that there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "String",
    into = "String",
    bound(serialize = "T: fmt::Display + Clone", deserialize = "T: FromStr<Err = InvalidCors>")
)]
pub enum Allowed<T> {
    /// `*`
    All,
    /// This one.
    One(T),
}

/// What pages of other origins may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Whose pages may read answers.
    #[schema(value_type = Vec<String>)]
    pub origins: Vec<Allowed<Origin>>,
    /// What they may send beside the headers that any page may send.
    #[serde(default = "sent_by_default")]
    #[schema(value_type = Vec<String>)]
    pub headers: Vec<Allowed<HeaderName>>,
    /// What they may read beside the headers that any page may read.
    #[serde(default = "read_by_default")]
    #[schema(value_type = Vec<String>)]
    pub expose: Vec<Allowed<HeaderName>>,
    /// Whether their requests may carry the visitor's cookies for the app.
    #[serde(default)]
    pub credentials: bool,
    /// For how many seconds a browser may go by an answer to its question whether it may ask.
    #[serde(default = "Cors::default_max_age")]
    pub max_age: u32,
}

/// What an app sets: nothing, and its scripts' own headers say what pages of other origins may do; or that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct CorsSetting(pub Option<Cors>);

impl Cors {
    /// Most origins.
    pub const ORIGINS: usize = 100;
    /// Most headers of a list.
    pub const HEADERS: usize = 50;
    /// The longest `max_age`, in seconds: a day, which no browser passes.
    pub const MAX_AGE: u32 = 24 * 60 * 60;

    /// For these origins, with everything else as it is when nothing is said.
    pub fn of(origins: Vec<Allowed<Origin>>) -> Self {
        Self {
            origins,
            headers: sent_by_default(),
            expose: read_by_default(),
            credentials: false,
            max_age: Self::default_max_age(),
        }
    }

    /// Ten minutes, in seconds.
    pub const fn default_max_age() -> u32 {
        600
    }

    /// Whether all of it may be set together.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self) -> Result<(), InvalidCors> {
        let invalid = |why: String| Err(InvalidCors(format!("cors: {why}")));
        if self.origins.is_empty() {
            return invalid("there is no origin; null takes it back".to_owned());
        }
        checked("origins", &self.origins, Self::ORIGINS)?;
        checked("headers", &self.headers, Self::HEADERS)?;
        checked("expose", &self.expose, Self::HEADERS)?;
        let all = self.origins.contains(&Allowed::All)
            || self.headers.contains(&Allowed::All)
            || self.expose.contains(&Allowed::All);
        if self.credentials && all {
            return invalid(
                "with credentials, origins and headers are named one by one: * means none of them".to_owned(),
            );
        }
        if self.max_age > Self::MAX_AGE {
            return invalid(format!("max_age is at most {} seconds, not {}", Self::MAX_AGE, self.max_age));
        }
        Ok(())
    }
}

fn checked<T: PartialEq>(name: &str, list: &[Allowed<T>], most: usize) -> Result<(), InvalidCors> {
    if list.len() > most {
        return Err(InvalidCors(format!("cors: {name} has at most {most} entries, not {}", list.len())));
    }
    if list.len() > 1 && list.contains(&Allowed::All) {
        return Err(InvalidCors(format!("cors: * among {name} stands alone, since it means all")));
    }
    Ok(())
}

/// What a page needs to send JSON, and a token.
fn sent_by_default() -> Vec<Allowed<HeaderName>> {
    ["authorization", "content-type"].map(|name| Allowed::One(HeaderName(name.to_owned()))).into()
}

fn read_by_default() -> Vec<Allowed<HeaderName>> {
    vec![Allowed::One(HeaderName("x-request-id".to_owned()))]
}

/// For a field that may be absent, or `null`, and means something else each time.
///
/// # Errors
/// When what is there is no `T`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Origin {
    /// As browsers send it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HeaderName {
    /// In lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidCors;
    fn from_str(text: &str) -> Result<Self, InvalidCors> {
        let invalid = || {
            InvalidCors(format!(
                "{text:?} is no origin: write https://shop.example or http://localhost:5173, with nothing after it"
            ))
        };
        let (scheme, host) = text.split_once("://").ok_or_else(invalid)?;
        let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        // What a URL may have around its host, or would silently lose.
        let more = |c: char| "/\\?#@*".contains(c) || c.is_whitespace() || c.is_control();
        if !web || host.contains(more) || host.ends_with(':') {
            return Err(invalid());
        }
        let url = Url::parse(text).map_err(|_| invalid())?;
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl FromStr for HeaderName {
    type Err = InvalidCors;
    fn from_str(text: &str) -> Result<Self, InvalidCors> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(token) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidCors(format!("{text:?} is no header's name of 1 to 64 letters, digits and hyphens")))
        }
    }
}

impl<T: FromStr<Err = InvalidCors>> FromStr for Allowed<T> {
    type Err = InvalidCors;
    fn from_str(text: &str) -> Result<Self, InvalidCors> {
        if text == "*" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

impl<T: FromStr<Err = InvalidCors>> TryFrom<String> for Allowed<T> {
    type Error = InvalidCors;
    fn try_from(text: String) -> Result<Self, InvalidCors> {
        text.parse()
    }
}

impl<T: fmt::Display> From<Allowed<T>> for String {
    fn from(allowed: Allowed<T>) -> Self {
        allowed.to_string()
    }
}

impl<T: fmt::Display> fmt::Display for Allowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::One(one) => one.fmt(f),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As stored: JSON.
impl TryFrom<String> for CorsSetting {
    type Error = serde_json::Error;
    fn try_from(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        for (text, sent) in [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.Example:443", "https://shop.example"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), sent, "{text}");
        }
        for bad in [
            "",
            "null",
            "*",
            "shop.example",
            "//shop.example",
            "https://",
            "https:shop.example",
            "https:///shop.example",
            "https://shop.example/",
            "https://shop.example/page",
            "https://shop.example?",
            "https://shop.example#",
            "https://ada@shop.example",
            "https://*.shop.example",
            "https://shop.example:",
            "https://shop.example:65536",
            "https://shop.example\\",
            "https://shop .example",
            "https://shop.example\n",
            " https://shop.example",
            "ftp://shop.example",
            "file://shop.example",
        ] {
            let error = bad.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains("is no origin: write https://"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn names_of_headers_are_in_lower_case() {
        assert_eq!("X-Api-Key".parse::<HeaderName>().unwrap().as_str(), "x-api-key");
        for bad in ["", "a b", "a:", "a,b", "a\r", "ü", "*", &"a".repeat(65)] {
            assert!(bad.parse::<HeaderName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let cors: Cors = serde_json::from_str(r#"{"origins": ["https://a.example", "http://B.example"]}"#).unwrap();
        assert_eq!(cors, Cors::of(vec!["https://a.example".parse().unwrap(), "http://b.example".parse().unwrap()]));
        let json = r#"{"origins":["https://a.example","http://b.example"],"headers":["authorization","content-type"],"#;
        let more = r#""expose":["x-request-id"],"credentials":false,"max_age":600}"#;
        assert_eq!(serde_json::to_string(&cors).unwrap(), format!("{json}{more}"));
        assert_eq!(CorsSetting::try_from("null".to_owned()).unwrap(), CorsSetting(None));
    }

    #[test]
    fn what_cannot_be_together_is_refused() {
        let good = Cors::of(vec!["https://a.example".parse().unwrap()]);
        let all = Cors::of(vec![Allowed::All]);
        let many = |count: usize| (0..count).map(|n| format!("https://a{n}.example").parse().unwrap()).collect();
        for cors in [
            good.clone(),
            all.clone(),
            Cors { credentials: true, ..good.clone() },
            Cors { headers: vec![Allowed::All], expose: vec![], max_age: 86_400, ..all.clone() },
            Cors::of(many(100)),
        ] {
            assert_eq!(cors.check(), Ok(()), "{cors:?}");
        }
        for (cors, why) in [
            (Cors::of(vec![]), "there is no origin"),
            (Cors::of(many(101)), "origins has at most 100 entries, not 101"),
            (Cors { headers: vec!["x-a".parse().unwrap(); 51], ..good.clone() }, "headers has at most 50 entries"),
            (Cors { expose: vec!["x-a".parse().unwrap(); 51], ..good.clone() }, "expose has at most 50 entries"),
            (Cors::of(vec![Allowed::All, "https://a.example".parse().unwrap()]), "* among origins stands alone"),
            (Cors { credentials: true, ..all }, "with credentials"),
            (Cors { credentials: true, headers: vec![Allowed::All], ..good.clone() }, "with credentials"),
            (Cors { credentials: true, expose: vec![Allowed::All], ..good.clone() }, "with credentials"),
            (Cors { max_age: 86_401, ..good }, "max_age is at most 86400 seconds, not 86401"),
        ] {
            let error = cors.check().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
