//! A script means the same as bytecode and as a syntax tree: each source of `language/`, every example, every function's
//! and every benchmark, run both ways in the guest, with the same answer or the same error at the same place, the same log lines
//! and the same stored values.

use crate::support::{InMemory, fail, host, program_with, request};
use picloud_abi::invocation::{Event, EventKind, Outcome, Position, Program, Runtime, Trigger};
use picloud_shared::limits::Limits;
use std::{fs, future::pending, path::Path, sync::Arc};

/// Between two sources of one file.
const SEPARATOR: &str = "// ===\n";

/// What a source holds that is left to the tree, because the bytecode cannot express it or fails at another place.
const LEFT_TO_THE_TREE: [&str; 5] = ["call(", "import ", "is_def_fn()", "nothing::f", "const M = #{"];

/// A first line that does nothing. With more than 255 arguments, the bytecode cannot express it.
fn idle_call(arguments: usize) -> String {
    format!("if blob() == () {{ idle({}) }}\n", vec!["0"; arguments].join(", "))
}

/// With the examples' libraries, for a source that imports some.
fn with_libraries(source: &str) -> Program {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/lib");
    let mut libraries: Vec<(String, String)> = Vec::new();
    if source.contains("import \"lib/") {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            libraries.push((format!("lib/{name}"), fs::read_to_string(&path).unwrap()));
        }
    }
    let libraries: Vec<_> = libraries.iter().map(|(name, source)| (name.as_str(), source.as_str())).collect();
    program_with(source, &libraries)
}

/// What would run a source; nothing when it does not compile.
async fn runtime(source: &str) -> Option<Runtime> {
    let loaded = host().load(&with_libraries(source)).await.expect("the host works");
    loaded.ok().map(|image| image.runtime())
}

/// All that can be seen of a run, but for what it cost.
async fn observe(source: &str, trigger: &Trigger) -> String {
    let image = match host().load(&with_libraries(source)).await.expect("the host works") {
        Ok(image) => Arc::new(image),
        Err(diagnostic) => return format!("{diagnostic:?}"),
    };
    let run = host().invoke(&image, trigger, InMemory::default(), &Limits::default(), pending()).await;
    let run = run.expect("the host works");
    if let Outcome::Response(response) = &run.outcome
        && let Ok(text) = std::str::from_utf8(&response.body)
    {
        return format!("{} {:?} {text} {:?}", response.status, response.headers, run.platform);
    }
    format!("{:?} {:?}", run.outcome, run.platform)
}

/// Runs every source both ways and tells of all that differ at once.
async fn assert_same(sources: impl IntoIterator<Item = String>, trigger: &Trigger) {
    let mut differences = Vec::new();
    for source in sources {
        let [bytecode, tree] = [2, 300].map(|arguments| idle_call(arguments) + source.as_str());
        assert_ne!(runtime(&tree).await, Some(Runtime::Bytecode), "{source}");
        if runtime(&bytecode).await == Some(Runtime::Tree) {
            assert!(LEFT_TO_THE_TREE.iter().any(|part| source.contains(part)), "{source}");
        }
        let (bytecode, tree) = (observe(&bytecode, trigger).await, observe(&tree, trigger).await);
        if bytecode != tree {
            differences.push(format!("{source}\n  bytecode: {bytecode}\n  tree:     {tree}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Those of a directory, but for tests: what they call is there where tests are run.
fn scripts(directory: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut paths: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts: Vec<_> = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rhai"))
        .filter(|path| !path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(".test")))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    assert!(!texts.is_empty(), "{} has scripts", directory.display());
    texts
}

#[tokio::test]
async fn the_language_is_the_same() {
    let texts = scripts("tests/host/language");
    let sources = texts.iter().flat_map(|text| text.split(SEPARATOR)).map(str::to_owned);
    assert_same(sources, &Trigger::Http(request())).await;
}

#[tokio::test]
async fn the_examples_are_the_same() {
    let event = Event {
        id: "e".into(),
        kind: EventKind::Manual,
        payload: "{\"n\": 1}".into(),
        attempt: 1,
        topic: None,
        scheduled_at: None,
    };
    let sources = || scripts("../examples").into_iter().chain(scripts("benches/engine/scripts"));
    assert_same(sources(), &Trigger::Http(request())).await;
    assert_same(sources(), &Trigger::Event(event)).await;
}

#[tokio::test]
async fn the_documented_functions_are_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest/prebuilt/functions.json");
    let modules: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let functions = modules.as_array().unwrap().iter().flat_map(|module| module["functions"].as_array().unwrap());
    let sources: Vec<_> =
        functions.map(|function| function["example"]["source"].as_str().unwrap().to_owned()).collect();
    assert!(sources.len() > 50, "the examples are found");
    assert_same(sources, &Trigger::Http(request())).await;
}

/// Where a script is ended from within.
#[tokio::test]
async fn the_limits_are_the_same() {
    let sources = [
        "fn f(n) {\n  f(n + 1)\n}\nf(0)",
        "fn a(n) {\n  b(n)\n}\nfn b(n) {\n  [1].map(|x| a(x))\n}\na(0)",
        "let f = |g, n| g.call(g, n + 1);\nf.call(f, 0)",
        "fn f(n) { if n == 0 { 0 } else { f(n - 1) } }\n[f(62), f(63), f(64)]",
        "fn f(n) { if n == 0 { 0 } else { [n].map(|x| f(x - 1))[0] } }\nlet last = 0;\nfor n in 0..40 { try { f(n); last = n; } catch { } }\nlast",
        "fn f() { this.g() }\nfn g() { this.f() }\n1.f()",
        "let a = 1;\nloop {}",
        "\n\nwhile true { let x = 1; }",
        "fn f() {\n loop { 1 + 1; } }\nf()",
        "try { loop {} } catch { }",
        "loop { try { loop {} } catch { } }",
        "let s = \"x\"; loop { s += s; }",
    ];
    assert_same(sources.map(str::to_owned), &Trigger::Http(request())).await;
}

/// The one known difference: a value of the wrong type, put into a blob, a string or a number's bits. The tree points at
/// the value, the bytecode at what it was put into.
#[tokio::test]
async fn a_value_that_does_not_fit_is_told_at_its_target() {
    for (target, message) in
        [("blob(2)", "(expecting INT)"), ("\"text\"", "(expecting char)"), ("5", "(expecting bool)")]
    {
        let source = format!("let target = {target};\ntarget[0] = [];");
        assert_eq!(runtime(&source).await, Some(Runtime::Bytecode), "{source}");
        let failure = fail(&source).await;
        assert!(failure.message.ends_with(message), "{source}: {failure:?}");
        assert_eq!(failure.position, Some(Position { line: 2, column: 7 }), "{source}");
    }
}
