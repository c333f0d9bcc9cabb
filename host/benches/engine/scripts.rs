//! What is measured.

pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) source: String,
    /// Whether its time is spent computing rather than starting.
    pub(crate) cpu_bound: bool,
}

pub(crate) fn all() -> Vec<Script> {
    let kept = |name, source: &str, cpu_bound| Script { name, source: source.to_owned(), cpu_bound };
    vec![
        kept("trivial", include_str!("scripts/trivial.rhai"), false),
        kept("json api", include_str!("scripts/json_api.rhai"), false),
        kept("template", include_str!("scripts/template.rhai"), true),
        kept("strings", include_str!("scripts/strings.rhai"), true),
        kept("maps and sorting", include_str!("scripts/maps_and_sorting.rhai"), true),
        kept("closures", include_str!("scripts/closures.rhai"), true),
        kept("recursion", include_str!("scripts/recursion.rhai"), true),
        kept("loop", include_str!("scripts/loop.rhai"), true),
        kept("sieve", include_str!("scripts/sieve.rhai"), true),
        kept("regex and crypto", include_str!("scripts/regex_and_crypto.rhai"), false),
        Script {
            name: "200 functions",
            source: functions("let y = x * {n}; if y > 100 { y - {n} } else { y + 1 }"),
            cpu_bound: false,
        },
        Script {
            name: "200 with closures",
            source: functions("[x, {n}].map(|v| v + {n}).len + {n}"),
            cpu_bound: false,
        },
        kept("1,000 kv calls", include_str!("scripts/kv.rhai"), false),
    ]
}

/// Two hundred functions, of which one is called.
fn functions(body: &str) -> String {
    let mut source = String::new();
    for n in 0..200 {
        source += &format!("fn function_{n}(x) {{ {} }}\n", body.replace("{n}", &n.to_string()));
    }
    source + "function_117(req.params.name.len)\n"
}
