//! How a number was spread, in few bytes: counts by value, exact below 64 and within 1.6 % above, each power of two in 32
//! parts. Histograms of any origin can be added up, and so can be kept for each minute and asked for a month.

/// Values below are counted each by itself.
const EXACT: u64 = 64;
/// Parts of each power of two above.
const PARTS: u16 = 32;
/// `EXACT` has so many bits after its first.
const EXACT_BITS: u32 = 6;
/// Those of `PARTS`.
const PART_BITS: u32 = 5;
/// Bits of a byte of a number that is stored, the first of which says that there are more.
const STORED_BITS: u32 = 7;

/// Counts by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Cells that are not empty and their counts, in order: a script's times lie in a few dozen.
    cells: Vec<(u16, u64)>,
}

/// Bytes that are no histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored histogram does not parse")]
pub struct InvalidHistogram;

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        self.add_to(cell_of(value), 1);
    }

    /// Counts all that another has counted.
    pub fn merge(&mut self, other: &Self) {
        for &(cell, count) in &other.cells {
            self.add_to(cell, count);
        }
    }

    fn add_to(&mut self, cell: u16, count: u64) {
        match self.cells.binary_search_by_key(&cell, |&(cell, _)| cell) {
            Ok(at) => self.cells[at].1 = self.cells[at].1.saturating_add(count),
            Err(at) => self.cells.insert(at, (cell, count)),
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.cells.iter().fold(0, |sum, &(_, count)| sum.saturating_add(count))
    }

    /// The value that so many percent of those counted do not pass. `None` when none was counted.
    pub fn percentile(&self, percent: u32) -> Option<u64> {
        let rank = (u128::from(self.count()) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        self.cells.iter().find_map(|&(cell, count)| {
            seen += u128::from(count);
            (seen >= rank).then(|| middle_of(cell))
        })
    }

    /// As stored: the steps from cell to cell, each with its count, as numbers of as few bytes as they need.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.cells.len() * 2);
        let mut before = 0;
        for &(cell, count) in &self.cells {
            push_number(&mut bytes, u64::from(cell - before));
            push_number(&mut bytes, count);
            before = cell;
        }
        bytes
    }

    /// What [`Histogram::to_bytes`] made.
    ///
    /// # Errors
    /// When they are no such bytes.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, InvalidHistogram> {
        let mut cells: Vec<(u16, u64)> = Vec::with_capacity(bytes.len() / 2);
        while !bytes.is_empty() {
            let (step, count) = (take_number(&mut bytes)?, take_number(&mut bytes)?);
            let cell = match cells.last() {
                Some(_) if step == 0 => return Err(InvalidHistogram),
                Some(&(before, _)) => u64::from(before).checked_add(step),
                None => Some(step),
            };
            let cell = cell.and_then(|cell| u16::try_from(cell).ok()).filter(|&cell| cell <= cell_of(u64::MAX));
            cells.push((cell.ok_or(InvalidHistogram)?, count));
        }
        Ok(Self { cells })
    }
}

/// As stored.
impl TryFrom<Vec<u8>> for Histogram {
    type Error = InvalidHistogram;
    fn try_from(bytes: Vec<u8>) -> Result<Self, InvalidHistogram> {
        Self::from_bytes(&bytes)
    }
}

fn cell_of(value: u64) -> u16 {
    if value < EXACT {
        value as u16
    } else {
        let power = value.ilog2();
        let part = (value >> (power - PART_BITS)) as u16 - PARTS;
        EXACT as u16 + (power - EXACT_BITS) as u16 * PARTS + part
    }
}

fn middle_of(cell: u16) -> u64 {
    let above = match u64::from(cell).checked_sub(EXACT) {
        None => return u64::from(cell),
        Some(above) => above,
    };
    let parts = u64::from(PARTS);
    let shift = above / parts + u64::from(EXACT_BITS - PART_BITS);
    ((parts + above % parts) << shift) + ((1 << shift) >> 1)
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    let low = |number: u64| (number & 0x7f) as u8;
    while number >> STORED_BITS != 0 {
        bytes.push(low(number) | 0x80);
        number >>= STORED_BITS;
    }
    bytes.push(low(number));
}

fn take_number(bytes: &mut &[u8]) -> Result<u64, InvalidHistogram> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let (&byte, rest) = bytes.split_first().ok_or(InvalidHistogram)?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // Whatever leaves the 64 bits was never written.
        if shift >= u64::BITS || (part << shift) >> shift != part {
            return Err(InvalidHistogram);
        }
        number |= part << shift;
        shift += STORED_BITS;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|&value| histogram.add(value));
        histogram
    }

    #[test]
    fn cells_follow_each_other_without_a_gap() {
        let mut before = cell_of(0);
        for value in (1..100_000).chain((17..64).map(|power| 1 << power)).chain([u64::MAX]) {
            let cell = cell_of(value);
            assert!(cell >= before && (value > 100_000 || cell <= before + 1), "{value}");
            before = cell;
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        assert_eq!(Histogram::default().percentile(50), None);
        let histogram = of(&(1..=100).map(|n| n * 10).collect::<Vec<_>>());
        for (percent, exact) in [(0, 10), (1, 10), (50, 500), (95, 950), (99, 990), (100, 1000)] {
            let told = histogram.percentile(percent).unwrap();
            assert!(told.abs_diff(exact) * 50 <= exact, "{percent} %: {told} instead of {exact}");
        }
        assert_eq!(of(&[7]).percentile(99), Some(7));
    }

    proptest! {
        #[test]
        fn a_value_is_told_within_a_fiftieth(value: u64) {
            let told = of(&[value]).percentile(50).unwrap();
            prop_assert!(u128::from(told.abs_diff(value)) * 50 <= u128::from(value), "{told} instead of {value}");
        }

        #[test]
        fn parts_add_up_to_the_whole(a: Vec<u64>, b: Vec<u64>) {
            let mut sum = of(&a);
            sum.merge(&of(&b));
            prop_assert_eq!(&sum, &of(&[a, b].concat()));
            prop_assert_eq!(Histogram::from_bytes(&sum.to_bytes()), Ok(sum));
        }

        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>) {
            if let Ok(histogram) = Histogram::from_bytes(&bytes) {
                histogram.percentile(99);
                prop_assert_eq!(Histogram::from_bytes(&histogram.to_bytes()), Ok(histogram));
            }
        }
    }
}
