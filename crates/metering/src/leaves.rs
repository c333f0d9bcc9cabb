//! Small functions that end by themselves: they count nothing, and whoever calls them pays.

use crate::{Error, cost};
use wasmparser::{FunctionBody, Operator};

/// Most that a leaf may cost.
const LEAF_COST: i64 = 24;

/// What each leaf costs, by its number among all functions.
pub(crate) struct Leaves(Vec<Option<i64>>);

impl Leaves {
    /// Finds functions without loops, whose calls, if any, are of other leaves, and which nothing else reaches.
    pub(crate) fn find(bodies: &[FunctionBody<'_>], imported: u32, reached_otherwise: &[u32]) -> Result<Self, Error> {
        let imported = imported as usize;
        let mut leaves = Self(vec![None; imported + bodies.len()]);
        let mut candidates = Vec::new();
        for (number, body) in bodies.iter().enumerate() {
            if let Some(candidate) = Candidate::of(imported + number, body)?
                && !reached_otherwise.contains(&(candidate.function as u32))
            {
                candidates.push(candidate);
            }
        }
        // Callees before callers, until none is added; what calls itself never is one.
        loop {
            let before = candidates.len();
            candidates.retain(|candidate| {
                let callees: Option<i64> =
                    candidate.calls.iter().map(|&callee| leaves.0.get(callee).copied().flatten()).sum();
                let Some(cost) = callees.map(|callees| callees + candidate.cost) else { return true };
                if cost <= LEAF_COST {
                    leaves.0[candidate.function] = Some(cost);
                }
                false
            });
            if candidates.len() == before {
                return Ok(leaves);
            }
        }
    }

    /// What a function costs its caller, if it is a leaf.
    pub(crate) fn cost(&self, function: u32) -> Option<i64> {
        self.0.get(function as usize).copied().flatten()
    }
}

struct Candidate {
    function: usize,
    /// Of all its instructions, executed or not.
    cost: i64,
    calls: Vec<usize>,
}

impl Candidate {
    fn of(function: usize, body: &FunctionBody<'_>) -> Result<Option<Self>, Error> {
        let (mut cost, mut calls) = (0, Vec::new());
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            cost += cost::of(&operator);
            match operator {
                Operator::Loop { .. } | Operator::CallIndirect { .. } | Operator::MemoryGrow { .. } => return Ok(None),
                Operator::Call { function_index } => calls.push(function_index as usize),
                _ => {}
            }
            if cost > LEAF_COST || cost::is_bulk(&operator) {
                return Ok(None);
            }
        }
        Ok(Some(Self { function, cost, calls }))
    }
}
