//! Keeps the secrets that an invocation has read out of what is recorded of it: its log and its error.
//!
//! A value is recognised as it is, and as it looks inside a printed map or array or in JSON. What a script makes of it
//! (another encoding, a part, a letter at a time) is not: this guards against accidents, not against the script's author,
//! who can send a secret wherever the script can send anything.

mod forms;

use forms::{Forms, SHORTEST};
use picloud_abi::bounds::cut;
use picloud_shared::names::SecretName;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, ops::Range, sync::Arc};
use zeroize::Zeroizing;

/// Bytes by which a cut between two characters may fall short of its bound.
const SHORT_OF: usize = 3;
/// What every replacement begins with.
const BEFORE_NAME: &str = "[secret ";

/// The secrets of one invocation, and of those that it calls, which share them.
#[derive(Clone, Default)]
pub(crate) struct Redactions(Arc<Known>);

#[derive(Clone, Default)]
struct Known {
    forms: Forms,
    /// By what is put there instead. A name has several values when its secret was changed in between.
    values: BTreeMap<Arc<str>, Vec<Arc<Zeroizing<String>>>>,
}

impl Redactions {
    /// From here on this value is not recorded.
    pub(crate) fn add(&mut self, name: &SecretName, value: &str) {
        // Nobody means the line break at the end of a file. Shorter values are left alone: they would be found in every
        // other word.
        let value = value.trim();
        if value.len() < SHORTEST {
            return;
        }
        let instead: Arc<str> = format!("{BEFORE_NAME}{name}]").into();
        if self.0.values.get(&instead).is_some_and(|values| values.iter().any(|known| ***known == value)) {
            return;
        }
        let printed = Zeroizing::new(format!("{value:?}"));
        let json = Zeroizing::new(serde_json::Value::from(value).to_string());
        let shared = |form: &str| Arc::new(Zeroizing::new(form.to_owned()));
        let inside = |quoted: &str| shared(&quoted[1..quoted.len() - 1]);
        let Known { forms, values } = Arc::make_mut(&mut self.0);
        let value = shared(value);
        for form in [Arc::clone(&value), inside(&printed), inside(&json)] {
            forms.add(form, &instead);
        }
        values.entry(instead).or_default().push(value);
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
        if self.0.values.is_empty() {
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
        let Known { forms, values } = &*self.0;
        if values.is_empty() {
            return None;
        }
        let mut found = None;
        let mut take = |range, instead| found.get_or_insert_with(|| Found::nothing_in(text)).take(range, instead);
        for (at, _) in text.match_indices(BEFORE_NAME) {
            // No name has a bracket.
            let name = at + BEFORE_NAME.len();
            let end = text[name..].find(['[', ']']).map(|end| name + end + 1);
            let standing = end.and_then(|end| Some((at..end, values.get_key_value(&text[at..end])?.0)));
            if let Some((range, instead)) = standing {
                take(range, instead);
            }
        }
        forms.each_in(text, was_cut, take);
        found
    }
}

/// What of a text is to be replaced. It is looked for in the text as it was given, so that nothing is replaced in what was
/// put there instead: names are chosen by whoever chooses values, and a chain of names that hold values would grow without end.
struct Found<'a> {
    /// Of each byte, which of `instead` it goes with, counted from 1.
    taken: Vec<usize>,
    instead: Vec<&'a str>,
    /// Of each byte, and of the end, one that is no later than the first free one from there on: itself, when it is free.
    free: Vec<usize>,
}

impl<'a> Found<'a> {
    fn nothing_in(text: &str) -> Self {
        Self { taken: vec![0; text.len()], instead: Vec::new(), free: (0..=text.len()).collect() }
    }

    /// What others have taken of it stays theirs.
    fn take(&mut self, range: Range<usize>, instead: &'a str) {
        let mut at = self.first_free(range.start);
        if at < range.end {
            self.instead.push(instead);
        }
        while at < range.end {
            self.taken[at] = self.instead.len();
            self.free[at] = at + 1;
            at = self.first_free(at + 1);
        }
    }

    /// The first byte from there on that nobody has taken. Ways that were gone are made shorter, so that places that
    /// overlap, however many, cost what the text does.
    fn first_free(&mut self, mut at: usize) -> usize {
        while self.free[at] != at {
            self.free[at] = self.free[self.free[at]];
            at = self.free[at];
        }
        at
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// How many bytes at the end of a text are the beginning of a form.
    fn begun_at_the_end(text: &str, form: &str) -> usize {
        let mut last = 0..0;
        of(&[("A", form)]).0.forms.each_in(text, true, |range, _| last = range);
        if last.end == text.len() { last.len() } else { 0 }
    }

    #[test]
    fn a_long_value_that_repeats_itself_takes_no_time() {
        let (form, text) = ("a".repeat(32 << 10), "a".repeat(64 << 10));
        assert_eq!(begun_at_the_end(&text, &form), 32 << 10);
        assert_eq!(begun_at_the_end(&format!("{text}b"), &form), 0);
        assert_eq!(begun_at_the_end(&text, &format!("{form}b")), 32 << 10);
    }

    #[test]
    fn a_second_read_changes_nothing() {
        let secrets = [("A", "\"hunter2\u{7f}"), ("B", "\"hunter3\u{7f}")];
        let mut redactions = of(&secrets);
        let held = redactions.clone();
        for (name, value) in secrets {
            redactions.add(&name.parse().unwrap(), value);
            redactions.add(&name.parse().unwrap(), &format!("{value}\n"));
        }
        assert!(Arc::ptr_eq(&redactions.0, &held.0));
        // The value of a changed secret is another, even when it looks as the one before it did in JSON.
        redactions.add(&"A".parse().unwrap(), "\\\"hunter2\u{7f}");
        let json = serde_json::Value::from("\\\"hunter2\u{7f}").to_string();
        assert_eq!(redactions.applied(json, NEVER_CUT, NEVER_CUT), "\"[secret A]\"");
    }

    /// What `Redactions` does, for each form by itself and for each byte.
    fn naively(secrets: &[(&str, String)], text: &str, was_cut: bool) -> String {
        let mut forms = Vec::new();
        for (name, value) in secrets {
            let (value, instead) = (value.trim(), format!("[secret {name}]"));
            if value.len() >= SHORTEST {
                let (printed, json) = (format!("{value:?}"), serde_json::Value::from(value).to_string());
                let all = [value, &printed[1..printed.len() - 1], &json[1..json.len() - 1]];
                forms.extend(all.map(|form| (form.to_owned(), instead.clone())));
            }
        }
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        let mut standing = forms.iter().map(|(_, instead)| (instead.as_str(), instead)).collect::<Vec<_>>();
        standing.extend(forms.iter().map(|(form, instead)| (form.as_str(), instead)));
        let mut places = Vec::new();
        for (form, instead) in standing {
            places.extend(text.match_indices(form).map(|(at, form)| (at..at + form.len(), instead)));
        }
        if was_cut {
            let begun =
                |form: &str| (SHORTEST..=form.len()).rev().find(|&n| text.as_bytes().ends_with(&form.as_bytes()[..n]));
            let begun =
                forms.iter().rev().map(|(form, instead)| (begun(form), instead)).max_by_key(|(begun, _)| *begun);
            if let Some((Some(begun), instead)) = begun {
                places.push((text.len() - begun..text.len(), instead));
            }
        }
        let first = |at: &usize| places.iter().position(|(range, _)| range.contains(at));
        let taken: Vec<_> = (0..text.len()).map(|at| first(&at)).collect();
        let (mut told, mut at) = (String::new(), 0);
        for run in taken.chunk_by(PartialEq::eq) {
            let these = &text[at..at + run.len()];
            told.push_str(run[0].map_or(these, |place| places[place].1));
            at += run.len();
        }
        told
    }

    /// Few letters, of which some are written otherwise in JSON, and runs that are longer than what is compared at once.
    fn text(pieces: usize) -> impl Strategy<Value = String> {
        let run = (prop_oneof![Just("a"), Just("ab"), Just("\""), Just("\u{7f}")], 60..140_usize);
        let piece = prop_oneof![
            12 => prop_oneof![Just("a"), Just("b"), Just("\""), Just("\\"), Just("\u{7f}"), Just("ä")].prop_map(str::to_owned),
            2 => Just("[secret A]".to_owned()),
            1 => Just("[secret ".to_owned()),
            2 => run.prop_map(|(piece, count)| piece.repeat(count)),
        ];
        prop::collection::vec(piece, 0..pieces).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn all_is_replaced_that_a_look_for_each_would_find(
            values in prop::collection::vec((prop_oneof![Just("A"), Just("B"), Just("C"), Just("aaaa")], text(8)), 0..6),
            // Of the texts some have the values, or what these begin with, in them.
            parts in prop::collection::vec((text(4), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..5),
            was_cut in any::<bool>(),
        ) {
            let mut looked_at = String::new();
            for (between, which, most) in &parts {
                looked_at.push_str(between);
                if !values.is_empty() {
                    let value = which.get(&values).1.trim();
                    let mut part = value.to_owned();
                    cut(&mut part, most.index(value.len() + 1).max(value.len() / 2));
                    looked_at.push_str(&part);
                }
            }
            let mut redactions = Redactions::default();
            for (name, value) in &values {
                redactions.add(&name.parse().unwrap(), value);
            }
            let cut_at = if was_cut { looked_at.len() } else { NEVER_CUT };
            let expected = naively(&values, &looked_at, was_cut);
            prop_assert_eq!(redactions.applied(looked_at, cut_at, NEVER_CUT), expected);
        }
    }
}
