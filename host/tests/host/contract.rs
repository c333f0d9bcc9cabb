//! The kept guest is what the contract says: two imports, one mutable global.

use wasmparser::{Operator, Parser, Payload, TypeRef};

const GUEST: &[u8] = include_bytes!("../../../guest/prebuilt/guest.wasm");

#[test]
fn the_guest_reaches_the_world_through_two_functions() {
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(GUEST) {
        if let Payload::ImportSection(section) = payload.unwrap() {
            for import in section.into_imports() {
                let import = import.unwrap();
                assert!(matches!(import.ty, TypeRef::Func(_)), "{import:?}");
                imports.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    imports.sort();
    assert_eq!(imports, ["picloud.call", "picloud.fuel"]);
}

#[test]
fn the_guests_state_is_its_memory_and_its_stack_pointer() {
    let (mut mutable, mut exported) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(GUEST) {
        match payload.unwrap() {
            Payload::GlobalSection(globals) => {
                mutable += globals.into_iter().filter(|global| global.as_ref().unwrap().ty.mutable).count();
            }
            Payload::ExportSection(exports) => exported.extend(exports.into_iter().map(|export| export.unwrap().name)),
            _ => {}
        }
    }
    assert_eq!(mutable, 1);
    assert!(exported.contains(&"memory") && exported.contains(&"__stack_pointer"), "{exported:?}");
}

/// A kept instance is brought back by writing its memory: nothing else may have changed.
#[test]
fn the_guest_changes_no_table_and_drops_no_segment() {
    for payload in Parser::new(0).parse_all(GUEST) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        for operator in body.get_operators_reader().unwrap() {
            let operator = operator.unwrap();
            assert!(
                !matches!(
                    operator,
                    Operator::TableSet { .. }
                        | Operator::TableGrow { .. }
                        | Operator::TableFill { .. }
                        | Operator::TableCopy { .. }
                        | Operator::TableInit { .. }
                        | Operator::ElemDrop { .. }
                        | Operator::DataDrop { .. }
                ),
                "{operator:?}"
            );
        }
    }
}
