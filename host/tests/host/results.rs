//! What a script's last value becomes.

use crate::support::{InMemory, fail, host, load, program, respond, run, run_with};
use picloud_abi::{
    invocation::{Event, EventKind, FailureCode, Outcome, Position, Runtime, Trigger},
    topics,
};
use picloud_shared::limits::Limits;
use std::future::pending;

async fn assert_response(source: &str, status: u16, kind: Option<&str>, body: &[u8]) {
    let response = respond(source).await;
    let found = response.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    assert_eq!((response.status, found, response.body.as_slice()), (status, kind, body), "{source}");
}

const TEXT: Option<&str> = Some("text/plain; charset=utf-8");
const JSON: Option<&str> = Some("application/json");

#[tokio::test]
async fn every_kind_of_value_is_a_response() {
    assert_response("\"hi ä\"", 200, TEXT, "hi ä".as_bytes()).await;
    assert_response("'c'", 200, TEXT, b"c").await;
    assert_response("#{b: 1, a: [true, (), 1.5]}", 200, JSON, br#"{"a":[true,null,1.5],"b":1}"#).await;
    assert_response("[1, \"2\"]", 200, JSON, br#"[1,"2"]"#).await;
    assert_response("42", 200, JSON, b"42").await;
    assert_response("1.0", 200, JSON, b"1.0").await;
    assert_response("false", 200, JSON, b"false").await;
    assert_response("0.0/0.0", 200, JSON, b"null").await;
    assert_response("blob(3, 255)", 200, Some("application/octet-stream"), &[255; 3]).await;
    assert_response("()", 204, None, b"").await;
    assert_response("", 204, None, b"").await;
    assert_response("return 7; 8", 200, JSON, b"7").await;
    assert_response("html(\"<p>\")", 200, Some("text/html; charset=utf-8"), b"<p>").await;
    assert_response("respond(201)", 201, None, b"").await;
    assert_response("respond(201, #{id: 1})", 201, JSON, br#"{"id":1}"#).await;
    assert_response("respond(200, \"a,b\", #{\"Content-Type\": \"text/csv\"})", 200, Some("text/csv"), b"a,b").await;
    assert_response("redirect(\"/there\")", 302, None, b"").await;
    assert_response("redirect(\"/there\", 308)", 308, None, b"").await;
}

#[tokio::test]
async fn several_cookies_are_several_headers() {
    let response = respond("respond(200, \"x\", #{\"Set-Cookie\": [\"a=1\", \"b=2; HttpOnly\"]})").await;
    let cookies: Vec<_> = response.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, v)| v).collect();
    assert_eq!(cookies, ["a=1", "b=2; HttpOnly"]);
}

#[tokio::test]
async fn the_request_is_seen_inside_functions() {
    assert_response("fn hi() { req.params.name } hi()", 200, TEXT, b"Ada").await;
    assert_response("[1].map(|x| req.method)", 200, JSON, br#"["POST"]"#).await;
    let all =
        "fn all() { [req.path, req.query.b, req.headers[\"content-type\"], req.cookies.sid, req.cookies.x, req.ip,
        req.user, req.body.len(), req.text().len(), req.json().n[1], req.id.len()] } all()";
    let body = r#"["/greet/Ada","two words","application/json","42","y","192.0.2.7","ada",21,21,2.5,36]"#;
    assert_response(all, 200, JSON, body.as_bytes()).await;
    assert_eq!(fail("\nreq.nothing").await.code, FailureCode::Error);
    assert!(fail("req.form()").await.message.contains("is application/json, not application/x-www-form-urlencoded"));
    assert_eq!(fail("event").await.code, FailureCode::Error);
}

#[tokio::test]
async fn an_event_has_a_payload_and_gives_a_value() {
    let event = Event {
        id: "e1".into(),
        kind: EventKind::Manual,
        payload: r#"{"n": 20}"#.into(),
        attempt: 1,
        topic: None,
        scheduled_at: None,
    };
    let source = "fn twice() { event.payload.n * 2 } #{kind: event.kind, id: event.id, n: twice()}";
    let run = host()
        .invoke(&load(host(), source).await, &Trigger::Event(event), InMemory::default(), &Limits::default(), pending())
        .await;
    assert_eq!(run.unwrap().outcome, Outcome::Value(r#"{"id":"e1","kind":"manual","n":40}"#.into()));
}

#[tokio::test]
async fn events_are_published_with_what_was_given() {
    let source = r#"
        let sent = [topics::publish("a.b", #{n: 1}), topics::publish("c", (), #{key: "k", delay: 2})];
        sent + [event.topic, event.kind, event.scheduled_at]"#;
    let trigger = Event {
        id: "e1".into(),
        kind: EventKind::Topic,
        payload: "1".into(),
        attempt: 2,
        topic: Some("t".into()),
        scheduled_at: None,
    };
    let run = host()
        .invoke(
            &load(host(), source).await,
            &Trigger::Event(trigger),
            InMemory::default(),
            &Limits::default(),
            pending(),
        )
        .await
        .unwrap();
    assert_eq!(run.outcome, Outcome::Value(r#"[2,2,"t","topic",null]"#.into()));
    let event = |topic: &str, payload: &str, key: Option<&str>, delay_ms| topics::Event {
        topic: topic.into(),
        payload: payload.into(),
        key: key.map(Into::into),
        delay_ms,
    };
    assert_eq!(run.platform.events, [event("a.b", r#"{"n":1}"#, None, 0), event("c", "null", Some("k"), 2_000)]);
    assert_eq!(run.calls.iter().map(|call| call.name).collect::<Vec<_>>(), ["topics.publish"; 2]);
}

#[tokio::test]
async fn an_event_of_a_schedule_has_its_time() {
    let trigger = Event {
        id: "e1".into(),
        kind: EventKind::Schedule,
        payload: "null".into(),
        attempt: 1,
        topic: None,
        scheduled_at: Some(1_700_000_000_000),
    };
    let source = "[event.kind, time::format(event.scheduled_at), event.topic, event.payload]";
    let script = load(host(), source).await;
    let run =
        host().invoke(&script, &Trigger::Event(trigger), InMemory::default(), &Limits::default(), pending()).await;
    let seen = r#"["schedule","2023-11-14T22:13:20Z",null,null]"#;
    assert_eq!(run.unwrap().outcome, Outcome::Value(seen.into()));
}

#[tokio::test]
async fn thrown_statuses_and_errors_keep_their_place() {
    let failure = fail("let x = 1;\n  throw #{status: 404, message: \"no such greeting\"};").await;
    assert_eq!((failure.code, failure.status), (FailureCode::Thrown, Some(404)));
    assert_eq!(failure.message, "no such greeting");
    assert_eq!(failure.position, Some(Position { line: 2, column: 3 }));

    let failure = fail("fn f() {\n  missing()\n}\nf()").await;
    assert_eq!((failure.code, failure.position.unwrap().line), (FailureCode::Error, 2));
    assert_eq!(failure.message, "Function not found: missing ()");

    for (source, message) in [
        ("throw \"plain\"", "plain"),
        ("throw #{status: 200}", "#{\"status\": 200}"),
        ("throw #{status: 9999, message: \"m\"}", "m"),
        ("1 / 0", "Division by zero: 1 / 0"),
        ("respond(99)", "a response's status is 200 to 599, not 99"),
        ("respond(200, \"\", #{\"x-y\": \"a\\r\\nb\"})", "response header \"x-y\": a header's value is visible ASCII"),
        (
            "respond(200, \"\", #{\"Content-Length\": 3})",
            "response header \"content-length\": this header is the server's own",
        ),
        ("random::bytes(-1)", "cannot draw -1 random bytes"),
    ] {
        let failure = fail(source).await;
        assert_eq!(
            (failure.code, failure.message.contains(message)),
            (FailureCode::Error, true),
            "{source}: {failure:?}"
        );
        assert!(failure.position.is_some(), "{source}");
    }
}

#[tokio::test]
async fn a_program_is_loaded_without_being_run() {
    let load =
        async |source: &str| host().load(&program(source)).await.expect("the host works").map(|image| image.runtime());
    assert_eq!(load("log::info(1); loop {}").await, Ok(Runtime::Bytecode));
    let diagnostic = load("let a = 1;\nlet b = ;").await.unwrap_err();
    assert_eq!(diagnostic.position, Some(Position { line: 2, column: 9 }));
    for source in ["eval(\"1\")", "let x = \"\\q\";", "fn f( {}", "}", "\0", "let é = 1", &"(".repeat(10_000)] {
        let diagnostic = load(source).await.expect_err(source);
        assert!(!diagnostic.message.is_empty());
    }
}

#[tokio::test]
async fn calls_reach_the_platform() {
    let run = run(r#"
        print("printed"); debug(1); log::warn(#{a: 1});
        kv::set("k", [1, #{x: "y"}]); kv::set("b", blob(2, 9)); kv::set("t", 1, 60);
        [kv::get("k")[1].x, kv::get("b").len(), kv::get("none"), kv::list("k"), kv::delete("k"), kv::delete("k"),
         kv::incr("n"), kv::incr("n", 5), kv::compare_and_set("c", (), 1), time::now(), random::hex(2), json::parse("[1]")[0]]
    "#)
    .await;
    let Outcome::Response(response) = run.outcome else { panic!("{:?}", run.outcome) };
    let body = r#"["y",2,null,["k"],true,false,1,5,false,1700000000000,"0707",1]"#;
    assert_eq!(std::str::from_utf8(&response.body).unwrap(), body);
    assert_eq!(run.platform.messages(), ["printed", "1 @ 2:27", "#{\"a\": 1}"]);
    assert_eq!(run.calls.len(), 12);
    assert_eq!(run.calls[0].name, "kv.set");
}

#[tokio::test]
async fn fields_of_a_line_are_json_beside_its_text() {
    let run = run(r#"
        log::info("paid", #{order: 7, total: 12.5, to: ["a", ()]}); log::debug(1, #{}); log::warn("w", #{"ä b": blob(1)});
        let deep = 1; for i in 0..200 { deep = [deep]; } log::error("deep", #{deep: deep});
        let long = ""; long.pad(70_000, 'x'); log::info("long", #{long: long}); log::info("none"); 1
    "#)
    .await;
    let lines: Vec<_> = run.platform.logs.iter().map(|line| (line.message.as_str(), line.fields.as_deref())).collect();
    let [paid, empty, warning, deep, long, none] = lines[..] else { panic!("{:?}", run.outcome) };
    assert_eq!(paid, ("paid", Some(r#"{"order":7,"to":["a",null],"total":12.5}"#)));
    assert_eq!(empty, ("1", Some("{}")));
    assert_eq!(warning, ("w", Some(r#"{"ä b":[0]}"#)));
    assert_eq!(deep, ("deep", Some(r#"{"fields":"no JSON can be made of them"}"#)));
    assert_eq!((long, none), (("long", None), ("none", None)));
}

#[tokio::test]
async fn settings_and_files_reach_the_platform() {
    let run = run(r#"
        files::write("a/b", "text"); files::write("c", blob(2, 9));
        [vars::get("none"), vars::get("none", 7), secrets::get("none"), secrets::get("none", "x"),
         files::read("a/b").as_string(), files::read("c").len(), files::read("none"), files::list("a"),
         files::info("c").size, files::info("none"), files::exists("c"), files::delete("c"), files::delete("c")]
    "#)
    .await;
    let Outcome::Response(response) = run.outcome else { panic!("{:?}", run.outcome) };
    let body = r#"[null,7,null,"x","text",2,null,["a/b"],2,null,true,true,false]"#;
    assert_eq!(std::str::from_utf8(&response.body).unwrap(), body);
    let names: Vec<_> = run.calls.iter().map(|call| call.name).collect();
    assert_eq!(names[..4], ["files.write", "files.write", "vars.get", "vars.get"]);
    assert_eq!((run.calls.len(), names[10]), (15, "files.info"));
    let failure = fail("\nfiles::write(\"a\", 1)").await;
    assert!(failure.message.contains("a blob or a string, not i64"), "{}", failure.message);
}

#[tokio::test]
async fn requests_to_other_servers_are_what_the_script_says() {
    for (source, body) in [
        ("http::get(\"http://a/\").text()", "GET http://a/ [] None None None"),
        ("http::post(\"u\", \"x\").text()", "POST u [content-type: text/plain; charset=utf-8] Some(\"x\") None None"),
        ("http::post(\"u\", [1]).text()", "POST u [content-type: application/json] Some(\"[1]\") None None"),
        (
            "http::post(\"u\", blob(1, 65)).text()",
            "POST u [content-type: application/octet-stream] Some(\"A\") None None",
        ),
        (
            "http::request(#{url: \"u\", method: \"put\", body: #{a: 1}, headers: #{\"Content-Type\": \"a/b\", x: [1, 2]}, \
             timeout_ms: 9, redirects: 0}).text()",
            "PUT u [content-type: a/b; x: 1; x: 2] Some(\"{\\\"a\\\":1}\") Some(9) Some(0)",
        ),
    ] {
        assert_response(source, 200, TEXT, body.as_bytes()).await;
    }
    let parts = "let r = http::get(\"u\"); [r.status, r.headers, r.body.len(), r.url]";
    assert_response(parts, 200, JSON, br#"[201,{"set-cookie":["a","b","c"]},23,"u"]"#).await;
    for (source, told) in [
        ("http::get(\"u\").json()", "not valid JSON"),
        ("http::request(#{})", "needs its url"),
        ("http::request(#{url: 1})", "\"url\" of a request is a string"),
        ("http::request(#{url: \"u\", timeout_ms: -1})", "\"timeout_ms\" of a request cannot be -1"),
        ("http::request(#{url: \"u\", timeout: 1})", "a request has no \"timeout\""),
    ] {
        let failure = fail(source).await;
        assert!(failure.message.contains(told) && failure.position.is_some(), "{source}: {failure:?}");
    }
    let limits = Limits { http_calls: 2, ..Limits::default() };
    let run = run_with("http::get(\"u\"); http::post(\"u\", 1); http::get(\"u\")", &limits).await;
    let Outcome::Failure(failure) = run.outcome else { panic!() };
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (FailureCode::Quota, "an invocation may send HTTP requests 2 times")
    );
    assert_eq!(run.calls.iter().map(|call| call.name).collect::<Vec<_>>(), ["http.get", "http.post"]);
}

#[tokio::test]
async fn random_numbers_stay_in_their_range() {
    let source =
        "[random::int(3, 3), random::int(-9223372036854775807 - 1, 9223372036854775807), random::float() < 1.0]";
    let response = respond(source).await;
    assert!(response.body.starts_with(b"[3,"));
    assert_eq!(fail("random::int(2, 1)").await.code, FailureCode::Error);
}

#[tokio::test]
async fn what_would_crash_rhai_is_an_error_or_works() {
    assert_response(
        "let a = []; for i in 0..400 { a.push((i * 7919) % 401); } a.sort(|x, y| 1); a.len",
        200,
        JSON,
        b"400",
    )
    .await;
    let inconsistent =
        "let n = 0; let a = []; for i in 0..400 { a.push(i); } a.sort(|x, y| { n += 7; n % 3 - 1 }); a.len";
    assert_response(inconsistent, 200, JSON, b"400").await;
    assert_response("let a = [2.0, 0.0 / 0.0, 1.0]; a.sort(); [a[0], a[1]]", 200, JSON, b"[1.0,2.0]").await;
    assert_response("let a = [3, 1, 2]; [a.order(), a.order_desc(), a]", 200, JSON, b"[[1,2,3],[3,2,1],[3,1,2]]").await;
    assert_response(
        "let a = [[1, 'b'], [1, 'a'], [0, 'c']]; a.sort(|x, y| x[0] < y[0]); a",
        200,
        JSON,
        br#"[[0,"c"],[1,"b"],[1,"a"]]"#,
    )
    .await;
    assert_eq!(fail("[1, \"2\"].sort()").await.message, "elements of different types cannot be sorted");
    assert_eq!(fail("[2, 1].sort(|a, b| a.nothing)").await.code, FailureCode::Error);
    for source in ["M.a = 2", "M[\"a\"] += 1", "M?.a += 1", "M.a.b = 3"] {
        let failure = fail(&format!("const M = #{{a: 1}};\n{source}")).await;
        assert_eq!((failure.code, failure.position.map(|at| at.line)), (FailureCode::Error, Some(2)), "{failure:?}");
    }
    for source in ["sleep(5)", "sleep(0.1)"] {
        assert!(fail(source).await.message.starts_with("a script cannot sleep"));
    }
    let deep = |levels: usize| {
        format!("let a = 1; for i in 0..{levels} {{ a = [a]; }} kv::set(\"a\", a); type_of(kv::get(\"a\"))")
    };
    assert_response(&deep(127), 200, TEXT, b"array").await;
    assert!(fail(&deep(128)).await.message.contains("more than 127 levels"));
}

#[tokio::test]
async fn what_an_invocation_leaves_is_bounded() {
    let failure = fail("let s = \"x\"; s.pad(100000, \"x\"); throw s").await;
    assert_eq!(failure.message.len(), 4 << 10);
    let failure = fail("let s = \"x\"; s.pad(100000, \"x\"); throw #{status: 400, message: s}").await;
    assert_eq!((failure.status, failure.message.len()), (Some(400), 4 << 10));
    let failure = fail("let s = \"x\"; s.pad(20000, \"x\"); respond(200, (), #{\"x-a\": s})").await;
    assert!(failure.message.contains("headers"), "{failure:?}");
    let many = "let h = #{}; for i in 0..101 { h[\"x-\" + i] = \"\"; } respond(200, (), h)";
    assert!(fail(many).await.message.contains("at most 100 headers"));
}

#[tokio::test]
async fn bytes_cross_as_one_piece() {
    let small = run("blob(1).len()").await.fuel;
    let large = run("blob(4000000)").await;
    let Outcome::Response(response) = large.outcome else { panic!() };
    assert_eq!(response.body.len(), 4_000_000);
    assert!(large.fuel - small < 12_000_000, "{} units for 4,000,000 bytes", large.fuel - small);
}
