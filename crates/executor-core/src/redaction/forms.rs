//! The forms that secrets take in a text, in the order of the alphabet: where a text has some of them is found in one
//! pass, however many there are, however long they are and whatever they have in common with each other and with the text.

use std::{
    cell::OnceCell,
    cmp::Reverse,
    collections::BTreeSet,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
    sync::{Arc, LazyLock, OnceLock},
};
use zeroize::Zeroizing;

/// Fewer bytes of the beginning of a form are not recognised at the end of a text that was cut, and no form has fewer.
pub(super) const SHORTEST: usize = 4;
/// So many bytes are compared as they are, more of them by their sums.
const BLOCK: usize = 64;

#[derive(Clone, Default)]
pub(super) struct Forms {
    sorted: Vec<Entry>,
    /// A bit for each byte that a form begins with.
    first_bytes: [u64; 4],
}

#[derive(Clone)]
struct Entry {
    form: Arc<Form>,
    /// How many bytes it begins with as the one before it does.
    shared: usize,
    /// Where the longest other form is that this one begins with.
    inner: Option<usize>,
}

struct Form {
    text: Arc<Zeroizing<String>>,
    instead: Arc<str>,
    /// How many there were before it.
    added: usize,
    /// The sums of its beginnings of whole blocks, from none on. Worked out when they are first asked for.
    sums: OnceLock<Zeroizing<Vec<u64>>>,
}

impl Forms {
    /// From here on it is looked for, to be replaced by `instead`. Of two that are the same the first stays.
    pub(super) fn add(&mut self, text: Arc<Zeroizing<String>>, instead: &Arc<str>) {
        let place = self.sorted.binary_search_by(|known| known.form.bytes().cmp(text.as_bytes()));
        let (Err(place), Some(&first)) = (place, text.as_bytes().first()) else { return };
        self.first_bytes[usize::from(first / 64)] |= 1 << (first % 64);
        let shared = |other: &Entry| alike(other.form.bytes(), text.as_bytes());
        if let Some(after) = self.sorted.get(place).map(shared) {
            self.sorted[place].shared = after;
        }
        let before = place.checked_sub(1).map_or(0, |before| shared(&self.sorted[before]));
        let form = Form { text, instead: Arc::clone(instead), added: self.sorted.len(), sums: OnceLock::new() };
        self.sorted.insert(place, Entry { form: Arc::new(form), shared: before, inner: None });
        // Whatever one begins with, the one before it is that or begins with it too.
        for place in 0..self.sorted.len() {
            self.sorted[place].inner = self.within(place.checked_sub(1), self.sorted[place].shared);
        }
    }

    /// The longest form of at most so many bytes that this one is or begins with.
    fn within(&self, mut form: Option<usize>, bytes: usize) -> Option<usize> {
        while let Some(longer) = form.map(|at| &self.sorted[at]).filter(|known| known.form.bytes().len() > bytes) {
            form = longer.inner;
        }
        form
    }

    /// Where a text has them and what is to be put there: first all places of the longest form, none of which overlap each
    /// other, then those of shorter ones. Last, when the text was cut, the longest beginning of a form that it ends in.
    pub(super) fn each_in<'a>(&'a self, text: &str, was_cut: bool, mut take: impl FnMut(Range<usize>, &'a str)) {
        let text = Looked::at(text);
        // Where it has any, and which is the longest there.
        let mut found = Vec::new();
        let mut begun = None;
        for at in 0..(text.bytes.len() + 1).saturating_sub(SHORTEST) {
            let first = text.bytes[at];
            if self.first_bytes[usize::from(first / 64)] & (1 << (first % 64)) == 0 {
                continue;
            }
            let near = self.neighbours(&text, at);
            found.extend(self.within(near.next.checked_sub(1), near.before).map(|longest| (at, longest)));
            let left = text.bytes.len() - at;
            if was_cut && begun.is_none() && (near.before == left || near.after == left) {
                begun = self.longest_beginning_with(&text.bytes[at..]).map(|form| (at, form));
            }
        }
        for place in self.all_in(&found) {
            let form = self.sorted[place].form.bytes();
            // Those that begin with it come right after it.
            let longer = self.sorted[place + 1..].iter().take_while(|after| after.shared >= form.len());
            let these = place..=place + longer.count();
            let mut end = 0;
            for &(at, longest) in &found {
                if these.contains(&longest) && end <= at && text.bytes[at..].starts_with(form) {
                    end = at + form.len();
                    take(at..end, &self.sorted[place].form.instead);
                }
            }
        }
        if let Some((at, form)) = begun {
            take(at..text.bytes.len(), &form.instead);
        }
    }

    /// Which were found, if these are the longest at their places, by their rank.
    fn all_in(&self, found: &[(usize, usize)]) -> Vec<usize> {
        let mut all = BTreeSet::new();
        for &(_, longest) in found {
            let mut next = Some(longest);
            while let Some(new) = next.filter(|&place| all.insert(place)) {
                next = self.sorted[new].inner;
            }
        }
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|&place| self.sorted[place].form.rank());
        all
    }

    /// Where the rest of a text belongs among them.
    fn neighbours(&self, text: &Looked<'_>, at: usize) -> Neighbours {
        let mut near = Neighbours { next: 0, before: 0, after: 0 };
        let mut end = self.sorted.len();
        while near.next < end {
            let middle = near.next.midpoint(end);
            let form = &self.sorted[middle].form;
            // All that lie between two begin with what those two have in common, and often with more.
            let (least, likely) = (near.before.min(near.after), near.before.max(near.after));
            let alike = form.alike(text, at, least, likely);
            if form.bytes().get(alike) > text.bytes.get(at + alike) {
                (end, near.after) = (middle, alike);
            } else {
                (near.next, near.before) = (middle + 1, alike);
            }
        }
        near
    }

    fn longest_beginning_with(&self, beginning: &[u8]) -> Option<&Form> {
        let from = self.sorted.partition_point(|known| known.form.bytes() < beginning);
        let these = &self.sorted[from..];
        let count = these.partition_point(|known| known.form.bytes().starts_with(beginning));
        these[..count].iter().map(|known| &*known.form).min_by_key(|form| form.rank())
    }
}

/// Between which two forms a text belongs in the order of the alphabet.
struct Neighbours {
    /// The first form that comes after it.
    next: usize,
    /// How many bytes it begins with as the form before it does, and as the one after it.
    before: usize,
    after: usize,
}

impl Form {
    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The longest come first, and of those that are as long the first that was added.
    fn rank(&self) -> (Reverse<usize>, usize) {
        (Reverse(self.text.len()), self.added)
    }

    /// How many bytes it begins with as the rest of a text does: no fewer than `known`, and likely more than `likely`.
    fn alike(&self, text: &Looked<'_>, at: usize, known: usize, likely: usize) -> usize {
        let form = self.bytes();
        let near = |from: usize| alike(&form[from..form.len().min(from + BLOCK)], &text.bytes[at + from..]);
        let first = near(known);
        if first < BLOCK {
            return known + first;
        }
        let sums = self.sums.get_or_init(|| Zeroizing::new(sums_of(form).step_by(BLOCK).collect()));
        let begins_with = |blocks: usize| sums[blocks] == text.sum(at, blocks);
        let whole = form.len().min(text.bytes.len() - at) / BLOCK;
        let (mut same, mut differs, likely) = ((known + first) / BLOCK, whole + 1, likely / BLOCK);
        if likely > same && likely < differs && begins_with(likely) {
            let more = near(likely * BLOCK);
            if more < BLOCK {
                return likely * BLOCK + more;
            }
            same = likely + 1;
        }
        while same + 1 < differs {
            let middle = same.midpoint(differs);
            if begins_with(middle) { same = middle } else { differs = middle }
        }
        same * BLOCK + alike(&form[same * BLOCK..], &text.bytes[at + same * BLOCK..])
    }
}

/// A text that is looked at, with the sums of its parts.
struct Looked<'a> {
    bytes: &'a [u8],
    sums: OnceCell<Sums>,
}

struct Sums {
    /// Those of its beginnings, from none on.
    beginnings: Vec<u64>,
    /// What a sum is multiplied by when so many blocks follow.
    shifts: Vec<u64>,
}

impl<'a> Looked<'a> {
    fn at(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), sums: OnceCell::new() }
    }

    /// The sum of so many blocks from there on.
    fn sum(&self, at: usize, blocks: usize) -> u64 {
        let Sums { beginnings, shifts } = self.sums.get_or_init(|| Sums {
            beginnings: sums_of(self.bytes).collect(),
            shifts: shifts().step_by(BLOCK).take(self.bytes.len() / BLOCK + 1).collect(),
        });
        reduced(beginnings[at + blocks * BLOCK] + PRIME - times(beginnings[at], shifts[blocks]))
    }
}

/// Sums are values of polynomials over the field of so many numbers, at a point that nobody outside knows. Two texts of a
/// length that differ have the same one for at most as many points as they have bytes.
const PRIME: u64 = (1 << 61) - 1;
static POINT: LazyLock<u64> = LazyLock::new(|| 256 + RandomState::new().hash_one(()) % (PRIME - 256));

fn reduced(number: u64) -> u64 {
    if number >= PRIME { number - PRIME } else { number }
}

fn times(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    // The product is below the square of the prime, so that both parts are at most the prime.
    let (low, high) = (product & u128::from(PRIME), product >> 61);
    #[expect(clippy::cast_possible_truncation, reason = "the sum of two numbers of 61 bits")]
    reduced((low + high) as u64)
}

/// Of each beginning of a text, from none to all of it.
fn sums_of(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let point = *POINT;
    let one_more = move |sum: &mut u64, byte: &u8| {
        *sum = reduced(times(*sum, point) + u64::from(*byte));
        Some(*sum)
    };
    std::iter::once(0).chain(bytes.iter().scan(0, one_more))
}

/// The powers of the point.
fn shifts() -> impl Iterator<Item = u64> {
    let point = *POINT;
    std::iter::successors(Some(1), move |shift| Some(times(*shift, point)))
}

/// How many bytes two texts begin with alike.
fn alike(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let same = BLOCK * blocks.take_while(|(one, other)| one == other).count();
    same + one[same..].iter().zip(&other[same..]).take_while(|(one, other)| one == other).count()
}
