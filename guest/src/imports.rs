//! Imports: those that a source has, and the modules that answer them. All modules are made while a program is loaded, in the
//! order in which the host gives them; at run time an import only finds one.

use crate::failure;
use picloud_abi::invocation::{Diagnostic, ImportStatement, Library};
use rhai::{AST, ASTNode, Engine, Expr, Module, Scope, Stmt, module_resolvers::StaticModuleResolver};

/// What is said of an import of anything else.
const NOT_LITERAL: &str = "an import names its script by a literal text: import \"lib/name\" as name";

/// The imports of a source that compiles, in no particular order.
pub fn of(engine: &Engine, source: &str) -> Result<Vec<ImportStatement>, Diagnostic> {
    let ast = engine.compile(source).map_err(|error| failure::diagnostic(&error))?;
    statements(&ast)
}

fn statements(ast: &AST) -> Result<Vec<ImportStatement>, Diagnostic> {
    let (mut found, mut computed) = (Vec::new(), None);
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Import(import, _))) = path.last() {
            match &import.0 {
                Expr::StringConstant(text, position) => {
                    found.push(ImportStatement { path: text.to_string(), position: failure::position(*position) });
                }
                other => computed = Some(other.start_position()),
            }
        }
        computed.is_none()
    });
    match computed {
        None => Ok(found),
        Some(place) => {
            Err(Diagnostic { message: NOT_LITERAL.into(), script: None, position: failure::position(place) })
        }
    }
}

/// Compiles a source whose imports are all among those known.
pub fn compile(engine: &Engine, known: &StaticModuleResolver, name: &str, source: &str) -> Result<AST, Diagnostic> {
    let mut ast = engine.compile(source).map_err(|error| failure::diagnostic(&error))?;
    if let Some(ImportStatement { path, position }) =
        statements(&ast)?.into_iter().find(|import| !known.contains_path(&import.path))
    {
        return Err(Diagnostic { message: format!("there is no script {path} to import"), script: None, position });
    }
    ast.set_source(name);
    Ok(ast)
}

/// Makes a module of each library by running what stands outside its functions, and has imports answered with them.
pub fn load(engine: &mut Engine, libraries: Vec<Library>) -> Result<StaticModuleResolver, Diagnostic> {
    let mut known = StaticModuleResolver::new();
    for Library { name, source } in libraries {
        let module = module(engine, &known, &name, &source).map_err(|diagnostic| Diagnostic {
            script: diagnostic.script.or_else(|| Some(name.clone())),
            ..diagnostic
        })?;
        known.insert(name, module);
        // For those that come after it.
        engine.set_module_resolver(known.clone());
    }
    Ok(known)
}

fn module(engine: &Engine, known: &StaticModuleResolver, name: &str, source: &str) -> Result<Module, Diagnostic> {
    let ast = compile(engine, known, name, source)?;
    Module::eval_ast_as_new(Scope::new(), &ast, engine).map_err(|error| {
        let failure = failure::from_error(&error, Some(name));
        Diagnostic { message: failure.message, script: failure.script, position: failure.position }
    })
}
