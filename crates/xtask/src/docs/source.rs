//! Reading the guest's modules: their functions, with the comments above them. It takes the form that rustfmt gives
//! these files and the little of Rust that is in their signatures, and stops at anything else.

use super::{Example, Function, Module, Parameter};
use anyhow::{Context, Result, bail, ensure};
use std::{fs, path::Path};

/// What makes a module of a file's functions.
const EXPORTED: &str = "#[export_module]\npub mod ";
/// The module whose functions scripts call by their name alone.
const GLOBAL: &str = "global";
/// What the paragraph of the example begins with.
const EXAMPLE: &str = "Example: ";

/// The modules of all files in a folder: the functions without a module first, then by their name.
pub(super) fn modules(folder: &Path) -> Result<Vec<Module>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let source = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        modules.extend(module(&source).with_context(|| format!("reading {}", path.display()))?);
    }
    modules.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(modules)
}

/// The module that a file makes, if it does.
fn module(source: &str) -> Result<Option<Module>> {
    let Some((head, body)) = source.split_once(EXPORTED) else { return Ok(None) };
    let (name, body) = body.split_once(" {\n").context("no body follows the module's name")?;
    let lines = head.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let doc = lines.collect::<Vec<_>>().join(" ");
    let doc = doc.strip_prefix(&format!("`{name}`: ")).unwrap_or(&doc);
    let name = (name != GLOBAL).then(|| name.to_owned());
    Ok(Some(Module { name, doc: sentence(doc), functions: functions(body)? }))
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

fn functions(body: &str) -> Result<Vec<Function>> {
    let mut functions = Vec::new();
    let (mut doc, mut name) = (String::new(), None);
    let mut lines = body.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text.trim());
            doc.push('\n');
        } else if let Some(attributes) = line.strip_prefix("#[rhai_fn(") {
            name = attributes.strip_prefix("name = \"").and_then(|rest| rest.split('"').next()).map(str::to_owned);
        } else if let Some(first) = line.strip_prefix("pub fn ") {
            let mut signature = first.to_owned();
            while !signature.ends_with('{') {
                signature.push_str(lines.next().context("a signature does not end")?);
            }
            let function = function(name.take(), &signature, &std::mem::take(&mut doc));
            functions.push(function.with_context(|| format!("reading the function {signature}"))?);
        }
    }
    ensure!(!functions.is_empty(), "the module has no function");
    Ok(functions)
}

fn function(name: Option<String>, signature: &str, doc: &str) -> Result<Function> {
    let (rust_name, rest) = signature.split_once('(').context("no parameters follow its name")?;
    let (parameters, returns) = rest.split_once(')').context("its parameters do not end")?;
    let mut typed = Vec::new();
    for parameter in parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty()) {
        let (name, rust) = parameter.split_once(": ").with_context(|| format!("{parameter} has no type"))?;
        if rust != "NativeCallContext" {
            typed.push(Parameter { name: name.to_owned(), r#type: rhai_type(rust)? });
        }
    }
    let returns = returns.trim_end_matches('{').trim().strip_prefix("-> ").unwrap_or("()");
    let returns = returns.strip_prefix("Result<").and_then(|inner| inner.strip_suffix('>')).unwrap_or(returns);
    let paragraphs: Vec<String> = doc.split("\n\n").map(|text| text.trim().replace('\n', " ")).collect();
    let [what @ .., example] = &paragraphs[..] else { bail!("it has no documentation") };
    ensure!(what.iter().any(|text| !text.is_empty()), "nothing says what it does");
    Ok(Function {
        name: name.unwrap_or_else(|| rust_name.to_owned()),
        parameters: typed,
        returns: rhai_type(returns)?,
        doc: what.join("\n\n"),
        example: self::example(example).context("its comment does not end with a line \"Example: `…` → `…`\"")?,
    })
}

fn example(paragraph: &str) -> Option<Example> {
    let quoted = paragraph.strip_prefix(EXAMPLE)?.strip_prefix('`')?.strip_suffix('`')?;
    let (source, value) = quoted.split_once("` → `")?;
    let single = !source.contains('`') && !value.contains('`');
    single.then(|| Example { source: source.to_owned(), value: value.to_owned() })
}

/// What scripts call a type of Rust.
fn rhai_type(rust: &str) -> Result<&'static str> {
    Ok(match rust {
        "()" => "()",
        "Array" => "array",
        "Blob" => "blob",
        "Dynamic" => "any",
        "Map" => "map",
        "HttpResponse" => "http response",
        "Response" => "response",
        "String" | "ImmutableString" | "&str" => "string",
        "bool" => "boolean",
        "f64" => "float",
        "i64" => "integer",
        other => bail!("the type {other} has no name in Rhai: give it one in crates/xtask/src/docs/source.rs"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"//! `kv`: the app's store.
//! For ever.

use x;

#[export_module]
pub mod kv {
    /// Stores a value
    /// for so many seconds.
    ///
    /// Example: `kv::set("k", 1, 60);
    /// kv::get("k")` → `1`
    #[rhai_fn(name = "set", return_raw)]
    pub fn set_with_ttl(
        context: NativeCallContext,
        key: &str,
        value: Dynamic,
        seconds: i64,
    ) -> Result<()> {
        at(&context, || Ok(()))
    }

    /// Never fails.
    ///
    /// Example: `kv::all()` → `[]`
    pub fn all() -> Array {
        Array::new()
    }
}
"#;

    #[test]
    fn functions_are_read_with_their_comments() {
        let module = module(SOURCE).unwrap().unwrap();
        assert_eq!((module.name.as_deref(), module.doc.as_str()), (Some("kv"), "The app's store. For ever."));
        let [set, all] = &module.functions[..] else { panic!("{module:?}") };
        assert_eq!((set.name.as_str(), set.returns), ("set", "()"));
        assert_eq!(set.doc, "Stores a value for so many seconds.");
        let parameters = set.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.r#type));
        assert_eq!(parameters.collect::<Vec<_>>(), [("key", "string"), ("value", "any"), ("seconds", "integer")]);
        let example = Example { source: "kv::set(\"k\", 1, 60); kv::get(\"k\")".into(), value: "1".into() };
        assert_eq!(set.example, example);
        assert_eq!((all.name.as_str(), all.returns, all.parameters.len()), ("all", "array", 0));
    }

    #[test]
    fn what_is_not_documented_is_refused() {
        assert_eq!(module("//! No module.\nfn f() {}\n").unwrap(), None);
        for (without, why) in [
            ("    /// Example: `kv::all()` → `[]`\n", "does not end with a line"),
            ("    /// Never fails.\n", "nothing says what it does"),
            ("Array {", "has no name in Rhai"),
        ] {
            let source = SOURCE.replace(without, if why.ends_with("Rhai") { "Vec<u8> {" } else { "" });
            let error = module(&source).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }
}
