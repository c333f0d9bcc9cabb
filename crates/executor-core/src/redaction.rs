//! Keeps the secrets that an invocation has read out of what is recorded of it: its log and its error.
//!
//! A value is recognised as it is, and as it looks inside a printed map or array or in JSON. What a script makes of it
//! (another encoding, a part, a letter at a time) is not: this guards against accidents, not against the script's author,
//! who can send a secret wherever the script can send anything.

use picloud_abi::bounds::cut;
use picloud_shared::names::SecretName;
use serde_json::{Map, Value};
use std::{borrow::Cow, sync::Arc};
use zeroize::Zeroizing;

/// Shorter values are left alone: they would be found in every other word.
const SHORTEST: usize = 4;
/// Bytes by which a cut between two characters may fall short of its bound.
const SHORT_OF: usize = 3;

/// The secrets of one invocation, and of those that it calls, which share them.
#[derive(Clone, Default)]
pub(crate) struct Redactions {
    /// The longest first.
    values: Vec<Arc<Redaction>>,
}

struct Redaction {
    /// What is looked for.
    form: Zeroizing<String>,
    /// What is put there instead.
    instead: String,
}

impl Redactions {
    /// From here on this value is not recorded.
    pub(crate) fn add(&mut self, name: &SecretName, value: &str) {
        // Nobody means the line break at the end of a file.
        let value = value.trim();
        if value.len() < SHORTEST {
            return;
        }
        let printed = Zeroizing::new(format!("{value:?}"));
        let json = Zeroizing::new(serde_json::Value::from(value).to_string());
        let instead = format!("[secret {name}]");
        let inside = |quoted: &str| Zeroizing::new(quoted[1..quoted.len() - 1].to_owned());
        for form in [Zeroizing::new(value.to_owned()), inside(&printed), inside(&json)] {
            if !self.values.iter().any(|known| known.form == form && known.instead == instead) {
                self.values.push(Arc::new(Redaction { form, instead: instead.clone() }));
            }
        }
        self.values.sort_by_key(|known| std::cmp::Reverse(known.form.len()));
    }

    /// A text without the secrets. One that was cut at so many bytes may end in the beginning of one.
    pub(crate) fn applied(&self, mut text: String, cut_at: usize) -> String {
        if self.values.is_empty() {
            return text;
        }
        let was_cut = text.len() + SHORT_OF >= cut_at;
        for Redaction { form, instead } in self.values.iter().map(AsRef::as_ref) {
            if let Cow::Owned(replaced) = replaced(&text, form, instead) {
                text = replaced;
            }
        }
        if was_cut {
            for Redaction { form, instead } in self.values.iter().map(AsRef::as_ref) {
                let begun = begun_at_the_end(&text, form);
                if begun >= SHORTEST {
                    text.truncate(text.len() - begun);
                    text.push_str(instead);
                    break;
                }
            }
        }
        text
    }

    /// Fields without the secrets, be they texts, names or numbers, or whatever makes one of them in between.
    pub(crate) fn applied_to_fields(&self, fields: Map<String, Value>) -> Value {
        if self.values.is_empty() {
            return Value::Object(fields);
        }
        let kept = self.applied_to_json(Value::Object(fields));
        let text = kept.to_string();
        let told = self.applied(text.clone(), usize::MAX);
        if told == text { kept } else { Value::Object(Map::from_iter([("fields".to_owned(), told.into())])) }
    }

    fn applied_to_json(&self, value: Value) -> Value {
        let whole = |text| self.applied(text, usize::MAX);
        match value {
            Value::String(text) => whole(text).into(),
            Value::Number(number) => {
                let text = number.to_string();
                let told = whole(text.clone());
                if told == text { number.into() } else { told.into() }
            }
            Value::Array(values) => values.into_iter().map(|value| self.applied_to_json(value)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(name, value)| (whole(name), self.applied_to_json(value))).collect()
            }
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// As [`Self::applied`], within the same bound.
    pub(crate) fn applied_within(&self, text: String, bound: usize) -> String {
        let mut text = self.applied(text, bound);
        cut(&mut text, bound);
        text
    }
}

fn replaced<'a>(text: &'a str, form: &str, instead: &str) -> Cow<'a, str> {
    if text.contains(form) { Cow::Owned(text.replace(form, instead)) } else { Cow::Borrowed(text) }
}

/// How many bytes at the end of a text are the beginning of a form. Knuth, Morris and Pratt's way, since a form that
/// repeats itself must not take the square of its length.
fn begun_at_the_end(text: &str, form: &str) -> usize {
    let (form, text) = (form.as_bytes(), text.as_bytes());
    let mut borders = vec![0; form.len()];
    let next = |borders: &[usize], mut matched: usize, byte: u8| {
        while matched > 0 && (matched == form.len() || form[matched] != byte) {
            matched = borders[matched - 1];
        }
        matched + usize::from(form.get(matched) == Some(&byte))
    };
    for at in 1..form.len() {
        borders[at] = next(&borders, borders[at - 1], form[at]);
    }
    let end = &text[text.len().saturating_sub(form.len())..];
    end.iter().fold(0, |matched, &byte| next(&borders, matched, byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER_CUT: usize = usize::MAX;

    fn of(secrets: &[(&str, &str)]) -> Redactions {
        let mut redactions = Redactions::default();
        for (name, value) in secrets {
            redactions.add(&name.parse().unwrap(), value);
        }
        redactions
    }

    #[test]
    fn values_are_replaced_by_their_names() {
        let redactions = of(&[("A", "hunter2"), ("B", "hunter2hunter2"), ("C", "abc")]);
        for (text, expected) in [
            ("nothing", "nothing"),
            ("hunter2, hunter2!", "[secret A], [secret A]!"),
            ("xhunter2hunter2x", "x[secret B]x"),
            ("abc is too short", "abc is too short"),
        ] {
            assert_eq!(redactions.applied(text.into(), NEVER_CUT), expected);
        }
    }

    #[test]
    fn a_value_is_known_inside_a_map_and_in_json() {
        let key = "-----BEGIN KEY-----\n\"a\\b\"\u{7f}\n-----END KEY-----\n";
        let redactions = of(&[("KEY", key)]);
        for text in [format!("{key}!"), format!("{:?}", key.trim()), serde_json::Value::from(key).to_string()] {
            let told = redactions.applied(text, NEVER_CUT);
            assert!(told.contains("[secret KEY]") && !told.contains("BEGIN"), "{told}");
        }
    }

    #[test]
    fn the_beginning_of_a_value_at_a_cut_is_not_left() {
        let redactions = of(&[("A", "hunter2"), ("B", "aaaaaaab")]);
        for (text, expected) in [
            ("x hunte", "x [secret A]"),
            ("x hun", "x hun"),
            ("aaaaaaaaaaaa", "aaaaa[secret B]"),
            ("hunter hunter", "hunter [secret A]"),
        ] {
            assert_eq!(redactions.applied(text.into(), text.len()), expected);
            assert_eq!(redactions.applied(text.into(), text.len() + SHORT_OF), expected);
            assert_eq!(redactions.applied(text.into(), text.len() + SHORT_OF + 1), text);
        }
    }

    #[test]
    fn a_long_value_that_repeats_itself_takes_no_time() {
        let (form, text) = ("a".repeat(32 << 10), "a".repeat(64 << 10));
        assert_eq!(begun_at_the_end(&text, &form), 32 << 10);
        assert_eq!(begun_at_the_end(&format!("{text}b"), &form), 0);
        assert_eq!(begun_at_the_end(&text, &format!("{form}b")), 32 << 10);
    }
}
