//! Writes the counting of fuel into a wasm module: afterwards it counts what it executes, and asks its host for more when
//! there is none left.
//!
//! wasmtime can count fuel itself, and brings the count to memory at every call and every return. That costs an interpreter,
//! which is mostly calls, a third of its speed. Here the count stays in a register: each function takes what is left as one
//! more parameter and gives it back as one more result. It is in memory, in an exported global, only while the host runs.
//!
//! A path is paid for where it begins, short side paths together with the path that they leave. Each round of a loop, and
//! each function that could recurse, looks at what is left. So what a module burns depends on nothing but what it executes:
//! not on the machine, nor on the engine or its version.

mod body;
mod cost;
mod leaves;
mod outline;
mod points;
mod recursion;

use outline::Outline;
use wasm_encoder::{
    BranchHints, CodeSection, ConstExpr, ExportKind, ExportSection, FunctionSection, GlobalSection, GlobalType, Module,
    RawSection, TypeSection, ValType,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{ExternalKind, Parser, Payload};

/// The exported global, an `i64`: the fuel that is left. The host sets it before it calls, and finds it there whenever the
/// module calls it or has returned. After a trap it is what was left when the host was called last.
pub const FUEL: &str = "fuel";

/// The import `(func (result i64))` that is called when less than nothing is left. It adds to the global, or traps.
pub const REFUEL: (&str, &str) = ("picloud", "fuel");

/// Why a module could not be metered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no wasm.
    #[error("the module cannot be read: {0}")]
    Unreadable(#[from] wasmparser::BinaryReaderError),
    /// A section could not be written again.
    #[error("the module cannot be written: {0}")]
    Unwritable(String),
    /// It lacks something that metering needs.
    #[error("the module has no {0}")]
    Missing(&'static str),
    /// It has something that no guest has, and that is not reckoned with.
    #[error("{0} cannot be metered")]
    Unknown(String),
}

/// The module with fuel counted.
///
/// # Errors
/// When it is not a module of the kind that the guest is: valid, with exports, globals and the import [`REFUEL`], and
/// without what the proposals since multi-value have brought.
pub fn meter(wasm: &[u8]) -> Result<Vec<u8>, Error> {
    let outline = Outline::of(wasm)?;
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(_) => module.section(&types(&outline)),
            Payload::FunctionSection(_) => module.section(&functions(&outline)),
            Payload::GlobalSection(section) => {
                let mut globals = GlobalSection::new();
                RoundtripReencoder.parse_global_section(&mut globals, section).map_err(unwritable)?;
                let counter = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
                globals.global(counter, &ConstExpr::i64_const(0));
                module.section(&globals)
            }
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                for export in section {
                    let mut export = export?;
                    if export.kind == ExternalKind::Func {
                        export.index = outline.entry_of(export.index);
                    }
                    RoundtripReencoder.parse_export(&mut exports, export).map_err(unwritable)?;
                }
                exports.export(FUEL, ExportKind::Global, outline.fuel);
                module.section(&exports)
            }
            Payload::CodeSectionStart { .. } => {
                let (mut code, mut hints) = (CodeSection::new(), BranchHints::new());
                for function in outline.bodies() {
                    let (body, unlikely) = body::metered(&outline, function)?;
                    code.function(&body);
                    hints.function_hints(function, unlikely);
                }
                for &function in &outline.entries {
                    code.function(&body::entry(&outline, function));
                }
                module.section(&hints).section(&code)
            }
            other => match other.as_section() {
                Some((id, range)) => {
                    let data = wasm.get(range).ok_or(Error::Missing("bytes for a section"))?;
                    module.section(&RawSection { id, data })
                }
                None => &mut module,
            },
        };
    }
    Ok(module.finish())
}

/// The types, and then each again as functions that count have it.
fn types(outline: &Outline<'_>) -> TypeSection {
    let mut types = TypeSection::new();
    for (parameters, results) in &outline.types {
        types.ty().function(parameters.iter().copied(), results.iter().copied());
    }
    for (parameters, results) in &outline.types {
        let with_fuel = |values: &[ValType]| [values, &[ValType::I64]].concat();
        types.ty().function(with_fuel(parameters), with_fuel(results));
    }
    types
}

/// The type of each function, and then of the entries.
fn functions(outline: &Outline<'_>) -> FunctionSection {
    let mut functions = FunctionSection::new();
    for function in outline.bodies() {
        let ty = outline.functions[function as usize];
        functions.function(if outline.counts(function) { outline.counting_type(ty) } else { ty });
    }
    for &function in &outline.entries {
        functions.function(outline.functions[function as usize]);
    }
    functions
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::Unwritable(error.to_string())
}
