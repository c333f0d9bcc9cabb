//! How many instances fit on this machine, and how many are kept.

use crate::{
    engine::Target,
    host::Settings,
    machine::{address_bits, available_memory, mappings},
    watch::MAPPINGS,
};

/// The pool's shape.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Invocations at once.
    pub(crate) slots: u32,
    /// Instances kept between invocations, in slots of their own.
    pub(crate) kept: u32,
    /// Bytes of linear memory that one may have.
    pub(crate) memory_bytes: usize,
    /// Bytes by which all of them together may grow beyond what they begin with.
    pub(crate) growth_bytes: usize,
}

/// Fewer would make one slow upstream stop the node.
const SLOTS_MIN: u64 = 8;
/// More would be of no use to two cores, or twenty.
const SLOTS_MAX: u64 = 10_000;
/// What a slot is reckoned at, as most invocations touch less; what instances grow by is counted as it happens.
const SLOT_BYTES: u64 = 1 << 20;
/// Address space that one slot reserves: 4 GiB of memory, its guard, and the stack.
const SLOT_ADDRESS_SPACE: u64 = 5 << 30;
/// Mappings of a slot in use: its memory is four (stack, image, heap, the rest that is out of bounds), its native stack
/// two.
const SLOT_MAPPINGS: u64 = 6;
/// Mappings for everything else, what is watched included.
const OTHER_MAPPINGS: u64 = 2_048 + MAPPINGS as u64;
/// Instances kept between invocations: enough for the programs that are busy at one time, at a few hundred KiB each.
const KEPT: u64 = 64;

impl Pool {
    pub(crate) fn for_this_machine(settings: &Settings) -> Self {
        let half = available_memory().unwrap_or(1 << 30) / 2;
        let by_address_space = (1 << (address_bits() - 1)) / SLOT_ADDRESS_SPACE;
        let by_mappings = mappings().saturating_sub(OTHER_MAPPINGS) / SLOT_MAPPINGS;
        let most = by_address_space.min(by_mappings);
        // In wasmtime's interpreter nobody is told of faults, so that nothing can be watched.
        let keeps = !settings.new_instances && settings.target != Target::Pulley;
        let kept = if keeps { KEPT.min(most / 4) } else { 0 };
        let slots = match settings.slots {
            Some(slots) => slots.into(),
            None => (half / SLOT_BYTES).clamp(SLOTS_MIN, SLOTS_MAX).min(most - kept),
        };
        Self {
            slots: u32::try_from(slots).unwrap_or(u32::MAX).max(1),
            kept: u32::try_from(kept).unwrap_or(0),
            memory_bytes: settings.memory,
            // One instance may always have what it is promised.
            growth_bytes: usize::try_from(half).unwrap_or(usize::MAX).max(settings.memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_slots_whatever_is_asked() {
        let slots = |slots| Pool::for_this_machine(&Settings { slots, ..Settings::default() }).slots;
        assert_eq!((slots(Some(0)), slots(Some(3))), (1, 3));
        assert!((SLOTS_MIN..=SLOTS_MAX).contains(&u64::from(slots(None))));
    }

    #[test]
    fn nothing_is_kept_where_that_is_not_wanted_or_cannot_be() {
        let kept = |settings| Pool::for_this_machine(&settings).kept;
        assert!(kept(Settings::default()) > 0);
        assert_eq!(kept(Settings { new_instances: true, ..Settings::default() }), 0);
        assert_eq!(kept(Settings { target: Target::Pulley, ..Settings::default() }), 0);
    }
}
