//! The guest computes what Rhai computes: the same scripts, natively and in an instance, with the same values, the
//! same messages and the same places.

use crate::support::{fail, host, load, program_with, respond, run_program};
use picloud_abi::invocation::{FailureCode, Outcome, Runtime};
use picloud_shared::limits::Limits;
use rhai::{Dynamic, Engine, Module, Scope, module_resolvers::StaticModuleResolver};

const VALUES: [&str; 26] = [
    "1 + 2 * 3 - 4 / 5 % 6 ** 2",
    "[7 / 2, -7 / 2, -7 % 3, 7.0 / 2.0, 0.1 + 0.2, 2.0 ** 0.5]",
    "[1 << 40, 0xff & 0b1010, 5 ^ 3, !true, 9007199254740993]",
    "[1.0.sin(), 2.5.round(), 1e300 * 1e10, 1.5.to_int(), 3.to_float(), 255.to_hex()]",
    "let s = \"Grüße, 世界\"; [s.len, s.to_upper(), s[1], s.sub_string(2, 3), s.split(\", \"), s.index_of('世')]",
    "let s = \"a-b-c\"; s.replace(\"-\", \"+\"); s.pad(8, '*'); [s, s.contains(\"b+\"), `${1 + 1}!`]",
    "let p = \"ab\"; p.pad(7, \"xyz\"); p",
    "let p = \"äb\"; p.pad(2, 'x'); p.pad(-1, 'x'); p",
    "let a = [3, 1, 2]; a.sort(); a.push(9); a.insert(1, 8); a.remove(0); [a, a.len, a.contains(9), 2 in a]",
    "[1, 2, 3, 4].filter(|x| x % 2 == 0).map(|x| x * x).reduce(|sum, x| sum + x, 0)",
    "let n = 0; let add = |x| { n += x; n }; [add.call(2), add.call(3), n]",
    "let m = #{b: 1, a: #{c: [1, #{d: ()}]}}; m.z = m.a.c[1].d ?? \"none\"; m[\"x y\"] = m.keys(); m",
    "fn fact(n) { if n < 2 { 1 } else { n * fact(n - 1) } } fact(20)",
    "fn grow() { this.n += 1; this } let o = #{n: 1}; o.grow(); o.grow(); o",
    "let r = []; for (x, i) in 10..13 { if i == 1 { continue; } r.push([x, i]); } r",
    "let x = 0; do { x += 3; } until x > 10; while x > 5 { x -= 1; if x == 7 { break; } } x",
    "switch 5 { 1 => \"one\", 2..=6 if true => \"some\", _ => \"many\" }",
    "let r = (); try { throw #{code: 7} } catch (e) { r = e.code } r",
    "let r = (); try { [][1] } catch (e) { r = [e.message, e.line] } r",
    "let b = blob(4, 7); b[1] = 255; b.write_be(2..4, 258); [b.len, b[1], b.parse_be_int(2..4)]",
    "[type_of(1), type_of(\"\"), type_of([]), type_of(#{}), type_of(|| 1), is_def_var(\"x\")]",
    "const LIMIT = 3; let out = []; loop { out += out.len; if out.len >= LIMIT { break; } } out",
    // Bytes are copied, moved up and down within themselves, filled and compared, at every length that is done differently.
    "let sums = []; let b = blob();
     for n in 0..300 {
         b.push((n * 37 + 11) % 251);
         let c = b;
         c.insert(0, 255); c.insert(c.len / 3, n % 256); c.remove(c.len / 2); c += blob(n, n % 256);
         let sum = 0;
         for i in 0..c.len { sum = (sum * 31 + c[i]) % 1000003; }
         sums.push([sum, b == c, b == b.extract(0), c.extract(n / 2, n).len]);
     }
     sums",
    "let m = #{}; let prefix = \"\";
     for n in 0..80 { prefix += \"x\"; for last in [\"\", \"a\", \"Z\", \"é\"] { m[prefix + last] = n; m[last + prefix] = n; } }
     [m.keys(), prefix < prefix + \"\", prefix == m.keys()[200], (prefix + \"a\") > (prefix + \"Z\")]",
    "let x = 1; x.tag = 5; x += 1; let y = x; let z = x + 0; y -= 1; let held = || { x *= 10; x };
     held.call(); x += 1;  [x, x.tag, y, y.tag, z, z.tag, held.call()]",
    "fn to_string(n) { `mine` } let n = -42; let held = || n; [`${n}`, \"a\" + n, n + \"a\", to_string(n), n.to_string(), `${held.call()}`]",
];

const ERRORS: [&str; 12] = [
    "let a = 1;\nmissing(a)",
    "let a = [1];\n\n  a[5]",
    "9223372036854775807 + 1",
    "1 / 0",
    "let m = #{};\nm.a.b.c",
    "fn inner(x) {\n  x.nothing()\n}\nfn outer() { inner(1) }\nouter()",
    "undefined_variable",
    "const X = 1;\nX = 2",
    "throw \"mine\"",
    "\"text\" - 1",
    "const X = 1;\nif true {\n  X += 1\n}",
    "let x = 1;\nlet y = x - 1;\n  x %= y",
];

/// Rhai as it is, with the guest's depths: its own depend on how it was compiled.
fn native() -> Engine {
    let mut engine = Engine::new();
    engine.set_max_call_levels(64).set_max_expr_depths(64, 64);
    engine
}

#[tokio::test]
async fn values_are_the_same() {
    for source in VALUES {
        assert_same_value(source).await;
    }
}

/// By every operator, with what it says where the result is none.
#[tokio::test]
async fn whole_numbers_are_the_same_at_their_bounds() {
    let mut works: String =
        ["==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>", "+", "-", "*", "/", "%", "**"]
            .iter()
            .map(|operator| {
                format!("try {{ out.push(x {operator} y); }} catch (e) {{ out.push([e.message, e.position]); }}\n")
            })
            .collect();
    works.extend(["+=", "-=", "*=", "/=", "%=", "**="].iter().map(|operator| {
        format!(
            "let z = x; try {{ z {operator} y; }} catch (e) {{ out.push([e.message, e.position]); }} out.push(z);\n"
        )
    }));
    let source = format!(
        "let out = []; let bounds = [-9223372036854775807 - 1, -7, -1, 0, 1, 3, 9223372036854775807];
         for x in bounds {{ out.push([if x > -9 {{ -x }}, `${{x}} ` + x + [x] + x.to_string() + x.to_debug()]); }}
         for x in bounds {{ for y in bounds {{ {works} }} }} out"
    );
    assert_eq!(load(host(), &source).await.runtime(), Runtime::Bytecode);
    assert_same_value(&source).await;
}

async fn assert_same_value(source: &str) {
    let native: Dynamic = native().eval(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    let native = if native.is_string() { native.to_string() } else { serde_json::to_string(&native).unwrap() };
    let guest = respond(source).await;
    assert_eq!(String::from_utf8(guest.body.into_vec()).unwrap(), native, "{source}");
}

/// Libraries, each after those that it imports, and sources that use them.
const LIBRARIES: [(&str, &str); 2] = [
    ("lib/base", "export const UNIT = 7; let hidden = 1; fn twice(x) { x * 2 } fn bad(x) {\n x.nothing() }"),
    (
        "lib/shop",
        "import \"lib/base\" as base; export let list = [1, 2]; fn price(n) { base::twice(n) + base::UNIT }\n\
      fn each(list, f) { list.map(f) } fn bad(x) { base::bad(x) } fn inner(list) { list.map(|x| x * 2) }",
    ),
];
const IMPORTERS: [&str; 7] = [
    "import \"lib/shop\" as s; [s::price(3), s::list, s::base::UNIT]",
    "import \"lib/shop\" as s; let n = 2; s::each([1, 2], |x| x + n)",
    "import \"lib/base\" as b; fn f(x) { import \"lib/base\" as c; c::twice(x) } f(b::UNIT)",
    "import \"lib/shop\" as s; let r = []; try { s::bad(1) } catch (e) { r = [e.message, e.line] } r",
    "import \"lib/shop\" as s; s::list.push(3); s::list",
    "import \"lib/shop\" as s; s::inner([1, 2])",
    "{ import \"lib/base\" as b; } let r = 0; try { b::twice(1) } catch (e) { r = e.message } r",
];

#[tokio::test]
async fn imports_are_the_same() {
    let mut engine = native();
    let mut modules = StaticModuleResolver::new();
    for (name, source) in LIBRARIES {
        let mut ast = engine.compile(source).unwrap();
        ast.set_source(name);
        modules.insert(name, Module::eval_ast_as_new(Scope::new(), &ast, &engine).unwrap());
        engine.set_module_resolver(modules.clone());
    }
    for source in IMPORTERS {
        let native: Result<Dynamic, _> = engine.eval(source);
        let guest = run_program(&program_with(source, &LIBRARIES), &Limits::default()).await.outcome;
        match (native, guest) {
            (Ok(native), Outcome::Response(guest)) => {
                let native =
                    if native.is_string() { native.to_string() } else { serde_json::to_string(&native).unwrap() };
                assert_eq!(String::from_utf8(guest.body.into_vec()).unwrap(), native, "{source}");
            }
            (Err(native), Outcome::Failure(guest)) => {
                let inner = native.unwrap_inner();
                assert_eq!(format!("{} ({})", guest.message, inner.position()), inner.to_string(), "{source}");
                assert_eq!(guest.position.map(|at| at.line as usize), inner.position().line(), "{source}");
            }
            (native, guest) => panic!("{source}: {native:?} is not {guest:?}"),
        }
    }
}

#[tokio::test]
async fn errors_are_the_same() {
    let engine = native();
    for source in ERRORS {
        let native = engine.eval::<Dynamic>(source).expect_err(source);
        let (inner, place) = (native.unwrap_inner(), native.unwrap_inner().position());
        let guest = fail(source).await;
        assert_eq!(guest.code, FailureCode::Error, "{source}");
        assert_eq!(guest.position.map(|at| at.line as usize), place.line(), "{source}");
        assert_eq!(guest.position.map(|at| at.column as usize), place.position(), "{source}");
        // The guest leaves out what kind of error it is where a text says all.
        let message = inner.to_string();
        let kinds = ["Syntax error: ", "Runtime error: "];
        let message = kinds.iter().find_map(|kind| message.strip_prefix(kind)).unwrap_or(&message);
        assert_eq!(format!("{} ({place})", guest.message), message, "{source}");
    }
}
