//! Where a function counts, and how much at each place.
//!
//! A function is cut where control can leave a straight path or join it. Each piece has a point at its beginning, where it
//! is paid for, and a parent: the point that control has always passed before, in the same round of the same loop. Small
//! pieces are then paid for at their parent, executed or not.

use crate::{Error, Outline, cost};
use wasmparser::Operator;

/// Most that a piece may cost to be paid for at its parent. The less, the closer to what is executed: with 4 and 8 a script
/// burns 6 to 10 % more than what it executes, with 30 and 100 up to twice as much, and runs 4 % faster.
const SMALL: i64 = 4;
/// Most that a point pays for pieces other than its own.
const SMALL_SUM: i64 = 8;

/// Something to be done before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// The instruction's number within its function.
    pub(crate) before: usize,
    /// Units to take.
    pub(crate) cost: i64,
    /// Whether to ask for more if there are none left: in each round of a loop, and in whatever might recurse.
    pub(crate) check: bool,
}

struct Piece {
    point: Point,
    parent: Option<usize>,
    /// Of the cost, what other pieces brought.
    foreign: i64,
}

/// The points of a function, in order.
pub(crate) fn of(outline: &Outline<'_>, function: u32, operators: &[Operator<'_>]) -> Result<Vec<Point>, Error> {
    let mut pieces = vec![Piece::new(0, None)];
    pieces[0].point.check = outline.recursion.looks(function);
    // The pieces in which the constructs began that are open.
    let mut open = vec![0];
    for (number, operator) in operators.iter().enumerate() {
        let current = pieces.len() - 1;
        let next = number + 1;
        pieces[current].point.cost += cost::of(operator);
        match operator {
            Operator::Call { function_index } => {
                pieces[current].point.cost += outline.leaves.cost(*function_index).unwrap_or(0);
            }
            Operator::Block { .. } => open.push(current),
            Operator::If { .. } => {
                open.push(current);
                pieces.push(Piece::new(next, Some(current)));
            }
            Operator::Loop { .. } => {
                open.push(current);
                let mut header = Piece::new(next, None);
                header.point.check = true;
                pieces.push(header);
            }
            Operator::Else => {
                let parent = *open.last().ok_or(Error::Missing("construct that an else belongs to"))?;
                pieces.push(Piece::new(next, Some(parent)));
            }
            Operator::End => {
                let parent = open.pop().ok_or(Error::Missing("construct that an end belongs to"))?;
                pieces.push(Piece::new(next, Some(parent)));
            }
            Operator::BrIf { .. }
            | Operator::Br { .. }
            | Operator::BrTable { .. }
            | Operator::Return
            | Operator::Unreachable => pieces.push(Piece::new(next, Some(current))),
            _ => {}
        }
    }
    // Those that come later are never parents of those before.
    for number in (1..pieces.len()).rev() {
        let Piece { point: Point { cost, check: false, .. }, parent: Some(parent), .. } = pieces[number] else {
            continue;
        };
        let parent = &mut pieces[parent];
        if cost <= SMALL && parent.foreign + cost <= SMALL_SUM {
            parent.point.cost += cost;
            parent.foreign += cost;
            pieces[number].point.cost = 0;
        }
    }
    Ok(pieces.into_iter().map(|piece| piece.point).filter(|point| point.cost > 0 || point.check).collect())
}

impl Piece {
    fn new(before: usize, parent: Option<usize>) -> Self {
        Self { point: Point { before, cost: 0, check: false }, parent, foreign: 0 }
    }
}
