//! A compiled script: as Rhai's bytecode, Grain, where all of it can be lowered to that and means the same, else as its
//! syntax tree. Which one depends on the source alone.

use crate::{api::MODULES, event::Event, imports, request::Req};
use picloud_abi::invocation::{Diagnostic, Program, Runtime};
use rhai::{
    AST, ASTFlags, ASTNode, Dynamic, Engine, EvalAltResult, Expr, FnCallExpr, Module, Scope, Stmt,
    grain::{Compiler, SharedProgram, Vm, callback_wrappers},
};
use std::rc::Rc;

pub enum Script {
    Bytecode {
        program: SharedProgram,
        /// The script's functions as a native function finds them; nothing for a script that makes no function pointers.
        callbacks: Option<Rc<Module>>,
    },
    Tree(AST),
}

impl Script {
    pub fn compile(engine: &mut Engine, program: Program) -> Result<Self, Diagnostic> {
        let known = imports::load(engine, program.imports)?;
        let ast = imports::compile(engine, &known, &program.name, &program.source)?;
        if !means_the_same(&ast) {
            return Ok(Self::Tree(ast));
        }
        let mut program = Compiler::new().compile(&ast);
        // Every statement and every function: a function that is left out would be walked as a tree.
        if program.residual_count() > 0 || program.num_functions() < ast.iter_functions().count() {
            return Ok(Self::Tree(ast));
        }
        // What it is started with is looked up once, for the image, and not by each invocation.
        for known in [Dynamic::from(Req), Dynamic::from(Event)].iter_mut() {
            program.foresee(engine, known);
        }
        let program = program.into_shared();
        let callbacks = program.makes_fn_pointers().then(|| callback_wrappers(engine, &program).into());
        Ok(Self::Bytecode { program, callbacks })
    }

    pub fn runtime(&self) -> Runtime {
        match self {
            Self::Bytecode { .. } => Runtime::Bytecode,
            Self::Tree(_) => Runtime::Tree,
        }
    }

    /// Its name, where parts of it have others: bytecode has no imports.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Bytecode { .. } => None,
            Self::Tree(ast) => ast.source(),
        }
    }

    /// The script's last value.
    pub fn run(&self, engine: &Engine) -> Result<Dynamic, Box<EvalAltResult>> {
        let scope = &mut Scope::new();
        match self {
            Self::Bytecode { program, callbacks } => Vm::new(engine).run_with(program, scope, callbacks.clone()),
            Self::Tree(ast) => engine.eval_ast_with_scope(scope, ast),
        }
    }
}

/// Whether nothing in a script is known to fail differently as bytecode: with another message, or at another place. Not
/// looked for, as it would rule out too much: a value of the wrong type that is put into a blob, a string or a number's
/// bits is told at its target.
fn means_the_same(ast: &AST) -> bool {
    let mut constants = Vec::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Stmt(Stmt::Var(parts, flags, _))) = path.last()
            && flags.contains(ASTFlags::CONSTANT)
        {
            constants.push(parts.0.name.clone());
        }
        true
    });
    ast.walk(&mut |path| match path.last() {
        Some(ASTNode::Stmt(Stmt::Import(..))) => false,
        // The tree's error points at the constant.
        Some(ASTNode::Stmt(Stmt::Assignment(parts))) => {
            root(&parts.1.lhs).is_none_or(|name| !constants.iter().any(|constant| constant == name))
        }
        Some(ASTNode::Stmt(Stmt::FnCall(call, _))) => call_means_the_same(call),
        Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => call_means_the_same(call),
        _ => true,
    })
}

/// The variable of which a part is meant.
fn root(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Dot(parts, ..) | Expr::Index(parts, ..) => match &parts.lhs {
            Expr::Variable(name, ..) => Some(&name.1),
            inner => root(inner),
        },
        _ => None,
    }
}

fn call_means_the_same(call: &FnCallExpr) -> bool {
    match call.name.as_str() {
        // What is called may be no function; the tree's error points at the first argument.
        "call" => false,
        "is_def_fn" if !(2..=3).contains(&call.args.len()) => false,
        // The tree's error of a module that is not there points at its name.
        _ => call.namespace.is_empty() || MODULES.iter().any(|(name, _)| *name == call.namespace.to_string()),
    }
}
