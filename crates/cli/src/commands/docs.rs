//! `pic docs`.

use crate::{
    context::Context,
    error::{CommandError, CommandResult},
    exit::Exit,
    output, page,
};
use serde::{Deserialize, Serialize};

/// What the guest documents of itself, as `cargo xtask docs` writes it.
const FUNCTIONS: &str = include_str!("../../../../guest/prebuilt/functions.json");

/// Look up the functions that scripts can call
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A module (kv), a function (kv::set), or a function's name alone (set); all, when absent
    name: Option<String>,
    /// The help of all of pic's own commands instead, as a page in Markdown
    #[arg(long, conflicts_with = "name")]
    commands: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Module {
    /// Nothing for functions that are called by their name alone.
    name: Option<String>,
    doc: String,
    functions: Vec<Function>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Function {
    name: String,
    parameters: Vec<Parameter>,
    returns: String,
    doc: String,
    example: Example,
}

#[derive(Debug, Serialize, Deserialize)]
struct Parameter {
    name: String,
    r#type: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Example {
    source: String,
    value: String,
}

#[expect(clippy::unused_async, reason = "every command is run alike")]
pub(crate) async fn run(Args { name, commands }: Args, context: &mut Context) -> CommandResult {
    if commands {
        output::write(page::render().as_bytes())?;
        return Ok(Exit::Ok);
    }
    let mut modules: Vec<Module> = serde_json::from_str(FUNCTIONS)
        .map_err(|error| CommandError::new(Exit::Failed, format!("the documentation is broken: {error}")))?;
    let Some(name) = name else { return context.output.result(&modules, |modules| overview(modules)) };
    for module in &mut modules {
        let all = module.name.as_deref() == Some(&name);
        let path = module.path();
        module.functions.retain(|function| all || function.name == name || format!("{path}{}", function.name) == name);
    }
    modules.retain(|module| !module.functions.is_empty());
    if modules.is_empty() {
        return Err(CommandError::new(Exit::NotFound, format!("there is no function or module {name}"))
            .hint("`pic docs` lists all; Rhai's own are in its book, https://rhai.rs/book/"));
    }
    context.output.result(&modules, |modules| {
        let entries = modules.iter().flat_map(|module| module.functions.iter().map(|function| entry(module, function)));
        entries.collect::<Vec<_>>().join("\n")
    })
}

impl Module {
    /// What stands before a function's name.
    fn path(&self) -> String {
        self.name.as_ref().map(|name| format!("{name}::")).unwrap_or_default()
    }
}

/// A line for each function.
fn overview(modules: &[Module]) -> String {
    let rows = modules.iter().flat_map(|module| {
        module.functions.iter().map(|function| {
            let parameters: Vec<_> = function.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let first = function.doc.split_once(". ").map_or(function.doc.trim_end_matches('.'), |(first, _)| first);
            vec![format!("{}{}({})", module.path(), function.name, parameters.join(", ")), first.to_owned()]
        })
    });
    output::table(&["FUNCTION", "WHAT IT DOES"], rows)
}

/// All that is known of a function.
fn entry(module: &Module, function: &Function) -> String {
    let parameters = function.parameters.iter().map(|parameter| format!("{}: {}", parameter.name, parameter.r#type));
    let returns = if function.returns == "()" { String::new() } else { format!(" -> {}", function.returns) };
    format!(
        "{}{}({}){returns}\n  {}\n  Example: {}  // {}\n",
        module.path(),
        function.name,
        parameters.collect::<Vec<_>>().join(", "),
        function.doc.replace('\n', "\n  "),
        function.example.source,
        function.example.value
    )
}
