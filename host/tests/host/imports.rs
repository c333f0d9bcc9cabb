//! Imports: what a program sees of its libraries, where errors in them are told, and what loading them may not do.

use crate::support::{InMemory, host, load_program, program_with, request, run_program};
use picloud_abi::invocation::{Diagnostic, FailureCode, Outcome, Position, Runtime, Trigger};
use picloud_shared::limits::Limits;
use std::future::pending;

/// Libraries, each after those that it imports.
const LIBRARIES: [(&str, &str); 4] = [
    (
        "lib/base",
        "export const UNIT = 7;\nfn twice(x) { x * 2 }\nfn broken(x) {\n    x.nothing()\n}\nfn spin() {\n  loop {}\n}",
    ),
    (
        "lib/shop",
        "import \"lib/base\" as base;\nfn price(n) { base::twice(n) + base::UNIT }\nfn broken(n) { base::broken(n) }\n\
         fn each(list, f) { list.map(|x| f.call(x)) }\nprivate fn hidden() { 1 }\nfn shown() { hidden() }",
    ),
    (
        "tools",
        "fn down(n) {\n  if n == 0 { 0 } else { down(n - 1) }\n}\nfn sum(list) { let s = 0; for x in list { s += x; } s }",
    ),
    ("lib/log", "fn say(text) { log::info(text); kv::set(\"said\", text); req.path }"),
];

async fn value(source: &str) -> String {
    match run_program(&program_with(source, &LIBRARIES), &Limits::default()).await.outcome {
        Outcome::Response(response) => String::from_utf8(response.body.into_vec()).unwrap(),
        other => panic!("{source}: {other:?}"),
    }
}

/// `script:line:column message` of a program's failure, and its code.
async fn failure(source: &str) -> (FailureCode, String) {
    match run_program(&program_with(source, &LIBRARIES), &Limits::default()).await.outcome {
        Outcome::Failure(failure) => {
            let Position { line, column } = failure.position.unwrap_or_else(|| panic!("{failure:?} has a place"));
            let script = failure.script.unwrap_or_else(|| "-".to_owned());
            (failure.code, format!("{script}:{line}:{column} {}", failure.message))
        }
        other => panic!("{source}: {other:?}"),
    }
}

async fn refused(source: &str, libraries: &[(&str, &str)]) -> String {
    let Diagnostic { message, script, position } =
        host().load(&program_with(source, libraries)).await.unwrap().expect_err(source);
    let place = position.map_or("-".to_owned(), |at| format!("{}:{}", at.line, at.column));
    format!("{}:{place} {message}", script.unwrap_or_else(|| "-".to_owned()))
}

#[tokio::test]
async fn functions_and_constants_of_libraries_are_there() {
    for (source, expected) in [
        ("import \"lib/shop\" as shop; shop::price(3)", "13"),
        ("import \"lib/base\" as b; fn f() { import \"lib/base\" as inner; inner::UNIT } [b::UNIT, f()]", "[7,7]"),
        ("import \"lib/shop\" as shop; shop::shown()", "1"),
        ("import \"lib/shop\" as shop; let n = 10; shop::each([1, 2], |x| x + n)", "[11,12]"),
        ("if true { import \"tools\" as t; t::sum([1, 2, 3]) }", "6"),
        ("import \"lib/log\" as l; l::say(\"hi\") + kv::get(\"said\")", "/greet/Adahi"),
        ("let n = 0; for i in 0..300 { import \"tools\" as t; n += t::sum([i]); } n", "44850"),
    ] {
        assert_eq!(value(source).await, expected, "{source}");
    }
}

#[tokio::test]
async fn a_private_function_stays_private() {
    let (code, told) = failure("import \"lib/shop\" as shop;\nshop::hidden()").await;
    assert_eq!(code, FailureCode::Error);
    assert!(told.starts_with("-:2:7 Function not found: shop"), "{told}");
}

#[tokio::test]
async fn an_error_tells_in_which_script_it_is() {
    for (source, place) in [
        ("import \"lib/base\" as b;\nb::broken(1)", "lib/base:4:7 "),
        ("import \"lib/shop\" as s;\ns::broken(1)", "lib/base:4:7 "),
        ("import \"lib/shop\" as s;\ns::each([1], |x| x.nothing())", "-:2:20 "),
        ("import \"lib/shop\" as s;\nfn f() {\n s::each(5, |x| x)\n}\nf()", "lib/shop:4:"),
        ("import \"lib/base\" as b;\nfn f(x) { x.nothing() }\nf(b::UNIT)", "-:2:13 "),
        ("import \"lib/log\" as l;\nl::say(blob(3).nothing)", "-:2:16 "),
        ("import \"lib/base\" as b;\nb::nothing(1)", "-:2:4 "),
    ] {
        let (code, told) = failure(source).await;
        assert_eq!(code, FailureCode::Error, "{source}: {told}");
        assert!(told.starts_with(place), "{source}: {told}");
    }
}

#[tokio::test]
async fn so_does_what_ends_a_script() {
    for (source, code, place) in [
        ("import \"lib/base\" as b;\nb::spin()", FailureCode::OutOfFuel, "lib/base:7:"),
        (
            "import \"lib/base\" as b;\nfn f() { b::spin() }\ntry { f() } catch { }",
            FailureCode::OutOfFuel,
            "lib/base:7:",
        ),
        ("import \"lib/shop\" as s;\ns::each([1], |x| {\n loop {} })", FailureCode::OutOfFuel, "-:3:"),
        ("import \"tools\" as t;\nt::down(100)", FailureCode::TooDeep, "tools:2:"),
        ("import \"tools\" as t;\nloop { t::sum([1]); }", FailureCode::OutOfFuel, ""),
    ] {
        let (found, told) = failure(source).await;
        assert_eq!(found, code, "{source}: {told}");
        assert!(told.starts_with(place), "{source}: {told}");
    }
}

/// The same program burns the same, wherever it stops.
#[tokio::test]
async fn fuel_is_exact_across_libraries() {
    let program = program_with("import \"lib/shop\" as shop; shop::each([1, 2, 3], |x| shop::price(x))", &LIBRARIES);
    let image = load_program(host(), &program).await;
    assert_eq!(image.runtime(), Runtime::Tree);
    let trigger = Trigger::Http(request());
    let mut burnt = Vec::new();
    for image in [&image, &image, &load_program(host(), &program).await] {
        let run = host().invoke(image, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
        assert!(matches!(run.outcome, Outcome::Response(_)), "{:?}", run.outcome);
        burnt.push(run.fuel);
    }
    assert!(burnt.iter().all(|fuel| *fuel == burnt[0]), "{burnt:?}");
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_with_its_place() {
    for (source, told) in [
        ("1;\nimport \"lib/none\" as x;", "-:2:8 there is no script lib/none to import"),
        ("fn f() { import \"../other/x\" as x; }", "-:1:17 there is no script ../other/x to import"),
        ("let name = \"lib/base\";\nimport name as x;", "-:2:8 an import names its script by a literal text"),
        ("fn f(n) { if n { import `lib/${n}` as x; } }", "-:1:25 an import names its script by a literal text"),
        ("import \"lib/base\" as b", ""),
    ] {
        if told.is_empty() {
            load_program(host(), &program_with(source, &LIBRARIES)).await;
            continue;
        }
        let found = refused(source, &LIBRARIES).await;
        assert!(found.starts_with(told), "{source}: {found}");
    }
    // Only what comes before a library is there for it.
    let circle = [("a", "import \"b\" as b;"), ("b", "import \"a\" as a;")];
    assert_eq!(refused("import \"b\" as b;", &circle).await, "a:1:8 there is no script b to import");
}

#[tokio::test]
async fn nothing_of_the_platform_can_be_called_while_a_library_is_loaded() {
    for call in
        ["kv::get(\"a\")", "time::now()", "http::get(\"http://192.0.2.1\")", "topics::publish(\"a\", 1)", "uuid::v4()"]
    {
        let library = format!("let a = 1;\nlet b = {call};");
        let told = refused("import \"lib/x\" as x;", &[("lib/x", &library)]).await;
        assert!(told.starts_with("lib/x:2:"), "{call}: {told}");
        assert!(told.contains("nothing of the platform can be called while a script is loaded"), "{call}: {told}");
    }
    let told = refused("import \"lib/x\" as x;", &[("lib/x", "fn f() { req.path }\nf()")]).await;
    assert_eq!(told, "lib/x:1:10 Variable not found: req");
}

#[tokio::test]
async fn loading_libraries_is_bounded() {
    let spin = [("lib/a", "fn spin() {\n loop {}\n}"), ("lib/b", "import \"lib/a\" as a;\na::spin();")];
    let told = refused("import \"lib/b\" as b;", &spin).await;
    assert_eq!(told, "lib/a:2:7 the script used up its fuel");
    let bomb = [("lib/bomb", "let text = \"x\"; loop { text += text; }")];
    let told = refused("import \"lib/bomb\" as b;", &bomb).await;
    assert!(told.contains("asked for more memory than its limit"), "{told}");
    let large = [("lib/large", "export const A = []; export let b = []; b.pad(400000, 123456789);")];
    let told = refused("import \"lib/large\" as b;", &large).await;
    assert!(told.contains("the script is too large to compile"), "{told}");
    let deep = [("lib/deep", "fn f(n) { f(n + 1) }\nf(0);")];
    assert_eq!(refused("import \"lib/deep\" as d;", &deep).await, "lib/deep:1:11 calls are nested too deeply");
    assert_eq!(refused("1", &[("lib/x", "let = 1;")]).await.split(' ').next(), Some("lib/x:1:5"));
}

/// Wherever an import stands, and nowhere else.
#[tokio::test]
async fn imports_are_found() {
    let source = "import \"a\" as a; // import \"no\" as no;\nfn f() { if x { import \"b\" as b; b::g() } }\n\
                  let g = |x| { import \"c\" as c; x }; let s = \"import\"; import \"li\" + \"b/d\" as d; s";
    let mut found = host().imports(source).await.unwrap().unwrap();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let found: Vec<_> = found.iter().map(|import| (import.path.as_str(), import.position.unwrap().line)).collect();
    assert_eq!(found, [("a", 1), ("b", 2), ("c", 3), ("lib/d", 3)]);
    assert!(host().imports("let important = 1;").await.unwrap().unwrap().is_empty());
    let told = host().imports("1;\nimport x as y;").await.unwrap().unwrap_err();
    assert_eq!(told.position, Some(Position { line: 2, column: 8 }));
    let broken = host().imports("import \"a\" as").await.unwrap().unwrap_err();
    assert_eq!(broken.position.map(|at| at.line), Some(1));
}
