//! A program's image: what loading it changed in the memory of a fresh instance. Written into another fresh instance,
//! it takes the place of loading there.
//!
//! Memory is all there is to it: the count of fuel is set anew for each step, and the stack pointer is back where it was when `load`
//! returns, and what lies below it is dead.

use crate::learned::Learned;
use picloud_abi::{Packed, invocation::Runtime};
use std::ops::Range;

/// Memory is compared by lines of so many bytes; lines that differ side by side are one run.
const LINE: usize = 64;

/// What a program needs in memory before it can be invoked.
#[derive(Debug)]
pub struct Image {
    /// In ascending order, with a gap between each two.
    runs: Vec<Run>,
    /// The runs' bytes, one after the other.
    bytes: Vec<u8>,
    /// Bytes of memory that the instance must have.
    memory_bytes: usize,
    /// The guest's stack pointer; what lies below it is dead.
    stack_pointer: usize,
    /// Where in memory the host may write the message that begins an invocation.
    inbox: Packed,
    runtime: Runtime,
    pub(crate) learned: Learned,
}

/// What was learned of a program is no part of its image.
impl PartialEq for Image {
    fn eq(&self, other: &Self) -> bool {
        let parts = |of: &Self| (of.memory_bytes, of.stack_pointer, of.inbox, of.runtime);
        parts(self) == parts(other) && self.runs == other.runs && self.bytes == other.bytes
    }
}

/// Bytes that belong together.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    /// Where in memory they go.
    place: Range<usize>,
    /// Where they begin among the image's bytes.
    bytes: usize,
}

impl Image {
    /// Compares the memory of an instance that has loaded a program with that of a fresh one, from the stack pointer on.
    pub(crate) fn between(fresh: &[u8], loaded: &[u8], stack_pointer: usize, inbox: Packed, runtime: Runtime) -> Self {
        let mut image = Self {
            runs: Vec::new(),
            bytes: Vec::new(),
            memory_bytes: loaded.len(),
            stack_pointer,
            inbox,
            runtime,
            learned: Learned::nothing(loaded.len()),
        };
        // Whole lines only, so that a line is always at the same place.
        let start = stack_pointer / LINE * LINE;
        for (number, line) in loaded[start..].chunks(LINE).enumerate() {
            let at = start + number * LINE;
            let unchanged = match fresh.get(at..at + line.len()) {
                Some(before) => before == line,
                // Memory that loading added begins as zeros.
                None => line.iter().all(|&byte| byte == 0),
            };
            if !unchanged {
                image.push(at, line);
            }
        }
        image
    }

    fn push(&mut self, at: usize, line: &[u8]) {
        match self.runs.last_mut() {
            Some(run) if run.place.end == at => run.place.end += line.len(),
            _ => self.runs.push(Run { place: at..at + line.len(), bytes: self.bytes.len() }),
        }
        self.bytes.extend_from_slice(line);
    }

    /// What runs the program.
    pub fn runtime(&self) -> Runtime {
        self.runtime
    }

    /// Writes the image into the memory of a fresh instance, which must have [`Image::memory_bytes`].
    pub(crate) fn write(&self, memory: &mut [u8]) {
        self.write_within(0..memory.len(), memory);
    }

    /// Writes what the image has for this part of memory.
    pub(crate) fn write_within(&self, part: Range<usize>, memory: &mut [u8]) {
        for (place, bytes) in self.within(part) {
            memory[place].copy_from_slice(bytes);
        }
    }

    /// Whether this part of a memory is what the image makes of the fresh one.
    pub(crate) fn is_within(&self, part: Range<usize>, fresh: &[u8], memory: &[u8]) -> bool {
        let mut rest = part.clone();
        self.within(part).all(|(place, bytes)| {
            let before = rest.start..place.start;
            rest.start = place.end;
            memory[before.clone()] == fresh[before] && memory[place] == *bytes
        }) && memory[rest.clone()] == fresh[rest]
    }

    /// What the image has for this part of memory, and where.
    fn within(&self, part: Range<usize>) -> impl Iterator<Item = (Range<usize>, &[u8])> {
        let first = self.runs.partition_point(|run| run.place.end <= part.start);
        let runs = self.runs[first..].iter().take_while(move |run| run.place.start < part.end);
        runs.map(move |Run { place, bytes }| {
            let (start, end) = (place.start.max(part.start), place.end.min(part.end));
            (start..end, &self.bytes[bytes + start - place.start..][..end - start])
        })
    }

    /// Bytes of memory that the instance must have.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Where the stack pointer was, and is when nothing runs.
    pub(crate) fn stack_pointer(&self) -> usize {
        self.stack_pointer
    }

    /// A place for a message, if one so long fits.
    pub(crate) fn inbox(&self, len: usize) -> Option<Packed> {
        let len = u32::try_from(len).ok().filter(|&len| len <= self.inbox.len)?;
        Some(Packed { len, ..self.inbox })
    }

    /// Bytes that the image itself takes.
    pub fn size(&self) -> usize {
        self.bytes.len() + size_of_val(self.runs.as_slice()) + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NO_INBOX: Packed = Packed { ptr: 0, len: 0 };

    fn places(image: &Image) -> Vec<Range<usize>> {
        image.runs.iter().map(|run| run.place.clone()).collect()
    }

    #[test]
    fn runs_are_whole_lines_and_join() {
        let fresh = vec![0; 10 * LINE];
        let mut loaded = fresh.clone();
        loaded[LINE] = 1;
        loaded[3 * LINE - 1] = 1;
        loaded[5 * LINE] = 1;
        let image = Image::between(&fresh, &loaded, 0, NO_INBOX, Runtime::Tree);
        assert_eq!(places(&image), [LINE..3 * LINE, 5 * LINE..6 * LINE]);
        assert!(places(&Image::between(&fresh, &fresh, 0, NO_INBOX, Runtime::Tree)).is_empty());
        // What is dead is left out.
        assert_eq!(
            Image::between(&fresh, &loaded, 4 * LINE, NO_INBOX, Runtime::Tree).bytes,
            loaded[5 * LINE..6 * LINE]
        );
    }

    proptest! {
        #[test]
        fn writing_an_image_makes_the_loaded_memory(
            fresh in prop::collection::vec(any::<u8>(), 0..1_000),
            grown in 0..300_usize,
            writes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
            part in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let mut loaded = fresh.clone();
            loaded.resize(fresh.len() + grown, 0);
            for (at, byte) in writes {
                if !loaded.is_empty() {
                    let at = at.index(loaded.len());
                    loaded[at] = byte;
                }
            }
            let image = Image::between(&fresh, &loaded, 0, NO_INBOX, Runtime::Tree);
            let mut memory = fresh.clone();
            memory.resize(image.memory_bytes(), 0);
            image.write(&mut memory);
            prop_assert_eq!(&memory, &loaded);
            // Any part of it that was overwritten is brought back by that part of the image.
            let (from, to) = (part.0.index(memory.len() + 1), part.1.index(memory.len() + 1));
            let part = from.min(to)..from.max(to);
            let mut grown = fresh.clone();
            grown.resize(memory.len(), 0);
            prop_assert!(image.is_within(part.clone(), &grown, &memory));
            for at in part.clone() {
                memory[at] ^= 1;
                prop_assert!(!image.is_within(part.clone(), &grown, &memory));
                memory[at] ^= 1;
            }
            for at in part.clone() {
                memory[at] = fresh.get(at).copied().unwrap_or(0);
            }
            image.write_within(part, &mut memory);
            prop_assert_eq!(&memory, &loaded);
        }
    }
}
