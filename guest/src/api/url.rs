//! `url`: addresses and what stands in them.

use super::{Result, at};
use fluent_uri::UriRef;
use form_urlencoded::Serializer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rhai::{Array, Map, plugin::*};

/// All but what RFC 3986, 2.3, calls unreserved.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What one pair of a query says.
fn scalar(name: &str, value: &Dynamic) -> Result<String> {
    if value.is_string() || value.is_char() || value.is_int() || value.is_float() || value.is_bool() {
        return Ok(value.to_string());
    }
    Err(format!("{name:?} in a query is text, a number or a boolean, not {}", value.type_name()).into())
}

#[export_module]
pub mod url {
    /// A text as one component of an address: all but ASCII letters, digits and `-._~` is percent-encoded.
    ///
    /// Example: `url::encode("a b/ä")` → `"a%20b%2F%C3%A4"`
    pub fn encode(text: &str) -> String {
        utf8_percent_encode(text, COMPONENT).to_string()
    }

    /// The text that a percent-encoded component stands for; an error if that is not UTF-8. A `+` stays what it is.
    ///
    /// Example: `url::decode("a%20b%2F%C3%A4")` → `"a b/ä"`
    #[rhai_fn(return_raw)]
    pub fn decode(context: NativeCallContext, text: &str) -> Result<String> {
        at(&context, || match percent_decode_str(text).decode_utf8() {
            Ok(text) => Ok(text.into_owned()),
            Err(error) => Err(format!("what is percent-encoded is not UTF-8: {error}").into()),
        })
    }

    /// The parts of an address as RFC 3986 has them: `scheme`, `userinfo`, `host`, `port`, `path`, `query`, `fragment`,
    /// as they are written. A port is a number; a part that is not there is `()`, a path at least `""`.
    ///
    /// Example: `let parts = url::parse("https://example.com:81/a?b=c"); [parts.host, parts.port, parts.query]` →
    /// `["example.com", 81, "b=c"]`
    #[rhai_fn(return_raw)]
    pub fn parse(context: NativeCallContext, text: &str) -> Result<Map> {
        at(&context, || {
            let url = UriRef::parse(text).map_err(|error| format!("not an address: {error}"))?;
            let part = |text: Option<&str>| text.map_or(Dynamic::UNIT, |text| text.into());
            let authority = url.authority();
            let port = authority.as_ref().map_or(Ok(None), |authority| authority.port_to_u16());
            let port = port.map_err(|error| format!("not an address, by its port: {error}"))?;
            Ok(Map::from([
                ("scheme".into(), part(url.scheme().map(|scheme| scheme.as_str()))),
                (
                    "userinfo".into(),
                    part(authority.as_ref().and_then(|known| known.userinfo()).map(|user| user.as_str())),
                ),
                ("host".into(), part(authority.as_ref().map(|authority| authority.host()))),
                ("port".into(), port.map_or(Dynamic::UNIT, |port| i64::from(port).into())),
                ("path".into(), part(Some(url.path().as_str()))),
                ("query".into(), part(url.query().map(|query| query.as_str()))),
                ("fragment".into(), part(url.fragment().map(|fragment| fragment.as_str()))),
            ]))
        })
    }

    /// What a query says, as `req.query` does: of a name that comes several times, the last value.
    ///
    /// Example: `url::parse_query("a=1&b=two+words&a=3")` → `#{ a: "3", b: "two words" }`
    pub fn parse_query(text: &str) -> Map {
        form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| (name.as_ref().into(), value.into_owned().into()))
            .collect()
    }

    /// A map as a query, or as the body of a form. An array gives its name several times, `()` not at all.
    ///
    /// Example: `url::query(#{ q: "two words", tag: ["a", "b"], page: () })` → `"q=two+words&tag=a&tag=b"`
    #[rhai_fn(return_raw)]
    pub fn query(context: NativeCallContext, map: Map) -> Result<String> {
        at(&context, || {
            let mut query = Serializer::new(String::new());
            for (name, value) in map {
                match value.try_cast_result::<Array>() {
                    Ok(values) => {
                        for value in values {
                            query.append_pair(&name, &scalar(&name, &value)?);
                        }
                    }
                    Err(unit) if unit.is_unit() => {}
                    Err(value) => {
                        query.append_pair(&name, &scalar(&name, &value)?);
                    }
                }
            }
            Ok(query.finish())
        })
    }
}
