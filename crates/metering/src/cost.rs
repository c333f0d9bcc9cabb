//! What an instruction costs: one unit, but nothing where no machine instruction comes of it. What copies or fills memory
//! costs by length on top, where it is executed.

use crate::Error;
use wasmparser::Operator;

/// Bytes that are copied or filled for one unit, as a power of two: 8 bytes, a word.
pub(crate) const BYTES_PER_UNIT_LOG2: i64 = 3;

/// The instruction's own units.
pub(crate) fn of(operator: &Operator<'_>) -> i64 {
    match operator {
        Operator::Nop
        | Operator::Drop
        | Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Else
        | Operator::End
        | Operator::Return
        | Operator::Unreachable => 0,
        _ => 1,
    }
}

/// Whether it copies or fills as many bytes as the topmost value says.
pub(crate) fn is_bulk(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::MemoryCopy { .. } | Operator::MemoryFill { .. })
}

/// Refuses what would do unbounded work or leave a function on a way that is not reckoned with. A compiler makes none of
/// it for the guest.
pub(crate) fn check(operator: &Operator<'_>) -> Result<(), Error> {
    match operator {
        Operator::MemoryInit { .. }
        | Operator::TableInit { .. }
        | Operator::TableCopy { .. }
        | Operator::TableFill { .. }
        | Operator::TableGrow { .. }
        | Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::ReturnCallRef { .. }
        | Operator::CallRef { .. }
        | Operator::RefFunc { .. }
        | Operator::TryTable { .. }
        | Operator::Throw { .. }
        | Operator::ThrowRef => Err(Error::Unknown(format!("{operator:?}"))),
        _ => Ok(()),
    }
}
