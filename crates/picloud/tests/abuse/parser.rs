//! Sources that are made to break whoever parses them: nested without end, huge, with bytes that are none of a script's,
//! and imports that lead elsewhere.

use super::Case;
use crate::support::error_of;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

impl Case {
    /// Uploads a source to the app `bad`: status, code and the whole error.
    async fn upload(&self, source: &str) -> (u16, String, Value) {
        let begun = Instant::now();
        let body = json!({ "source": source }).to_string();
        let answer = self.picloud.api("PUT", "/apps/bad/scripts/parsed", body).await;
        let told = if answer.status().is_success() {
            (answer.status().as_u16(), String::new(), Value::Null)
        } else {
            error_of(answer).await
        };
        assert!(begun.elapsed() < Duration::from_secs(30), "an upload took {:?}", begun.elapsed());
        told
    }
}

#[tokio::test]
async fn nesting_without_end_is_refused() {
    let case = Case::start().await;
    let many = |text: &str, n: usize| text.repeat(n);
    for source in [
        many("(", 10_000) + "1" + &many(")", 10_000),
        many("{", 10_000) + &many("}", 10_000),
        many("[", 10_000) + &many("]", 10_000),
        many("#{a:", 10_000) + "1" + &many("}", 10_000),
        many("if true {", 10_000) + &many("}", 10_000),
        many("!", 10_000) + "true",
        many("-", 10_000) + "1",
        "1".to_owned() + &many(" + (1", 10_000) + &many(")", 10_000),
        many("fn f() {", 10_000) + &many("}", 10_000),
        many("|x| ", 10_000) + "x",
        "`".to_owned() + &many("${`", 10_000) + &many("`}", 10_000) + "`",
        "a".to_owned() + &many("[a", 10_000) + &many("]", 10_000),
        "a".to_owned() + &many(".a()", 10_000),
        many("switch 1 { 1 => ", 5_000) + "1" + &many("}", 5_000),
    ] {
        let (status, code, error) = case.upload(&source).await;
        assert_eq!((status, code.as_str()), (422, "invalid_script"), "{}…: {error}", &source[..20]);
        assert!(error["line"].is_u64() || error["message"].as_str().is_some_and(|told| !told.is_empty()), "{error}");
    }
    case.ends_well().await;
}

#[tokio::test]
async fn what_is_huge_is_refused() {
    let case = Case::start().await;
    assert_eq!(case.upload(&"x".repeat(10 << 20)).await.0, 413);
    // In as few bytes as there may be: more elements than a literal may have, and than memory holds.
    for source in [
        format!("[{}]", "1,".repeat(130_000)),
        format!("#{{{}}}", (0..20_000).map(|n| format!("k{n}:1,")).collect::<String>()),
        format!("let x = 0; {}", "x+=1;".repeat(50_000)),
        format!("fn f({}) {{}}", (0..30_000).map(|n| format!("a{n},")).collect::<String>()),
        format!("f({})", "1,".repeat(130_000)),
        "let ".to_owned() + &"a".repeat(250_000) + " = 1;",
        "\"".to_owned() + &"\\u0041".repeat(40_000) + "\"",
        "/*".repeat(100_000),
        "1".repeat(250_000),
    ] {
        let (status, code, error) = case.upload(&source).await;
        assert!(
            status < 300 || status == 422 && ["invalid_script", "image_too_large"].contains(&code.as_str()),
            "{}…: {status} {error}",
            &source[..20]
        );
    }
    // A million elements fit into no source; made when it runs, they are memory.
    case.put("million", "let a = []; for i in 0..1000000 { a += [i, \"element\" + i]; } a.len()").await;
    case.set([(picloud_shared::limit_rules::LimitName::Fuel, 10_000_000_000)]).await;
    case.fails("million", (500, "out_of_memory", None)).await;
    case.ends_well().await;
}

#[tokio::test]
async fn odd_bytes_are_text_or_refused() {
    let case = Case::start().await;
    for (source, status) in [
        ("\"a\0b\".len()", 201),
        ("// \u{202e} is turned round\n1", 200),
        ("\"\u{202e}\u{2066}\u{feff}\".len()", 200),
        ("let \u{202e}x = 1;", 422),
        ("\0", 422),
        ("\u{feff}1", 422),
        ("let \u{0430} = 1; \u{0430}", 422),
        ("\u{1b}[31m", 422),
    ] {
        let (found, _, error) = case.upload(source).await;
        assert_eq!(found, status, "{source:?}: {error}");
    }
    // What is no UTF-8 is no JSON, and what JSON escapes by halves is no text.
    for body in [&b"{\"source\": \"\xff\xfe\"}"[..], b"{\"source\": \"\xc3\x28\"}", b"{\"source\": \"\\ud800\"}"] {
        let answer = case.picloud.api("PUT", "/apps/bad/scripts/parsed", body.to_vec()).await;
        assert!([400, 422].contains(&answer.status().as_u16()), "{body:?}: {}", answer.status());
    }
    case.ends_well().await;
}

#[tokio::test]
async fn nothing_leads_out_of_the_app() {
    let case = Case::start().await;
    case.picloud.put(&"good".parse().unwrap(), "lib/secret", "fn secret() { 42 }", &[]).await;
    for source in [
        "import \"../good/lib/secret\" as s; s::secret()",
        "import \"good/lib/secret\" as s; s::secret()",
        "import \"lib/secret\" as s; s::secret()",
        "import \"/etc/passwd\" as s; 1",
        "import \"lib/\\0\" as s; 1",
        "import \"lib/./secret\" as s; 1",
        "import \"lib%2Fsecret\" as s; 1",
        "import \"\" as s; 1",
        "import \"parsed\" as s; 1",
        "let path = \"lib/secret\"; import path as s; 1",
        "eval(\"1\")",
        "let f = Fn(\"eval\"); f.call(\"1\")",
    ] {
        let (status, code, error) = case.upload(source).await;
        if status < 300 {
            // What is only known when it is called.
            case.fails("parsed", (500, "error", Some(1))).await;
        } else {
            assert_eq!((status, code.as_str()), (422, "invalid_script"), "{source}: {error}");
        }
    }
    case.ends_well().await;
}
