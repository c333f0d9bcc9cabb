//! Functions that have to look at what is left when they begin, so that no recursion goes on without looking.

use crate::{Error, leaves::Leaves};
use std::collections::HashSet;
use wasmparser::{FunctionBody, Operator};

/// The functions that look.
pub(crate) struct Recursion(HashSet<u32>);

impl Recursion {
    /// Every recursion goes through a table, or is all calls that name their function. Of the first kind those in tables
    /// look, unless they call nothing that counts; of the second all that lie on a circle, or between two.
    pub(crate) fn find(
        bodies: &[FunctionBody<'_>],
        imported: u32,
        in_tables: &[u32],
        leaves: &Leaves,
    ) -> Result<Self, Error> {
        let in_tables: HashSet<u32> = in_tables.iter().copied().collect();
        let mut looking = HashSet::new();
        // Those that may lie on a circle, with what they call.
        let mut callees = Vec::new();
        for (function, body) in (imported..).zip(bodies) {
            let (mut named, mut indirect) = (HashSet::new(), false);
            for operator in body.get_operators_reader()? {
                match operator? {
                    Operator::Call { function_index }
                        if function_index >= imported && leaves.cost(function_index).is_none() =>
                    {
                        named.insert(function_index);
                    }
                    Operator::CallIndirect { .. } => indirect = true,
                    _ => {}
                }
            }
            match in_tables.contains(&function) {
                true if indirect || !named.is_empty() => drop(looking.insert(function)),
                true => {}
                false => callees.push((function, named)),
            }
        }
        loop {
            let before = callees.len();
            // Those that only call what lies on no circle.
            let left: HashSet<u32> = callees.iter().map(|(function, _)| *function).collect();
            callees.retain(|(_, named)| named.iter().any(|callee| left.contains(callee)));
            // Those that are only called by what lies on none.
            let called: HashSet<u32> = callees.iter().flat_map(|(_, named)| named).copied().collect();
            callees.retain(|(function, _)| called.contains(function));
            if callees.len() == before {
                break;
            }
        }
        looking.extend(callees.into_iter().map(|(function, _)| function));
        Ok(Self(looking))
    }

    pub(crate) fn looks(&self, function: u32) -> bool {
        self.0.contains(&function)
    }
}
