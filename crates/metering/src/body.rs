//! A function's body, before and after.

use crate::{Error, Outline, cost, points, unwritable};
use wasm_encoder::{
    BlockType, BranchHint, Function, InstructionSink, ValType,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{Operator, OperatorsReader};

/// What the host calls: takes what is left from the global, and puts it back.
pub(crate) fn entry(outline: &Outline<'_>, function: u32) -> Function {
    let (parameters, _) = outline.type_of(function);
    let mut body = Function::new([]);
    let mut sink = body.instructions();
    for parameter in 0..parameters.len() as u32 {
        sink.local_get(parameter);
    }
    sink.global_get(outline.fuel).call(function).global_set(outline.fuel).end();
    body
}

/// The body with its fuel counted, and hints to its branches that are hardly ever taken.
pub(crate) fn metered(outline: &Outline<'_>, function: u32) -> Result<(Function, Vec<BranchHint>), Error> {
    let source = &outline.bodies[(function - outline.imported) as usize];
    let mut reader = source.get_operators_reader()?;
    let (mut operators, mut bytes) = (Vec::new(), Vec::new());
    while !reader.eof() {
        let (operator, code) = read(&mut reader, source.as_bytes(), source.range().start)?;
        cost::check(&operator)?;
        operators.push(operator);
        bytes.push(code);
    }
    let mut locals = Vec::new();
    for local in source.get_locals_reader()? {
        let (count, ty) = local?;
        locals.push((count, RoundtripReencoder.val_type(ty).map_err(unwritable)?));
    }
    let (parameters, results) = outline.type_of(function);
    let counts = outline.counts(function);
    let fuel = parameters.len() as u32;
    // A local for a length, or a place in a table.
    let scratch = fuel + 1 + locals.iter().map(|(count, _)| count).sum::<u32>();
    if counts
        && operators.iter().any(|operator| cost::is_bulk(operator) || matches!(operator, Operator::CallIndirect { .. }))
    {
        locals.push((1, ValType::I32));
    }
    let mut body = Function::new(locals);
    if !counts {
        for code in bytes {
            body.raw(code.iter().copied());
        }
        return Ok((body, Vec::new()));
    }

    let counter = Counter { outline, fuel };
    let points = points::of(outline, function, &operators)?;
    let mut points = points.iter().peekable();
    let mut unlikely = Vec::new();
    // What leaves the function by a branch to its end arrives at the end of this block, where what is left joins it.
    body.instructions().block(match results[..] {
        [] => BlockType::Empty,
        [result] => BlockType::Result(result),
        _ => return Err(Error::Unknown("a function with several results".into())),
    });
    for (number, (operator, code)) in operators.iter().zip(bytes).enumerate() {
        while let Some(point) = points.next_if(|point| point.before == number) {
            counter.take(&mut body.instructions(), point.cost);
            if point.check {
                unlikely.push(counter.check(&mut body));
            }
        }
        let mut sink = body.instructions();
        let moved = |local: u32| if local < fuel { local } else { local + 1 };
        match *operator {
            Operator::LocalGet { local_index } => {
                sink.local_get(moved(local_index));
            }
            Operator::LocalSet { local_index } => {
                sink.local_set(moved(local_index));
            }
            Operator::LocalTee { local_index } => {
                sink.local_tee(moved(local_index));
            }
            Operator::Call { function_index } if outline.is_import(function_index) => {
                counter.outside(&mut sink, |sink| sink.call(function_index));
            }
            Operator::Call { function_index } if outline.counts(function_index) => {
                sink.local_get(fuel).call(function_index).local_set(fuel);
            }
            Operator::CallIndirect { type_index, table_index } => {
                // The place in the table is on top, and has to be so.
                sink.local_set(scratch).local_get(fuel).local_get(scratch);
                sink.call_indirect(table_index, outline.counting_type(type_index)).local_set(fuel);
            }
            Operator::MemoryGrow { mem } => counter.outside(&mut sink, |sink| sink.memory_grow(mem)),
            Operator::Return => {
                sink.local_get(fuel).return_();
            }
            _ => {
                if cost::is_bulk(operator) {
                    unlikely.push(counter.take_for_length(&mut body, scratch));
                }
                body.raw(code.iter().copied());
            }
        }
    }
    // The last `end` that was copied is the block's.
    body.instructions().local_get(fuel).end();
    Ok((body, unlikely))
}

/// An instruction, and its bytes.
fn read<'a>(
    reader: &mut OperatorsReader<'a>,
    body: &'a [u8],
    origin: usize,
) -> Result<(Operator<'a>, &'a [u8]), Error> {
    let (operator, start) = reader.read_with_offset()?;
    let code = body.get(start - origin..reader.original_position() - origin);
    Ok((operator, code.ok_or(Error::Missing("bytes for an instruction"))?))
}

/// Counts in a local.
struct Counter<'o, 'a> {
    outline: &'o Outline<'a>,
    fuel: u32,
}

impl Counter<'_, '_> {
    fn take(&self, sink: &mut InstructionSink<'_>, cost: i64) {
        if cost > 0 {
            sink.local_get(self.fuel).i64_const(cost).i64_sub().local_set(self.fuel);
        }
    }

    /// Takes for as many bytes as the topmost value says, which stays where it is. Gives its unlikely branch.
    fn take_for_length(&self, body: &mut Function, length: u32) -> BranchHint {
        let mut sink = body.instructions();
        sink.local_set(length).local_get(self.fuel).local_get(length).i64_extend_i32_u();
        sink.i64_const(cost::BYTES_PER_UNIT_LOG2).i64_shr_u().i64_sub().local_set(self.fuel);
        let unlikely = self.check(body);
        body.instructions().local_get(length);
        unlikely
    }

    /// Asks for more if there is less than nothing left, which is the branch that it gives.
    fn check(&self, body: &mut Function) -> BranchHint {
        body.instructions().local_get(self.fuel).i64_const(0).i64_lt_s();
        let branch = body.byte_len() as u32;
        let mut sink = body.instructions();
        sink.if_(BlockType::Empty);
        self.outside(&mut sink, |sink| sink.call(self.outline.refuel).drop());
        sink.end();
        BranchHint { branch_func_offset: branch, branch_hint_value: 0 }
    }

    /// Has the host see, and change, what is left.
    fn outside<'s>(
        &self,
        sink: &mut InstructionSink<'s>,
        call: impl for<'c> FnOnce(&'c mut InstructionSink<'s>) -> &'c mut InstructionSink<'s>,
    ) {
        sink.local_get(self.fuel).global_set(self.outline.fuel);
        call(sink).global_get(self.outline.fuel).local_set(self.fuel);
    }
}
