//! What is known of a module before its functions are rewritten.

use crate::{Error, REFUEL, leaves::Leaves, recursion::Recursion, unwritable};
use std::ops::Range;
use wasm_encoder::{
    ValType,
    reencode::{Reencode, RoundtripReencoder},
};
use wasmparser::{ElementItems, ExternalKind, FunctionBody, Parser, Payload, TypeRef};

/// Parameters and results.
type Type = (Vec<ValType>, Vec<ValType>);

pub(crate) struct Outline<'a> {
    pub(crate) types: Vec<Type>,
    /// The type of each function, the imported ones first.
    pub(crate) functions: Vec<u32>,
    /// How many of the functions are imported.
    pub(crate) imported: u32,
    /// The imported function to ask for more.
    pub(crate) refuel: u32,
    /// The global that is added for the count.
    pub(crate) fuel: u32,
    /// Functions that are exported: each gets an entry, as the host calls it, behind all other functions.
    pub(crate) entries: Vec<u32>,
    pub(crate) leaves: Leaves,
    pub(crate) recursion: Recursion,
    pub(crate) bodies: Vec<FunctionBody<'a>>,
}

impl<'a> Outline<'a> {
    pub(crate) fn of(wasm: &'a [u8]) -> Result<Self, Error> {
        let (mut types, mut functions, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        let (mut imported, mut refuel, mut fuel) = (0, None, None);
        let (mut exported, mut in_tables) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        let ty = ty?;
                        types.push((values(ty.params())?, values(ty.results())?));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let TypeRef::Func(ty) = import.ty else {
                            return Err(Error::Unknown(format!("the import {}, which is no function,", import.name)));
                        };
                        if (import.module, import.name) == REFUEL {
                            refuel = Some(imported);
                        }
                        functions.push(ty);
                        imported += 1;
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        functions.push(ty?);
                    }
                }
                Payload::GlobalSection(section) => fuel = Some(section.count()),
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export?;
                        if export.kind == ExternalKind::Func && !exported.contains(&export.index) {
                            exported.push(export.index);
                        }
                    }
                }
                Payload::StartSection { .. } => return Err(Error::Unknown("a function that starts by itself".into())),
                Payload::ElementSection(section) => {
                    for element in section {
                        let ElementItems::Functions(functions) = element?.items else {
                            return Err(Error::Unknown("a table of expressions".into()));
                        };
                        for function in functions {
                            in_tables.push(function?);
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => bodies.push(body),
                _ => {}
            }
        }
        if exported.iter().chain(&in_tables).any(|&function| function < imported) {
            return Err(Error::Unknown("an imported function in a table or among the exports".into()));
        }
        if functions.len() != imported as usize + bodies.len() || functions.iter().any(|&ty| ty as usize >= types.len())
        {
            return Err(Error::Missing("type or body for one of its functions"));
        }
        let reached_otherwise = [&exported[..], &in_tables].concat();
        let leaves = Leaves::find(&bodies, imported, &reached_otherwise)?;
        let recursion = Recursion::find(&bodies, imported, &in_tables, &leaves)?;
        Ok(Self {
            types,
            functions,
            imported,
            refuel: refuel.ok_or(Error::Missing("import to ask for fuel"))?,
            fuel: fuel.ok_or(Error::Missing("globals"))?,
            entries: exported,
            leaves,
            recursion,
            bodies,
        })
    }

    /// The functions that have a body.
    pub(crate) fn bodies(&self) -> Range<u32> {
        self.imported..self.functions.len() as u32
    }

    pub(crate) fn is_import(&self, function: u32) -> bool {
        function < self.imported
    }

    /// Whether a function takes what is left, and gives it back.
    pub(crate) fn counts(&self, function: u32) -> bool {
        !self.is_import(function) && self.leaves.cost(function).is_none()
    }

    /// A type with what is left as one more parameter, and one more result.
    pub(crate) fn counting_type(&self, ty: u32) -> u32 {
        self.types.len() as u32 + ty
    }

    pub(crate) fn type_of(&self, function: u32) -> &Type {
        &self.types[self.functions[function as usize] as usize]
    }

    /// What the host calls in place of a function.
    pub(crate) fn entry_of(&self, function: u32) -> u32 {
        match self.entries.iter().position(|&entry| entry == function) {
            Some(position) => (self.functions.len() + position) as u32,
            None => function,
        }
    }
}

fn values(types: &[wasmparser::ValType]) -> Result<Vec<ValType>, Error> {
    types.iter().map(|&ty| RoundtripReencoder.val_type(ty).map_err(unwritable)).collect()
}
