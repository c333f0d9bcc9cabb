//! A set of a memory's pages, which a signal handler may add to.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Pages of the kernel's size, numbered from the memory's beginning. Each task sees at least what it has added itself, and what
/// was added before it was told of the set.
#[derive(Debug)]
pub(crate) struct PageSet {
    /// A bit for each page.
    words: Box<[AtomicU64]>,
    page_bytes: usize,
}

impl PageSet {
    /// None of the pages of a memory of so many bytes.
    pub(crate) fn none_of(memory_bytes: usize) -> Self {
        let page_bytes = rustix::param::page_size();
        let words = memory_bytes.div_ceil(page_bytes).div_ceil(64);
        Self { words: (0..words).map(|_| AtomicU64::new(0)).collect(), page_bytes }
    }

    pub(crate) fn contains(&self, page: usize) -> bool {
        self.words.get(page / 64).is_some_and(|word| word.load(Relaxed) & bit(page) != 0)
    }

    /// A page that the memory does not have is none.
    pub(crate) fn insert(&self, page: usize) {
        if let Some(word) = self.words.get(page / 64) {
            word.fetch_or(bit(page), Relaxed);
        }
    }

    /// Takes the pages of another set away, of a memory of the same size.
    pub(crate) fn remove(&self, other: &Self) {
        for (word, other) in self.words.iter().zip(&other.words) {
            word.fetch_and(!other.load(Relaxed), Relaxed);
        }
    }

    /// Adds the pages of another set, of a memory of the same size.
    pub(crate) fn extend(&self, other: &Self) {
        for (word, other) in self.words.iter().zip(&other.words) {
            let missing = other.load(Relaxed) & !word.load(Relaxed);
            if missing != 0 {
                word.fetch_or(missing, Relaxed);
            }
        }
    }

    /// Those of which something is true, by their place in the memory.
    pub(crate) fn only(&self, is_meant: impl Fn(Range<usize>) -> bool) -> Self {
        let meant = Self { words: self.words.iter().map(|_| AtomicU64::new(0)).collect(), ..*self };
        for page in self.ranges().flat_map(|range| self.page_of(range.start)..self.page_of(range.end)) {
            if is_meant(self.place(page)) {
                meant.insert(page);
            }
        }
        meant
    }

    /// How many bytes the pages have.
    pub(crate) fn bytes(&self) -> usize {
        self.words.iter().map(|word| word.load(Relaxed).count_ones() as usize).sum::<usize>() * self.page_bytes
    }

    /// The page that has this byte of the memory.
    pub(crate) fn page_of(&self, byte: usize) -> usize {
        byte / self.page_bytes
    }

    /// Where in the memory a page is.
    pub(crate) fn place(&self, page: usize) -> Range<usize> {
        page * self.page_bytes..(page + 1) * self.page_bytes
    }

    /// Where in the memory the pages are, in ascending order; pages side by side are one range.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let mut page = 0;
        std::iter::from_fn(move || {
            let start = self.next(page, true)?;
            page = self.next(start, false).unwrap_or(self.words.len() * 64);
            Some(self.place(start).start..self.place(page).start)
        })
    }

    /// The first page from this one on that is in the set, or that is not.
    fn next(&self, from: usize, is_in: bool) -> Option<usize> {
        let mut from_bit = from % 64;
        for (number, word) in self.words.iter().enumerate().skip(from / 64) {
            let word = word.load(Relaxed);
            let wanted = (if is_in { word } else { !word }) & (u64::MAX << from_bit);
            if wanted != 0 {
                return Some(number * 64 + wanted.trailing_zeros() as usize);
            }
            from_bit = 0;
        }
        None
    }
}

fn bit(page: usize) -> u64 {
    1 << (page % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn its_ranges_are_the_pages_in_it(pages in prop::collection::btree_set(0_usize..200, 0..60), others: BTreeSet<u8>) {
            let page_bytes = rustix::param::page_size();
            let [set, other] = [(); 2].map(|()| PageSet::none_of(200 * page_bytes));
            pages.iter().for_each(|&page| set.insert(page));
            others.iter().for_each(|&page| other.insert(page.into()));
            let found = |set: &PageSet| -> BTreeSet<usize> {
                set.ranges().flat_map(|range| range.step_by(page_bytes)).map(|byte| set.page_of(byte)).collect()
            };
            prop_assert_eq!(found(&set), pages.clone());
            prop_assert_eq!(set.bytes(), pages.len() * page_bytes);
            prop_assert!(set.ranges().zip(set.ranges().skip(1)).all(|(range, next)| range.end < next.start));
            prop_assert!((0..300).all(|page| set.contains(page) == pages.contains(&page)));
            prop_assert_eq!(found(&set.only(|place| other.contains(other.page_of(place.start)))), &pages & &found(&other));
            set.extend(&other);
            let both: BTreeSet<usize> = pages.into_iter().chain(found(&other)).collect();
            prop_assert_eq!(found(&set), both.clone());
            set.remove(&other);
            prop_assert_eq!(found(&set), both.difference(&found(&other)).copied().collect());
        }
    }
}
