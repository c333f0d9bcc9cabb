//! The page of all functions, in Markdown.

use super::{Function, Module};
use std::fmt::Write as _;

const HEAD: &str = "\
# What a script can call

Made by `cargo xtask docs` from the comments in `guest/src/api/`: change it there. `pic docs` prints the same. How scripts
are written, and what else there is in them, [scripting.md](scripting.md) tells; Rhai's own functions are in
[its book](https://rhai.rs/book/).

`any` is every type. After each example stands what it gives: a test runs them all.
";

pub(super) fn render(modules: &[Module]) -> String {
    let mut page = HEAD.to_owned();
    for module in modules {
        let title = module.name.as_deref().map_or("Without a module".to_owned(), |name| format!("`{name}`"));
        write!(page, "\n## {title}\n\n{}\n", module.doc).expect("a string takes all");
        for function in &module.functions {
            write!(page, "\n{}", entry(module, function)).expect("a string takes all");
        }
    }
    page
}

fn entry(module: &Module, function: &Function) -> String {
    let path = module.name.as_ref().map(|name| format!("{name}::")).unwrap_or_default();
    let parameters = function.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.r#type));
    let parameters = parameters.collect::<Vec<_>>().join(", ");
    let returns = if function.returns == "()" { String::new() } else { format!(" → {}", function.returns) };
    let (name, example) = (&function.name, &function.example);
    format!(
        "### `{path}{name}({parameters})`{returns}\n\n{}\n\n```rhai\n{}  // {}\n```\n",
        function.doc, example.source, example.value
    )
}
