//! `picloud test`: tests of scripts, in Rhai, beside them.

use crate::support::{
    Backend, Setup,
    directory::{Directory, run},
};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

/// The JSON document, and the exit code.
fn tested(directory: &Directory, arguments: &[&str]) -> (i32, serde_json::Value) {
    let (exit, out, told) = run(directory, &[&["test", ".", "-o", "json"], arguments].concat());
    (exit, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{exit}: {out}{told}")))
}

#[test]
fn the_examples_pass_their_own_tests() {
    let directory = Directory::of(&[]);
    let (exit, out, told) = run(&directory, &["test", EXAMPLES]);
    assert_eq!(exit, 0, "{out}{told}");
    assert!(out.contains("tests: all passed") && out.contains("ok  test_greets_by_name"), "{out}");
    assert_eq!(directory.left_in_temporary(), Vec::<String>::new());
}

#[test]
fn a_test_fails_with_its_line_and_the_reason() {
    let directory = Directory::of(&[
        ("picloud.toml", "[limits]\nfuel = 2_000_000\nrequests_per_minute = 1\n"),
        ("cheap.rhai", "\"x\""),
        ("endless.rhai", "let n = 0;\nloop { n += 1; }"),
        ("wrong.rhai", "let list = [1];\nlist[7]"),
        (
            "all.test.rhai",
            "fn test_costs_too_much() {\n    let r = test::get(\"/cheap\");\n    test::fuel(r, 10);\n}\n\
             fn test_has_no_end() {\n    test::status(test::get(\"/endless\"), 200);\n}\n\
             fn test_is_not_so() { test::get(\"/cheap\"); test::equal(1, 2); }\n\
             fn test_is_wrong_itself() {\n    let list = [1];\n    list[9]\n}\n\
             fn test_fails_though_it_is_caught() { try { test::check(false, \"no\"); } catch { } }\n\
             fn test_is_right() { test::check(true); }\n",
        ),
    ]);
    let (exit, document) = tested(&directory, &[]);
    assert_eq!((exit, &document["passed"], &document["failed"]), (1, &1.into(), &5.into()), "{document}");
    let failures: Vec<_> = document["tests"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|test| test["passed"] == false)
        .map(|test| {
            let failure = &test["failure"];
            assert_eq!(failure["path"], "./all.test.rhai");
            let place = (failure["line"].as_u64().unwrap(), failure["column"].as_u64().unwrap());
            (place, failure["message"].as_str().unwrap().to_owned())
        })
        .collect();
    let places: Vec<_> = failures.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [(3, 5), (6, 5), (8, 44), (11, 10), (13, 45)], "{failures:?}");
    let said: Vec<_> = failures.iter().map(|(_, message)| message.as_str()).collect();
    assert!(said[0].starts_with("cheap took fuel ") && said[0].contains("% of 2,000,000), which is "), "{said:?}");
    assert!(said[0].contains(" % of the 10 that this test allows"), "{said:?}");
    assert!(said[1].contains("GET /endless was answered 500, not 200 (out_of_fuel)"), "{said:?}");
    assert!(said[2] == "it is 1, not 2" && said[3].contains("Array index 9 out of bounds"), "{said:?}");

    // For people: the line of the test, and that of the script that ran out, with its share of the limit.
    let (_, out, _) = run(&directory, &["test", ".", "has_no_end"]);
    assert!(out.contains("./all.test.rhai:6:5: ") && out.contains("6 |     test::status"), "{out}");
    assert!(out.contains("./endless.rhai:2:") && out.contains("2 | loop { n += 1; }"), "{out}");
    assert!(out.contains("% of 2,000,000)") && out.contains("1 test: 0 passed, 1 failed"), "{out}");
}

#[test]
fn each_test_has_a_world_of_its_own() {
    let directory = Directory::of(&[
        (
            "world.rhai",
            "// route: GET /world\nlet n = kv::incr(\"n\");\nlet price = http::get(\"https://shop.test/price\").json();\n\
             #{ n: n, now: time::now(), drawn: random::hex(8), price: price.amount, region: vars::get(\"REGION\") }",
        ),
        (
            "world.test.rhai",
            "fn prepared() {\n    test::upstream(\"GET\", \"https://shop.test/price\", #{ status: 200, body: #{ amount: 7 } });\n    \
             test::set_var(\"REGION\", \"eu\");\n    test::get(\"/world\").json\n}\n\
             fn test_one() { test::equal(prepared(), #{ n: 1, now: 1767225600000, drawn: prepared_draw(), price: 7, region: \"eu\" }); }\n\
             fn prepared_draw() { test::seed(0); test::get(\"/world\"); test::seed(0); test::get(\"/world\").json.drawn }\n\
             fn test_two() {\n    let first = prepared();\n    test::equal([first.n, first.region], [1, \"eu\"]);\n    test::advance(1000);\n    \
             let second = test::get(\"/world\").json;\n    test::equal([second.n, second.now - first.now], [2, 1000]);\n    test::check(second.drawn != first.drawn);\n}\n\
             fn test_no_other_servers() {\n    let r = test::get(\"/world\");\n    test::status(r, 500);\n    \
             test::check(r.error.message.contains(\"test::upstream(\"), r.error.message);\n}\n",
        ),
    ]);
    let (exit, document) = tested(&directory, &[]);
    assert_eq!((exit, &document["passed"]), (0, &3.into()), "{document}");
    // And the next time everything is the same.
    assert_eq!(tested(&directory, &[]).1, document);
}

#[test]
fn what_cannot_be_run_is_told() {
    let directory = Directory::of(&[("a.rhai", "1"), ("a.test.rhai", "fn helper() { 1 }")]);
    let (exit, out, _) = run(&directory, &["test", "."]);
    assert!(exit == 1 && out.contains("no tests"), "{exit}: {out}");
    directory.write("a.test.rhai", "fn test_a() {\n    test::get(\"/a\"\n}");
    let (exit, document) = tested(&directory, &[]);
    let failure = &document["tests"][0]["failure"];
    assert_eq!((exit, &failure["line"], &failure["column"]), (1, &3.into(), &1.into()), "{document}");
    let (exit, out, _) = run(&directory, &["check", "."]);
    assert!(exit == 1 && out.starts_with("./a.test.rhai:3:1: "), "{exit}: {out}");
    directory.write("a.rhai", "let = 1;");
    let (exit, out, _) = run(&directory, &["test", "."]);
    assert!(exit == 1 && out.starts_with("./a.rhai:1:5: "), "{exit}: {out}");
    let (exit, _, told) = run(&directory, &["test", "nowhere"]);
    assert!(exit == 3 && told.contains("cannot read nowhere"), "{exit}: {told}");
}

/// The call that a test makes and the same one over the network cost the same, to the unit.
#[tokio::test(flavor = "multi_thread")]
async fn fuel_in_a_test_is_fuel_on_a_server() {
    let source = "let words = #{};\nfor word in req.text().split(\" \") { words[word] = (words[word] ?? 0) + 1; }\n\
        log::info(words.to_string());\nkv::set(\"words\", words);\n#{ words: words, name: req.params.name, at: req.query.a }";
    let directory = Directory::of(&[
        ("picloud.toml", "app = \"fuel\"\n"),
        ("count.rhai", &format!("// route: POST /count/{{name}}\n{source}")),
        (
            "count.test.rhai",
            "fn test_cost() { test::fuel(test::post(\"/count/Ada?a=1\", \"the cat and the dog\"), 0); }",
        ),
    ]);
    let (_, document) = tested(&directory, &[]);
    let message = document["tests"][0]["failure"]["message"].as_str().unwrap();
    let here = message.split(' ').nth(3).unwrap().replace(',', "");

    let picloud = Setup::new(Backend::Sqlite).start().await;
    let app = picloud.create_app("fuel").await;
    picloud.put(&app, "count", &format!("// route: POST /count/{{name}}\n{source}"), &["POST /count/{name}"]).await;
    // The same headers: a client that sends others has the script read others.
    let mut connection = TcpStream::connect(picloud.ingress.strip_prefix("http://").unwrap()).unwrap();
    write!(
        connection,
        "POST /count/Ada?a=1 HTTP/1.1\r\nhost: fuel.localhost\r\ncontent-length: 19\r\n\r\nthe cat and the dog"
    )
    .unwrap();
    let head: Vec<String> =
        BufReader::new(connection).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let there = head.iter().find_map(|line| line.strip_prefix("x-picloud-fuel: "));
    let there = there.unwrap_or_else(|| panic!("{head:?}"));
    assert_eq!(here, there, "{message}\n{head:?}");
}

/// `pic test` is `picloud test`, which is found beside it.
#[test]
fn pic_has_it_run_by_picloud() {
    let directory =
        Directory::of(&[("a.rhai", "1"), ("a.test.rhai", "fn test_a() { test::equal(test::get(\"/a\").json, 1); }")]);
    let pic = Path::new(env!("CARGO_BIN_EXE_picloud")).with_file_name("pic");
    let output = directory.command(&pic).args(["test", ".", "test_a"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 test: all passed"), "{output:?}");
    directory.write("a.rhai", "2");
    assert_eq!(directory.command(&pic).args(["test", "."]).status().unwrap().code(), Some(1));
    // Where there is none, it says what to do.
    let alone = directory.path().join("pic");
    std::fs::copy(&pic, &alone).unwrap();
    let output = Command::new(&alone).env_clear().current_dir(directory.path()).args(["test", "."]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && told.contains("picloud") && told.contains("hint: "), "{output:?}");
}
