//! The kept guest is what the contract says: two imports, and no state but its memory, its stack pointer and its fuel.

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
    // The stack pointer, and the count of fuel, which the host sets before each invocation.
    assert_eq!(mutable, 2);
    for name in ["memory", "__stack_pointer", "fuel"] {
        assert!(exported.contains(&name), "{name} among {exported:?}");
    }
}

/// Otherwise a script could compute for nothing.
#[test]
fn the_guest_looks_at_its_fuel_in_every_round_of_every_loop() {
    let mut loops = 0;
    for payload in Parser::new(0).parse_all(GUEST) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        let operators: Vec<_> = body.get_operators_reader().unwrap().into_iter().map(|op| op.unwrap()).collect();
        for (number, _) in
            operators.iter().enumerate().filter(|(_, operator)| matches!(operator, Operator::Loop { .. }))
        {
            // What is taken may come first: get, constant, subtract, set.
            let looks = operators[number + 1..].windows(4).take(5).any(|window| {
                matches!(
                    window,
                    [Operator::LocalGet { .. }, Operator::I64Const { value: 0 }, Operator::I64LtS, Operator::If { .. }]
                )
            });
            assert!(looks, "{:?}", &operators[number..number + 9]);
            loops += 1;
        }
    }
    assert!(loops > 1_000, "{loops}");
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
