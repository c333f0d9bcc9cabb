//! The helpers that need no platform: published test vectors, and what hostile callers give them. The examples in
//! their documentation run in `crates/picloud/tests/documentation.rs`.

use crate::support::{InMemory, fail, host, load, request, respond, run};
use picloud_abi::invocation::{FailureCode, Outcome, Trigger};
use picloud_shared::limits::Limits;
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use std::{collections::BTreeSet, future::pending};

/// What an expression gives, as JSON; text as it is.
async fn value(source: &str) -> String {
    String::from_utf8(respond(source).await.body.into_vec()).unwrap()
}

async fn assert_values<const N: usize>(cases: [(&str, &str); N]) {
    for (source, expected) in cases {
        assert_eq!(value(source).await, expected, "{source}");
    }
}

/// An error that a script can catch, with the place of the call.
async fn assert_errors<const N: usize>(cases: [(&str, &str); N]) {
    for (call, message) in cases {
        let failure = fail(&format!("let x = 1;\n{call}")).await;
        let told = (failure.code, failure.position.map(|at| at.line), failure.message.contains(message));
        assert_eq!(told, (FailureCode::Error, Some(2), true), "{call}: {failure:?}");
        assert_eq!(value(&format!("try {{ {call}; }} catch {{ return \"caught\" }}")).await, "caught", "{call}");
    }
}

#[tokio::test]
async fn encodings_keep_every_byte() {
    // RFC 4648, 10.
    assert_values([
        (
            "base64::encode(\"\") + base64::encode(\"f\") + base64::encode(\"fo\") + base64::encode(\"foo\")",
            "Zg==Zm8=Zm9v",
        ),
        ("base64::decode(\"Zm9vYg\") == base64::decode(\"Zm9vYg==\")", "true"),
        (
            "let b = blob(); for i in 0..256 { b.push(i); } [base64::decode(base64::encode(b)) == b,
          base64::decode_url(base64::encode_url(b)) == b, hex::decode(hex::encode(b)) == b]",
            "[true,true,true]",
        ),
        ("hex::encode(\"\") + hex::decode(\"\").len()", "0"),
        ("url::decode(url::encode(\"\\x00 +%/?#[]@!$&'()*,;=ä世\"))", "\0 +%/?#[]@!$&'()*,;=ä世"),
        ("url::decode(\"100%\")", "100%"),
        ("url::query(#{})", ""),
        (
            "url::parse_query(url::query(#{ a: \"x&y=z\", b: 1.5, c: true, d: 'q' }))",
            r#"{"a":"x&y=z","b":"1.5","c":"true","d":"q"}"#,
        ),
        (
            "html_escape(\"<script>alert('x') && \\\"y\\\"</script>\")",
            "&lt;script&gt;alert(&#39;x&#39;) &amp;&amp; &quot;y&quot;&lt;/script&gt;",
        ),
        ("html_escape(\"\")", ""),
    ])
    .await;
    assert_errors([
        ("base64::decode(\"a\")", "not valid base64"),
        ("base64::decode(\"Zm9v!\")", "not valid base64"),
        ("base64::decode(\"Zg==\\x00\")", "not valid base64"),
        ("base64::decode(\"SGk_\")", "not valid base64"),
        ("base64::decode_url(\"SGk/\")", "not valid base64"),
        ("base64::encode(1)", "this takes a string or a blob, not i64"),
        ("hex::decode(\"abc\")", "not valid hexadecimal"),
        ("hex::decode(\"zz\")", "not valid hexadecimal"),
        ("hex::decode(\"ää\")", "not valid hexadecimal"),
        ("hex::encode(())", "this takes a string or a blob"),
        ("url::decode(\"%ff\")", "is not UTF-8"),
        ("url::query(#{ a: #{} })", "\"a\" in a query is text, a number or a boolean, not map"),
        ("url::query(#{ a: [[1]] })", "not array"),
    ])
    .await;
}

#[tokio::test]
async fn addresses_are_taken_apart() {
    assert_values([
        (
            "url::parse(\"https://u:p@[::1]:65535/a/b?q=1#f\")",
            r##"{"fragment":"f","host":"[::1]","path":"/a/b","port":65535,"query":"q=1","scheme":"https","userinfo":"u:p"}"##,
        ),
        (
            "url::parse(\"\")",
            r#"{"fragment":null,"host":null,"path":"","port":null,"query":null,"scheme":null,"userinfo":null}"#,
        ),
        ("url::parse(\"mailto:ada@example.com\").path", "ada@example.com"),
        ("url::parse(\"http://a:/\").port ?? \"none\"", "none"),
    ])
    .await;
    assert_errors([
        ("url::parse(\"http://a:65536/\")", "not an address, by its port"),
        ("url::parse(\"http://a b/\")", "not an address"),
        ("url::parse(\"http://ä/\")", "not an address"),
        ("url::parse(\"http://[::1/\")", "not an address"),
        ("url::parse(\"\\x00\")", "not an address"),
    ])
    .await;
}

#[tokio::test]
async fn hashes_are_those_of_the_standards() {
    assert_values([
        // FIPS 180-2, appendix B.
        ("hex::encode(crypto::sha256(\"abc\"))", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("hex::encode(crypto::sha256(blob()))", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        // RFC 4231, test cases 2 and 6.
        (
            "hex::encode(crypto::hmac_sha256(\"Jefe\", \"what do ya want for nothing?\"))",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            "hex::encode(crypto::hmac_sha256(blob(131, 0xaa), \"Test Using Larger Than Block-Size Key - Hash Key First\"))",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        ("hex::encode(crypto::hmac_sha256(\"\", \"\")).len()", "64"),
        (
            "[crypto::equals(\"ab\", \"ab\"), crypto::equals(\"ab\", \"ac\"), crypto::equals(\"ab\", \"abc\"),
              crypto::equals(\"\", blob()), crypto::equals(crypto::sha256(\"a\"), crypto::sha256(\"a\"))]",
            "[true,false,false,true,true]",
        ),
    ])
    .await;
    assert_errors([
        ("crypto::sha256(#{})", "not map"),
        ("crypto::hmac_sha256(1, \"\")", "not i64"),
        ("crypto::equals(\"\", [])", "not array"),
    ])
    .await;
}

#[tokio::test]
async fn identifiers_have_their_version_and_time() {
    // The tests' platform draws sevens, and its clock stands.
    assert_values([
        ("uuid::v4()", "07070707-0707-4707-8707-070707070707"),
        ("uuid::v7()", "018bcfe5-6800-7707-8707-070707070707"),
        ("random::shuffle([])", "[]"),
        ("random::choose([]) ?? \"nothing\"", "nothing"),
        ("let a = [1, 2, 3]; random::shuffle(a); a", "[1,2,3]"),
    ])
    .await;
}

#[tokio::test]
async fn times_are_written_and_read_back() {
    assert_values([
        ("time::format(time::parse(\"2024-02-29T23:59:59.999+02:00\"))", "2024-02-29T21:59:59.999Z"),
        ("time::format(-1)", "1969-12-31T23:59:59.999Z"),
        ("let t = time::parts(-1); [t.year, t.month, t.day, t.hour, t.minute, t.second, t.millisecond, t.weekday, t.day_of_year]",
            "[1969,12,31,23,59,59,999,3,365]"),
        ("time::parse(time::format(1700000000123, \"%d/%b/%Y:%H:%M:%S.%3f %z\"), \"%d/%b/%Y:%H:%M:%S.%f %z\")", "1700000000123"),
        ("time::format(0, \"\")", ""),
        ("time::parse(\"0\", \"%s\")", "0"),
    ])
    .await;
    assert_errors([
        ("time::format(9223372036854775807)", "between the years -9999 and 9999"),
        ("time::format(-9223372036854775807 - 1)", "between the years -9999 and 9999"),
        ("time::parts(400000000000000)", "between the years -9999 and 9999"),
        ("time::format(9223372036854775807, \"%Y\")", "between the years -9999 and 9999"),
        ("time::format(0, \"%\")", "cannot write a time by"),
        ("time::format(0, \"%!\")", "cannot write a time by"),
        ("time::format(0, \"%999999999999Y\")", "cannot write a time by"),
        ("time::parse(\"\")", "not a time of RFC 3339"),
        ("time::parse(\"2023-02-29T00:00:00Z\")", "not a time of RFC 3339"),
        ("time::parse(\"99999-01-01T00:00:00Z\")", "not a time of RFC 3339"),
        ("time::parse(\"2023-01-01T00:00:00Z\\x00\")", "not a time of RFC 3339"),
        ("time::parse(\"24:61\", \"%H:%M\")", "not a time by"),
        ("time::parse(\"12:00\", \"%H:%M\")", "not a time by"),
        ("time::parse(\"99999999999999999999\", \"%s\")", "not a time by"),
    ])
    .await;
}

#[tokio::test]
async fn patterns_find_what_they_say() {
    assert_values([
        ("regex::captures(\"(a)|(?<b>b)\", \"b\")", r#"{"0":"b","1":null,"2":"b","b":"b"}"#),
        ("regex::captures(\"a\", \"b\") ?? \"none\"", "none"),
        ("regex::find(\"\", \"\")", ""),
        ("regex::find_all(\"\", \"ab\")", r#"["","",""]"#),
        ("regex::find_all(\"é.\", \"éaéb\")", r#"["éa","éb"]"#),
        ("regex::split(\"x\", \"\")", r#"[""]"#),
        ("regex::replace_all(\"(?<n>[0-9]+)\", \"1 22\", \"${n}0$$\")", "10$ 220$"),
        ("regex::is_match(\"^\\\\x00$\", \"\\x00\")", "true"),
        // More patterns than are kept.
        ("let n = 0; for i in 0..100 { if regex::is_match(`^${i % 40}$`, (i % 40).to_string()) { n += 1; } } n", "100"),
    ])
    .await;
}

/// What would make other engines compute without end, or take all memory.
#[tokio::test]
async fn hostile_patterns_are_refused_or_linear() {
    assert_errors([
        ("regex::is_match(\"(\", \"\")", "not a regular expression"),
        ("regex::is_match(\"a{100000}\", \"\")", "not a regular expression"),
        ("regex::is_match(\"((a{100}){100}){100}\", \"\")", "not a regular expression"),
        ("let p = \"\"; p.pad(4097, 'a'); regex::is_match(p, \"\")", "at most 4096 bytes, not 4097"),
        ("let p = \"\"; p.pad(2000, '('); regex::is_match(p, \"\")", "not a regular expression"),
        ("let p = \"\"; p.pad(153, \"(a)\"); regex::is_match(p, \"\")", "at most 50 groups"),
        ("regex::is_match(`(?P<n>a)\\1`, \"\")", "not a regular expression"),
        ("regex::is_match(`\\p{L}`, \"\")", "not a regular expression"),
    ])
    .await;
    let catastrophic = |pattern: &str, length: usize| {
        format!("let t = \"\"; t.pad({length}, 'a'); t += \"!\"; regex::is_match(\"{pattern}\", t)")
    };
    for pattern in ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)[0-9]"] {
        let (short, long) = (run(&catastrophic(pattern, 50_000)).await, run(&catastrophic(pattern, 100_000)).await);
        let Outcome::Response(response) = long.outcome else { panic!("{pattern}: {:?}", long.outcome) };
        assert_eq!(response.body.as_slice(), b"false", "{pattern}");
        assert!(long.fuel < short.fuel * 5 / 2, "{pattern}: {} units, {} for twice as much", short.fuel, long.fuel);
    }
    // As large as it gets with the fuel of an invocation, and a text for it.
    let large = "let t = \"\"; t.pad(950, 'a'); regex::is_match(\"^(?:a?){950}a{950}$\", t)";
    assert_eq!(value(large).await, "true");
    // The largest that compiles, and what grows: they end by themselves or at a limit, never by a crash.
    for source in [
        "let t = \"\"; t.pad(100000, 'a'); regex::is_match(\"(?:a?){1000}a{1000}\", t)",
        "let t = \"\"; t.pad(100000, 'a'); regex::replace_all(\"a\", t, t).len()",
        "let t = \"\"; t.pad(1000000, 'a'); regex::find_all(\"\", t).len()",
        "let t = \"\"; t.pad(100000, 'a'); regex::find_all(\".*[^A-Z]|[A-Z]\", t).len()",
        "regex::is_match(\"((((){1000}){1000}){1000}){1000}\", \"\")",
        "let p = \"\"; p.pad(50, \"(\"); p += \"a\"; let q = \"\"; q.pad(50, \")?\"); regex::is_match(p + q, \"a\")",
    ] {
        if let Outcome::Failure(failure) = run(source).await.outcome {
            let bounded = [FailureCode::OutOfFuel, FailureCode::OutOfMemory, FailureCode::Error];
            assert!(bounded.contains(&failure.code), "{source}: {failure:?}");
        }
    }
}

/// Of two texts and a number.
const CALLS: [&str; 27] = [
    "base64::decode(a)",
    "base64::decode_url(a)",
    "base64::encode(a)",
    "hex::decode(a)",
    "url::decode(a)",
    "url::encode(a)",
    "url::parse(a)",
    "url::query(url::parse_query(a))",
    "crypto::hmac_sha256(a, b)",
    "crypto::equals(a, b)",
    "html_escape(a)",
    "json::parse(a)",
    "time::parse(a)",
    "time::parse(a, b)",
    "time::parse(time::format(n, a), a)",
    "time::format(n)",
    "time::format(n, a)",
    "time::parts(n)",
    "regex::is_match(a, b)",
    "regex::find(a, b)",
    "regex::find_all(a, b)",
    "regex::captures(a, b)",
    "regex::replace(a, b, a)",
    "regex::replace_all(a, b, b)",
    "regex::split(a, b)",
    "random::bytes(n % 100)",
    "redirect(a, n % 600)",
];

/// What parsers trip over: patterns of times, regular expressions, addresses, escapes, and characters of every kind.
fn hostile_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        "%[-_0^#:.]{0,3}[0-9]{0,4}[a-zA-Z%]",
        r"[()\[\]{}|*+?\\^$.,:/@#&=<>!-]{1,3}",
        r"\\[a-zA-Z0-9{]",
        r"\(\?[:imsxUP<a-z>-]{1,4}",
        r"\{[0-9]{0,5},?[0-9]{0,5}\}",
        "-?[0-9]{1,20}",
        "[0-9]{4}-(0[1-9]|1[0-3])-([0-2][1-9]|3[01])[Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.][0-9]{1,12})?(Z|[+-][0-2][0-9]:?[0-5][0-9])?",
        "https?://[a-z0-9@:%.]{0,8}(:[0-9]{0,6})?/?",
        "[0-9a-zA-Z+/_=-]{1,8}",
        r"\PC",
        "[\u{0}-\u{20}\u{7f}-\u{a0}]",
    ];
    prop::collection::vec(fragment, 1..6).prop_map(|fragments| fragments.concat())
}

#[tokio::test]
async fn no_input_crashes_a_helper() {
    let attempt = |(number, call)| format!("try {{ {call}; done.push({number}); }} catch {{ }}\n");
    let attempts: String = CALLS.iter().enumerate().map(attempt).collect();
    let source = format!(
        "let given = req.json(); let a = given.a; let b = given.b; let n = given.n; let done = [];\n{attempts}done"
    );
    let image = load(host(), &source).await;
    // The same in each run, so that what fails once fails again.
    let mut runner = TestRunner::deterministic();
    let mut done = BTreeSet::new();
    for _ in 0..5_000 {
        let number = prop_oneof![any::<i64>(), -400_000_000_000_000_i64..400_000_000_000_000, -3_i64..300];
        let (a, b, n) = (hostile_text(), hostile_text(), number).new_tree(&mut runner).unwrap().current();
        let given = serde_json::json!({ "a": a, "b": b, "n": n });
        let mut request = request();
        request.body = given.to_string().into_bytes().into();
        let trigger = Trigger::Http(request);
        let run = host().invoke(&image, &trigger, InMemory::default(), &Limits::default(), pending()).await.unwrap();
        let Outcome::Response(response) = run.outcome else { panic!("{given}: {:?}", run.outcome) };
        done.extend(serde_json::from_slice::<Vec<usize>>(&response.body).unwrap());
    }
    // No call was refused each time but that for a time and a pattern that happen to fit.
    let never: Vec<_> = (0..CALLS.len()).filter(|number| !done.contains(number)).map(|number| CALLS[number]).collect();
    assert_eq!(never, ["time::parse(a, b)"]);
}
