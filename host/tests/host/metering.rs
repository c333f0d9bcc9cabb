//! A module computes the same with its fuel counted, and cannot compute without.

use wasmtime::{Caller, Config, Engine, Extern, Instance, Linker, Module, Store, Trap, Val};

const IMPORT: &str = r#"(import "picloud" "fuel" (func $fuel (result i64)))"#;

/// Functions of one number and one result, in all shapes that control can take.
const SHAPES: &str = r#"
    (type $one (func (param i64) (result i64)))
    (memory 1)
    (table 3 funcref)
    (elem (i32.const 0) func $double $sum $even)
    (global $base (mut i64) (i64.const 7))
    (func $double (type $one) (i64.mul (local.get 0) (i64.const 2)))
    (func $sum (export "sum") (type $one) (local $total i64)
        (loop $again
            (local.set $total (i64.add (local.get $total) (local.get 0)))
            (br_if $again (i64.gt_s (local.tee 0 (i64.sub (local.get 0) (i64.const 1))) (i64.const 0))))
        (local.get $total))
    (func $even (export "even") (type $one)
        (if (result i64) (i64.eqz (local.get 0))
            (then (i64.const 1))
            (else (call $odd (i64.sub (local.get 0) (i64.const 1))))))
    (func $odd (type $one)
        (if (i64.eqz (local.get 0)) (then (return (i64.const 0))))
        (call $even (i64.sub (local.get 0) (i64.const 1))))
    (func (export "leave") (type $one)
        (block $out (result i64)
            (br_if 1 (i64.const 5) (i64.eq (local.get 0) (i64.const 1)))
            (br_if $out (i64.const 6) (i64.eq (local.get 0) (i64.const 2)))
            (drop)
            (drop)
            (i64.add (global.get $base) (i64.const 1))))
    (func (export "switch") (type $one)
        (block $c (block $b (block $a
            (br_table $a $b $c (i32.wrap_i64 (local.get 0))))
            (return (call $double (local.get 0))))
            (return (call_indirect (type $one) (i64.const 4) (i32.const 1))))
        (call_indirect (type $one) (local.get 0) (i32.const 2)))
    (func (export "copy") (type $one)
        (memory.fill (i32.const 0) (i32.const 3) (i32.wrap_i64 (local.get 0)))
        (memory.copy (i32.const 4096) (i32.const 0) (i32.wrap_i64 (local.get 0)))
        (i64.load (i32.const 4096)))
    (func (export "nothing") (global.set $base (i64.const 8)))
"#;

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(format!("(module {IMPORT} {text})")).unwrap()
}

/// Runs an export with so much fuel, and gives what is left when it returns.
fn run(wasm: &[u8], export: &str, argument: i64, fuel: i64) -> wasmtime::Result<(i64, i64)> {
    let engine = Engine::new(&Config::new()).unwrap();
    let mut linker = Linker::new(&engine);
    linker
        .func_wrap("picloud", "fuel", |mut caller: Caller<'_, ()>| -> wasmtime::Result<i64> {
            let Some(Extern::Global(global)) = caller.get_export("fuel") else { panic!("no counter") };
            match global.get(&mut caller) {
                Val::I64(..0) => Err(Trap::OutOfFuel.into()),
                left => Ok(left.unwrap_i64()),
            }
        })
        .unwrap();
    let mut store = Store::new(&engine, ());
    let instance: Instance = linker.instantiate(&mut store, &Module::new(&engine, wasm).unwrap()).unwrap();
    let counter = instance.get_global(&mut store, "fuel");
    if let Some(counter) = counter {
        counter.set(&mut store, Val::I64(fuel)).unwrap();
    }
    let result = match instance.get_func(&mut store, export).unwrap().typed::<i64, i64>(&store) {
        Ok(function) => function.call(&mut store, argument)?,
        Err(_) => instance.get_typed_func::<(), ()>(&mut store, export).unwrap().call(&mut store, ()).map(|()| 0)?,
    };
    Ok((result, counter.map_or(0, |counter| counter.get(&mut store).unwrap_i64())))
}

#[test]
fn a_metered_module_computes_the_same() {
    let plain = module(SHAPES);
    let metered = picloud_metering::meter(&plain).unwrap();
    for export in ["sum", "even", "leave", "switch", "copy", "nothing"] {
        for argument in [0, 1, 2, 3, 10, 101] {
            let (expected, _) = run(&plain, export, argument, 0).unwrap();
            let (result, left) = run(&metered, export, argument, 1_000_000).unwrap();
            assert_eq!(result, expected, "{export}({argument})");
            assert!(left < 1_000_000, "{export}({argument}) costs");
        }
    }
}

#[test]
fn what_is_burnt_follows_what_is_executed() {
    let metered = picloud_metering::meter(&module(SHAPES)).unwrap();
    let burnt = |export, argument| 10_000_000 - run(&metered, export, argument, 10_000_000).unwrap().1;
    // Eleven instructions a round.
    assert_eq!(burnt("sum", 1_001) - burnt("sum", 1), 11_000);
    assert_eq!(burnt("even", 2_001) - burnt("even", 1), burnt("even", 4_001) - burnt("even", 2_001));
    // Eight bytes for a unit, twice.
    assert_eq!(burnt("copy", 4_096) - burnt("copy", 0), 1_024);
    // Exact to the last unit.
    let all = burnt("sum", 50);
    assert_eq!(run(&metered, "sum", 50, all).unwrap().1, 0);
}

#[test]
fn whatever_goes_on_for_ever_ends() {
    for endless in [
        r#"(func (export "f") (loop $l (br $l)))"#,
        r#"(func $f (export "f") (call $f))"#,
        r#"(func $f (export "f") (call $g)) (func $g (call $h)) (func $h (call $f) (call $h))"#,
        r#"(table 1 funcref) (elem (i32.const 0) func $g) (func (export "f") (call $g)) (func $g (call_indirect (i32.const 0)))"#,
        r#"(memory 10) (func (export "f") (loop $l (memory.fill (i32.const 0) (i32.const 0) (i32.const 99999)) (br $l)))"#,
    ] {
        let metered = picloud_metering::meter(&module(&format!("(global (mut i32) (i32.const 0)) {endless}"))).unwrap();
        let error = run(&metered, "f", 0, 5_000).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::OutOfFuel), "{endless}: {error:#}");
    }
}

#[test]
fn what_is_no_guest_is_refused() {
    for (text, why) in [
        (r#"(func (export "f"))"#, "globals"),
        (r#"(global i32 (i32.const 0)) (func $f (export "f") (return_call $f))"#, "ReturnCall"),
        (r#"(global i32 (i32.const 0)) (func $f (export "f")) (start $f)"#, "starts by itself"),
        (r#"(global i32 (i32.const 0)) (export "fuel?" (func $fuel))"#, "imported function"),
        (r#"(global i32 (i32.const 0)) (func (export "f") (result i32 i32) (i32.const 0) (i32.const 0))"#, ""),
    ] {
        match picloud_metering::meter(&module(text)) {
            Err(error) => assert!(error.to_string().contains(why), "{text}: {error}"),
            Ok(_) => assert!(text.contains("(result i32 i32)"), "{text} was metered"),
        }
    }
    assert!(picloud_metering::meter(b"\0asm").is_err());
    assert!(picloud_metering::meter(b"").is_err());
}
