//! Imports between the scripts of an app, from upload to answer.

use crate::support::{Backend, TestApp, error_of, on_both, script_name};
use picloud_client::Client;
use picloud_shared::{
    api::{Check, ErrorDetail, PutScript, Rollback, Script, UpdateApp},
    names::AppSlug,
};
use serde_json::json;
use std::time::Duration;

on_both!(
    a_library_answers_through_its_importers,
    what_cannot_be_imported_is_refused_at_upload,
    what_would_break_an_importer_is_refused,
    an_error_in_a_library_tells_its_place,
    what_is_imported_stays
);

/// How an upload is refused: status, code, and where.
async fn refused(picloud: &TestApp, app: &AppSlug, name: &str, source: &str) -> (u16, String, ErrorDetail) {
    let put = PutScript { source: source.to_owned(), routes: None, topics: None, schedules: None };
    match picloud.client.put_script(app, &script_name(name), &put).await {
        Err(picloud_client::Error::Api { status, detail }) => (status.as_u16(), detail.code.clone(), detail),
        other => panic!("{name}: {other:?}"),
    }
}

fn place(ErrorDetail { script, line, column, .. }: &ErrorDetail) -> String {
    let number = |number: &Option<u32>| number.map_or(String::new(), |number| format!(":{number}"));
    format!("{}{}{}", script.as_ref().map_or("", |script| script.as_str()), number(line), number(column))
}

async fn put(picloud: &TestApp, app: &AppSlug, name: &str, source: &str) -> Script {
    let put = PutScript { source: source.to_owned(), routes: None, topics: None, schedules: None };
    picloud.client.put_script(app, &script_name(name), &put).await.unwrap()
}

async fn a_library_answers_through_its_importers(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    put(&picloud, &app, "lib/base", "fn unit() { 7 }").await;
    put(&picloud, &app, "lib/price", "import \"lib/base\" as base; fn of(n) { n * base::unit() }").await;
    let script = put(&picloud, &app, "price", "import \"lib/price\" as price; price::of(3)").await;
    assert_eq!(script.imports, [script_name("lib/price")]);
    assert_eq!(picloud.text("/shop/price").await, (200, "21".into()));
    // The very next request has the library's new version, and after a rollback the old one.
    for round in 0..20 {
        put(&picloud, &app, "lib/base", &format!("fn unit() {{ {round} }}")).await;
        assert_eq!(picloud.text("/shop/price").await, (200, (3 * round).to_string()));
    }
    let back = Rollback { version: Some(1) };
    picloud.client.rollback(&app, &script_name("lib/base"), &back).await.unwrap();
    assert_eq!(picloud.text("/shop/price").await, (200, "21".into()));
    assert_eq!(
        picloud.client.versions(&app, &script_name("price")).await.unwrap().len(),
        1,
        "importers stay as they are"
    );
    // Another app has none of it.
    let other = picloud.create_app("other").await;
    let (status, code, detail) = refused(&picloud, &other, "price", "import \"lib/price\" as price; 1").await;
    assert_eq!((status, code.as_str(), place(&detail).as_str()), (422, "invalid_script", ":1:8"));
    let picloud = picloud.kill_and_restart().await;
    assert_eq!(picloud.text("/shop/price").await, (200, "21".into()));
}

async fn what_cannot_be_imported_is_refused_at_upload(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    put(&picloud, &app, "lib/a", "fn a() { 1 }").await;
    put(&picloud, &app, "lib/b", "import \"lib/a\" as a; fn b() { a::a() }").await;
    let climbing = "names no script of this app: a script's name is";
    for (name, source, at, message) in [
        ("x", "1;\nimport \"lib/none\" as n;", ":2:8", "there is no script lib/none to import"),
        ("x", "import \"../other/lib/a\" as n;", ":1:8", climbing),
        ("x", "import \"/lib/a\" as n;", ":1:8", climbing),
        ("x", "import \"lib/a\\x00\" as n;", ":1:8", climbing),
        ("x", "import \"http://example.org/a\" as n;", ":1:8", climbing),
        ("x", "let n = \"lib/a\";\nimport n as n;", ":2:8", "by a literal text"),
        ("x", "import \"x\" as x;", ":1:8", "in a circle: x → x"),
        ("lib/a", "\n import \"lib/b\" as b; b::b()", ":2:9", "in a circle: lib/a → lib/b → lib/a"),
        ("x", "import \"lib/a\" as a; let = 1;", ":1:26", ""),
    ] {
        let (status, code, detail) = refused(&picloud, &app, name, source).await;
        assert_eq!((status, code.as_str()), (422, "invalid_script"), "{source}");
        assert_eq!(place(&detail), at, "{source}: {}", detail.message);
        assert!(detail.message.contains(message), "{source}: {}", detail.message);
        let checked =
            picloud.client.check(&app, &script_name(name), &Check { source: source.to_owned() }).await.unwrap();
        assert_eq!(checked.diagnostics[0].message, detail.message);
    }
    assert_eq!(picloud.client.scripts(&app).await.unwrap().len(), 2);

    // Sixty-four, and no more; a mebibyte, and no more.
    let mut source = String::new();
    for n in 0..65 {
        put(&picloud, &app, &format!("many/{n}"), "fn f() { 1 }").await;
        source += &format!("import \"many/{n}\" as m{n};\n");
        if n == 63 {
            put(&picloud, &app, "importer", &source).await;
        }
    }
    let (_, _, detail) = refused(&picloud, &app, "importer", &source).await;
    assert!(detail.message.contains("at most 64 others"), "{}", detail.message);
    let large = format!("fn f() {{ 1 }} // {}", "x".repeat(255 << 10));
    let mut source = String::new();
    for n in 0..5 {
        put(&picloud, &app, &format!("large/{n}"), &large).await;
        source += &format!("import \"large/{n}\" as m{n};\n");
    }
    let (_, _, detail) = refused(&picloud, &app, "importer", &source).await;
    assert!(detail.message.contains("of at most 1048576"), "{}", detail.message);
}

async fn what_would_break_an_importer_is_refused(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    put(&picloud, &app, "lib/a", "export const A = 1;").await;
    put(&picloud, &app, "lib/b", "import \"lib/a\" as a; export const B = a::A + 1;").await;
    put(&picloud, &app, "c", "import \"lib/b\" as b; b::B").await;
    assert_eq!(picloud.text("/shop/c").await, (200, "2".into()));
    for (source, at, message) in [
        ("export const A = kv::get(\"a\");", ":1:22", "while a script is loaded"),
        ("1;\nexport const A = [][5];", ":2:", "c, which imports it, would not load any more"),
        ("export const A = \"x\" - 1;", ":1:", ""),
        ("loop { }", ":1:", "used up its fuel"),
        ("export const A = #{};", "lib/b:1:", "which imports it, would not load any more"),
    ] {
        let (status, code, detail) = refused(&picloud, &app, "lib/a", source).await;
        let at_place = place(&detail);
        assert_eq!((status, code.as_str()), (422, "invalid_script"), "{source}");
        assert!(at_place.starts_with(at), "{source}: {at_place} {}", detail.message);
        assert!(detail.message.contains(message), "{source}: {}", detail.message);
    }
    assert_eq!(picloud.text("/shop/c").await, (200, "2".into()));
    // What nobody imports runs only when it is called.
    put(&picloud, &app, "lib/free", "kv::get(\"a\")").await;
    // A rollback is looked at in the same way.
    put(&picloud, &app, "lib/late", "fn f() { } kv::get(\"a\");").await;
    put(&picloud, &app, "lib/late", "fn f() { 5 }").await;
    put(&picloud, &app, "late", "import \"lib/late\" as l; l::f()").await;
    let back = picloud.client.rollback(&app, &script_name("lib/late"), &Rollback { version: None }).await;
    let Err(picloud_client::Error::Api { status, detail }) = back else { panic!("{back:?}") };
    assert_eq!((status.as_u16(), place(&detail).as_str()), (422, ":1:16"), "{}", detail.message);
    assert_eq!(picloud.text("/shop/late").await, (200, "5".into()));
}

async fn an_error_in_a_library_tells_its_place(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    put(&picloud, &app, "lib/util", "fn broken(x) {\n\n    x.nothing()\n}\nfn spin() {\n  loop { }\n}").await;
    put(&picloud, &app, "broken", "import \"lib/util\" as util;\nutil::broken(1)").await;
    put(&picloud, &app, "spin", "import \"lib/util\" as util;\nutil::spin()").await;
    for (name, at, outcome) in [("broken", "lib/util:3:7", "error"), ("spin", "lib/util:6:", "out_of_fuel")] {
        let run = picloud.invoke(&app, name).await;
        let error = run.summary.error.clone().unwrap();
        let found = format!(
            "{}:{}:{}",
            error.script.unwrap(),
            error.line.unwrap_or_default(),
            error.column.unwrap_or_default()
        );
        assert!(found.starts_with(at), "{name}: {found}");
        assert_eq!(run.summary.outcome, outcome);
        assert!(run.logs.iter().any(|line| line.message.contains(&format!("({found})"))), "{:?}", run.logs);
        assert_eq!(picloud.text(&format!("/shop/{name}")).await.0, 500);
    }
    let (_, _, told) = error_of(picloud.get("/shop/broken").await).await;
    assert_eq!((&told["script"], &told["line"], &told["column"]), (&json!("lib/util"), &json!(3), &json!(7)));
    let debug = UpdateApp { debug: Some(false), ..UpdateApp::default() };
    picloud.client.update_app(&app, &debug).await.unwrap();
    let (_, _, told) = error_of(picloud.get("/shop/broken").await).await;
    assert_eq!(told["script"], json!(null), "who is no developer of it is told nothing: {told}");
}

async fn what_is_imported_stays(backend: Backend) {
    let picloud = TestApp::start(backend).await;
    let app = picloud.create_app("shop").await;
    put(&picloud, &app, "lib/a", "fn a() { 1 }").await;
    put(&picloud, &app, "one", "import \"lib/a\" as a; a::a()").await;
    put(&picloud, &app, "two", "import \"lib/a\" as a; a::a() + 1").await;
    let told = picloud.api("DELETE", "/apps/shop/scripts/lib%2Fa", "").await;
    let (status, code, error) = error_of(told).await;
    assert_eq!((status, code.as_str()), (409, "imported"));
    assert!(error["message"].as_str().unwrap().contains("it is imported by one, two"), "{error}");
    // Uploads of a library and requests that need it, side by side: each has one version or the other.
    let client: Client = picloud.client.clone();
    let uploads = async {
        for n in 0..30 {
            let put = PutScript { source: format!("fn a() {{ {n} }}"), routes: None, topics: None, schedules: None };
            client.put_script(&app, &script_name("lib/a"), &put).await.unwrap();
        }
    };
    let requests = async {
        for _ in 0..120 {
            let (status, text) = picloud.text("/shop/two").await;
            assert_eq!(status, 200, "{text}");
            assert!((1..=30).contains(&text.parse::<i64>().unwrap()), "{text}");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(uploads, requests) }).await.unwrap();
    assert_eq!(picloud.text("/shop/two").await, (200, "30".into()));
    for name in ["one", "two", "lib/a"] {
        picloud.client.delete_script(&app, &script_name(name)).await.unwrap();
    }
}
