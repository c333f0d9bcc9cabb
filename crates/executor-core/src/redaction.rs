//! Keeps the secrets that an invocation has read out of what is recorded of it: its log and its error.
//!
//! A value is recognised as it is, and as it looks inside a printed map or array or in JSON. What a script makes of it
//! (another encoding, a part, a letter at a time) is not: this guards against accidents, not against the script's author,
//! who can send a secret wherever the script can send anything.

use picloud_abi::bounds::cut;
use picloud_shared::names::SecretName;
use serde_json::{Map, Value};
use std::{ops::Range, sync::Arc};
use zeroize::Zeroizing;

/// Shorter values are left alone: they would be found in every other word.
const SHORTEST: usize = 4;
/// Bytes by which a cut between two characters may fall short of its bound.
const SHORT_OF: usize = 3;
/// What every replacement begins with.
const BEFORE_NAME: &str = "[secret ";

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
        let instead = format!("{BEFORE_NAME}{name}]");
        let inside = |quoted: &str| Zeroizing::new(quoted[1..quoted.len() - 1].to_owned());
        for form in [Zeroizing::new(value.to_owned()), inside(&printed), inside(&json)] {
            if !self.values.iter().any(|known| known.form == form && known.instead == instead) {
                self.values.push(Arc::new(Redaction { form, instead: instead.clone() }));
            }
        }
        self.values.sort_by_key(|known| std::cmp::Reverse(known.form.len()));
    }

    /// A text without the secrets, of at most so many bytes. One that was cut at so many may end in the beginning of one.
    pub(crate) fn applied(&self, text: String, cut_at: usize, bound: usize) -> String {
        let was_cut = text.len() + SHORT_OF >= cut_at;
        let mut told = match self.found_in(&text, was_cut) {
            Some(found) => found.replaced(&text, bound),
            None => text,
        };
        cut(&mut told, bound);
        told
    }

    /// The same within the bound at which it was cut.
    pub(crate) fn applied_within(&self, text: String, bound: usize) -> String {
        self.applied(text, bound, bound)
    }

    /// Fields without the secrets, be they texts, names or numbers, or whatever makes one of them in between. Nothing when
    /// their texts would have more than so many bytes.
    pub(crate) fn applied_to_fields(&self, fields: Map<String, Value>, bound: usize) -> Option<Value> {
        if self.values.is_empty() {
            return Some(Value::Object(fields));
        }
        let (mut room, mut room_as_one) = (bound, bound);
        let kept = self.applied_to_json(Value::Object(fields), &mut room)?;
        let text = kept.to_string();
        let told = self.whole(&text, &mut room_as_one)?;
        Some(if told == text { kept } else { Value::Object(Map::from_iter([("fields".to_owned(), told.into())])) })
    }

    fn applied_to_json(&self, value: Value, room: &mut usize) -> Option<Value> {
        Some(match value {
            Value::String(text) => self.whole(&text, room)?.into(),
            Value::Number(number) => {
                let text = number.to_string();
                let told = self.whole(&text, room)?;
                if told == text { number.into() } else { told.into() }
            }
            Value::Array(values) => {
                let told: Option<Vec<_>> = values.into_iter().map(|value| self.applied_to_json(value, room)).collect();
                told?.into()
            }
            Value::Object(fields) => {
                let told = fields
                    .into_iter()
                    .map(|(name, value)| Some((self.whole(&name, room)?, self.applied_to_json(value, room)?)));
                Value::Object(told.collect::<Option<_>>()?)
            }
            Value::Null | Value::Bool(_) => value,
        })
    }

    /// A text that was not cut and is not to be: nothing when there is no room for it.
    fn whole(&self, text: &str, room: &mut usize) -> Option<String> {
        let told = match self.found_in(text, false) {
            Some(found) => found.replaced(text, *room),
            None => text.to_owned(),
        };
        *room = room.checked_sub(told.len())?;
        Some(told)
    }

    /// Where a text has secrets, if it has any. A replacement that stands there already is left as it is: the name in it
    /// may be another secret's value.
    fn found_in(&self, text: &str, was_cut: bool) -> Option<Found<'_>> {
        let mut found = None;
        let mut take = |range, instead| found.get_or_insert_with(|| Found::nothing_in(text)).take(range, instead);
        let values = || self.values.iter().map(AsRef::as_ref);
        if text.contains(BEFORE_NAME) {
            for Redaction { instead, .. } in values() {
                occurrences(text, instead).for_each(|range| take(range, instead));
            }
        }
        // No longer one is there.
        let longer = self.values.partition_point(|known| known.form.len() > text.len());
        for Redaction { form, instead } in values().skip(longer) {
            occurrences(text, form).for_each(|range| take(range, instead));
        }
        if was_cut {
            let begun = values().map(|known| (begun_at_the_end(text, &known.form), &known.instead));
            // Of several the longest form's.
            let most = begun.rev().max_by_key(|(begun, _)| *begun);
            if let Some((begun, instead)) = most.filter(|(begun, _)| *begun >= SHORTEST) {
                take(text.len() - begun..text.len(), instead);
            }
        }
        found
    }
}

/// What of a text is to be replaced. It is looked for in the text as it was given, so that nothing is replaced in what was
/// put there instead: names are chosen by whoever chooses values, and a chain of names that hold values would grow without end.
struct Found<'a> {
    /// Of each byte, which of `instead` it goes with, counted from 1.
    taken: Vec<usize>,
    instead: Vec<&'a str>,
}

impl<'a> Found<'a> {
    fn nothing_in(text: &str) -> Self {
        Self { taken: vec![0; text.len()], instead: Vec::new() }
    }

    /// What others have taken of it stays theirs.
    fn take(&mut self, range: Range<usize>, instead: &'a str) {
        let number = self.instead.len() + 1;
        let free = self.taken[range].iter_mut().filter(|taken| **taken == 0);
        if free.map(|taken| *taken = number).count() > 0 {
            self.instead.push(instead);
        }
    }

    /// Ends soon after so many bytes.
    fn replaced(&self, text: &str, bound: usize) -> String {
        let (mut told, mut rest) = (String::new(), text);
        for run in self.taken.chunk_by(PartialEq::eq) {
            let (these, others) = rest.split_at(run.len());
            told.push_str(run[0].checked_sub(1).map_or(these, |at| self.instead[at]));
            if told.len() > bound {
                break;
            }
            rest = others;
        }
        told
    }
}

fn occurrences(text: &str, form: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(form).map(|(at, form)| at..at + form.len())
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
            assert_eq!(redactions.applied(text.into(), NEVER_CUT, NEVER_CUT), expected);
        }
    }

    #[test]
    fn a_value_is_known_inside_a_map_and_in_json() {
        let key = "-----BEGIN KEY-----\n\"a\\b\"\u{7f}\n-----END KEY-----\n";
        let redactions = of(&[("KEY", key)]);
        for text in [format!("{key}!"), format!("{:?}", key.trim()), serde_json::Value::from(key).to_string()] {
            let told = redactions.applied(text, NEVER_CUT, NEVER_CUT);
            assert!(told.contains("[secret KEY]") && !told.contains("BEGIN"), "{told}");
        }
    }

    #[test]
    fn a_name_that_holds_other_values_is_left_as_it_is() {
        let names = ["bbbb".repeat(16), "cccc".repeat(16), "dddd".repeat(16), "last".to_owned()];
        let chain: Vec<_> = names.iter().map(String::as_str).zip(["aaaa", "bbbb", "cccc", "dddd"]).collect();
        let redactions = of(&chain);
        let told = redactions.applied("aaaa, bbbb".into(), NEVER_CUT, NEVER_CUT);
        assert_eq!(told, format!("[secret {}], [secret {}]", names[0], names[1]));
        // Nor is it looked at when what was told goes on to a caller, or when fields are looked at as a whole.
        assert_eq!(redactions.applied(told.clone(), NEVER_CUT, NEVER_CUT), told);
        let fields = Map::from_iter([("cccc".to_owned(), "aaaa".into())]);
        let kept = Map::from_iter([(format!("[secret {}]", names[2]), format!("[secret {}]", names[0]).into())]);
        assert_eq!(redactions.applied_to_fields(fields, NEVER_CUT), Some(Value::Object(kept)));
    }

    #[test]
    fn no_more_is_told_than_there_is_room_for() {
        let name = "N".repeat(64);
        let redactions = of(&[(&name, "aaaa")]);
        let text = "aaaa".repeat(100);
        let (all, one) = (format!("[secret {name}]").repeat(100), format!("[secret {name}]"));
        assert_eq!(redactions.applied(text.clone(), NEVER_CUT, NEVER_CUT), all);
        assert_eq!(redactions.applied(text.clone(), NEVER_CUT, 100), all[..100]);
        assert_eq!(Redactions::default().applied(text.clone(), NEVER_CUT, 100), text[..100]);
        let found = redactions.found_in(&text, false).unwrap();
        assert_eq!(found.replaced(&text, one.len()).len(), 2 * one.len());
        let fields = |count: usize| Map::from_iter([("it".to_owned(), vec!["aaaa"; count].into())]);
        assert!(redactions.applied_to_fields(fields(10), 11 * one.len()).is_some());
        assert!(redactions.applied_to_fields(fields(11), 11 * one.len()).is_none());
    }

    #[test]
    fn of_values_that_overlap_nothing_is_left() {
        let redactions = of(&[("A", "abcd"), ("B", "cdefgh"), ("C", "ghij")]);
        for (text, expected) in [
            ("abcdefgh", "[secret A][secret B]"),
            ("xabcdefghijx", "x[secret A][secret B][secret C]x"),
            ("abcdabcd", "[secret A][secret A]"),
        ] {
            assert_eq!(redactions.applied(text.into(), NEVER_CUT, NEVER_CUT), expected);
        }
        assert_eq!(redactions.applied("abcdefg".into(), 7, NEVER_CUT), "[secret A][secret B]");
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
            assert_eq!(redactions.applied(text.into(), text.len(), NEVER_CUT), expected);
            assert_eq!(redactions.applied(text.into(), text.len() + SHORT_OF, NEVER_CUT), expected);
            assert_eq!(redactions.applied(text.into(), text.len() + SHORT_OF + 1, NEVER_CUT), text);
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
