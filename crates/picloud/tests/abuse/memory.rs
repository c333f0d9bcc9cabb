//! Scripts that want more memory than there is for them.

use super::Case;
use crate::support::error_of;
use picloud_shared::{api::SetSecret, limit_rules::LimitName};
use serde_json::json;

/// Each doubles what it has until there is no more.
const DOUBLING: [(&str, &str); 5] = [
    ("strings", "let s = \"x\";\nloop { s += s; }"),
    ("arrays", "let a = [0];\nloop { a += a; }"),
    ("maps", "let m = #{a: 1};\nloop { m = #{l: m, r: m}; }"),
    ("blobs", "let b = blob(1, 7);\nloop { b += b; }"),
    ("texts", "let s = \"x\";\nloop { s = `${s}${s}`; }"),
];

#[tokio::test]
async fn doubling_ends_out_of_memory() {
    let case = Case::start().await;
    for (name, source) in DOUBLING {
        case.put(name, source).await;
    }
    // Again in slots that others have filled.
    for _ in 0..3 {
        for (name, _) in DOUBLING {
            case.fails(name, (500, "out_of_memory", None)).await;
        }
    }
    case.ends_well().await;
}

#[tokio::test]
async fn growth_ends_at_the_apps_own_cap() {
    let case = Case::start().await;
    case.put("at-once", "blob(req.query.bytes.parse_int()).len()").await;
    case.put(
        "in-steps",
        "let a = []; for i in 0..req.query.bytes.parse_int() / 1000000 { a.push(blob(1000000)); } a.len()",
    )
    .await;
    case.put("absurd", "blob(9223372036854775807)").await;
    let small = async |name: &str| case.picloud.text(&format!("/bad/{name}?bytes=4000000")).await.0;
    for name in ["at-once", "in-steps"] {
        assert_eq!(small(name).await, 200, "{name}");
        assert_eq!(case.picloud.text(&format!("/bad/{name}?bytes=12000000")).await.0, 200, "{name}");
        case.fails(&format!("{name}?bytes=40000000"), (500, "out_of_memory", None)).await;
    }
    case.fails("absurd", (500, "out_of_memory", None)).await;
    case.set([(LimitName::MemoryBytes, 10 << 20)]).await;
    for name in ["at-once", "in-steps"] {
        case.fails(&format!("{name}?bytes=12000000"), (500, "out_of_memory", None)).await;
        assert_eq!(small(name).await, 200, "{name}");
    }
    case.ends_well().await;
}

/// As many of these lines as a source may hold.
fn full_source(line: impl Fn(usize) -> String) -> String {
    let mut source = String::new();
    for number in 0.. {
        let line = line(number);
        if source.len() + line.len() > 256 << 10 {
            break;
        }
        source.push_str(&line);
    }
    source
}

#[tokio::test]
async fn a_hundred_thousand_names_are_refused_or_run() {
    let case = Case::start().await;
    let put = async |name: &str, source: String| {
        let body = json!({"source": source}).to_string();
        case.picloud.api("PUT", &format!("/apps/bad/scripts/{name}"), body).await
    };
    let many = |line: fn(usize) -> String| (0..100_000).fold(String::new(), |source, number| source + &line(number));
    let variable = |number: usize| format!("let v{number}=0;\n");
    let function = |number: usize| format!("fn f{number}(){{}}\n");
    for (name, source) in [("variables", many(variable)), ("functions", many(function))] {
        let (status, code, _) = error_of(put(name, source).await).await;
        assert_eq!((status, code.as_str()), (413, "source_too_large"), "{name}");
    }
    // As many as fit: the server says at upload that it is too much, or runs it.
    for (name, source) in [("variables", full_source(variable)), ("functions", full_source(function))] {
        let response = put(name, source).await;
        if response.status() == 422 {
            error_of(response).await;
            continue;
        }
        assert_eq!(response.status(), 201, "{name}");
        let outcome = case.picloud.invoke(&case.bad, name).await.summary.outcome;
        assert!(["ok", "out_of_fuel", "out_of_memory"].contains(&outcome.as_str()), "{name}: {outcome}");
    }
    // Made while it runs, there is no bound but fuel and memory.
    case.put("keys", "let m = #{}; for i in 0..100000 { m[`k${i}`] = i; } m.len()").await;
    case.put("closures", "let fs = []; for i in 0..100000 { fs.push(|x| x + i); } fs.len()").await;
    for name in ["keys", "closures"] {
        let run = case.picloud.invoke(&case.bad, name).await.summary;
        assert!(["ok", "out_of_fuel", "out_of_memory"].contains(&run.outcome.as_str()), "{name}: {run:?}");
    }
    case.ends_well().await;
}

/// Whoever chooses names chooses what stands in a log instead of values: each of these holds the next one's value sixteen
/// times, and what replaces one would be replaced again, without fuel.
#[tokio::test]
async fn names_that_hold_values_make_no_bomb() {
    let case = Case::start().await;
    let values = ["aaaa", "bbbb", "cccc", "dddd", "eeee", "ffff", "gggg"];
    let names = values[1..].iter().map(|next| next.repeat(16)).chain(["last".to_owned()]);
    let mut source = String::new();
    for (name, value) in names.zip(values) {
        let secret = SetSecret { value: value.into() };
        case.picloud.client.set_secret(&case.bad, &name.parse().unwrap(), &secret).await.unwrap();
        source += &format!("secrets::get(\"{name}\");\n");
    }
    source += "let s = \"\"; s.pad(20000, 'a');
        log::info(\"one\", #{ it: s.sub_string(0, 8) });
        log::info(\"all\", #{ it: s, its: [s, #{ other: s }] });
        log::info(s);
        throw s;";
    case.put("bomb", &source).await;
    let told = format!("[secret {}]", "bbbb".repeat(16));
    for _ in 0..4 {
        let run = case.picloud.invoke(&case.bad, "bomb").await;
        let [one, all, long, failed] = run.logs.as_slice() else { panic!("{} lines", run.logs.len()) };
        assert_eq!(one.fields["it"], told.repeat(2));
        assert!(all.fields.is_empty(), "{all:?}");
        for (line, most) in [(long, 64 << 10), (failed, 5 << 10)] {
            assert!(line.message.starts_with(&told.repeat(10)), "{}", line.message);
            assert!(line.message.len() <= most, "{} bytes", line.message.len());
        }
    }
    case.ends_well().await;
}
