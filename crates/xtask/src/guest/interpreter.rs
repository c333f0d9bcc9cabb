//! The interpreter's sources as the guest uses them: Rhai from the registry, with two small changes.
//!
//! 1. A script that is ended from within (out of fuel, too deep) is told the position of the innermost statement.
//!    Rhai overwrites it with the position of each enclosing call on the way out, so only the outermost was left.
//! 2. A closure may use a constant of a global module (`req`, `event`). Rhai takes any name that a closure does not
//!    define for a variable around it, and fails when there is none.
//!
//! Both are made twice: in the walker of the syntax tree, and in the machine that runs bytecode. The others make that
//! machine say and count what the walker does, and do less:
//!
//! 3. It looks at the fuel in each round of a loop, at the position of its body. Rhai does so before the first round and
//!    then at each jump back and into a `catch`, which have no position: that is for bytecode made elsewhere, which may
//!    jump back without a loop.
//! 4. A call from it to a native function is no level of nesting, and a call back from one is one level, not two.
//! 5. The name of a receiver's type is only asked for where a program has methods for types.
//! 6. Names are checked to be UTF-8 when the table of names is made, not each time that one is read.
//! 7. A closure tells how many arguments it takes, as the walker's do: a native function finds it at once. And where a
//!    native function tries several numbers of arguments (`map` with and without the index), those that a closure does
//!    not take are left out, in both.
//! 8. A method's arguments are moved, where Rhai copied them twice.
//! 9. What natives call back is made ready once by the guest, not for each run.
//!
//! The edits go to a copy below `guest/target`, to which `guest/Cargo.toml` points.

use crate::{command, output, workspace_root};
use anyhow::{Context, Result, ensure};
use std::{fs, path::Path};

struct Edit {
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const EDITS: [Edit; 27] = [
    Edit {
        file: "src/func/script.rs",
        from: "mut err if err.is_system_exception() => {",
        to: "err if err.is_system_exception() && !err.position().is_none() => Err(err.into()),\n\
             mut err if err.is_system_exception() => {",
    },
    Edit {
        file: "src/eval/stmt.rs",
        from: "// Search the scope\n                    let index = index\n",
        to: "if index.is_none() && scope.search(&var.name).is_none()\n\
             && self.global_modules.iter().any(|module| module.contains_var(&var.name)) {\n\
             continue;\n\
             }\n\
             let index = index\n",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "_ if err.is_system_exception() => Err(reposition(err, pos)),",
        to: "_ if err.is_system_exception() && !err.position().is_none() => Err(err),\n\
             _ if err.is_system_exception() => Err(reposition(err, pos)),",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "Some(scope.search(name).ok_or_else(|| missing(name, pos()))?)\n",
        to: "let index = scope.search(name);\n\
             if index.is_none() && self.engine.global_modules.iter().any(|module| module.contains_var(name)) {\n\
             pc += width;\n\
             continue;\n\
             }\n\
             Some(index.ok_or_else(|| missing(name, pos()))?)\n",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "if target <= pc {\n                        self.engine.track_operation(&mut self.global, pos())?;\n                    }\n",
        to: "",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "self.engine\n                            .track_operation(&mut self.global, program.position(resume))?;\n",
        to: "",
    },
    Edit {
        file: "src/eval/eval_context.rs",
        from: "defer! { let orig_level = global.level; global.level += 1 }",
        to: "",
    },
    Edit { file: "src/func/script.rs", from: "let level = global.level;\n", to: "let level = global.level - 1;\n" },
    Edit {
        file: "src/grain/compile/mod.rs",
        from: "self.emit_at(Op::Tick, flow.body.position());\n\n                let top = self.here();\n",
        to: "let top = self.here();\n                self.emit_at(Op::Tick, flow.body.position());\n",
    },
    Edit {
        file: "src/grain/compile/mod.rs",
        from: "Expr::BoolConstant(true, ..));\n\n                self.emit_at(Op::Tick, body.position());\n\n                \
               let top = self.here();\n",
        to: "Expr::BoolConstant(true, ..));\n                let top = self.here();\n                \
             self.emit_at(Op::Tick, body.position());\n",
    },
    Edit {
        file: "src/grain/compile/mod.rs",
        from: "ASTFlags::NEGATED);\n\n                self.emit_at(Op::Tick, body.position());\n\n                \
               let top = self.here();\n",
        to: "ASTFlags::NEGATED);\n                let top = self.here();\n                \
             self.emit_at(Op::Tick, body.position());\n",
    },
    Edit {
        file: "src/grain/program.rs",
        from: "    has_typed_methods: bool,\n",
        to: "    pub(crate) has_typed_methods: bool,\n",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "let typed = self.engine.map_type_name(type_name);",
        to: "let typed = if program.has_typed_methods { self.engine.map_type_name(type_name) } else { \"\" };",
    },
    Edit { file: "src/grain/bytecode/strings.rs", from: "blob: Cow<'a, [u8]>,", to: "blob: Cow<'a, str>," },
    Edit {
        file: "src/grain/bytecode/strings.rs",
        from: "let mut blob = Vec::new();",
        to: "let mut blob = String::new();",
    },
    Edit {
        file: "src/grain/bytecode/strings.rs",
        from: "blob.extend_from_slice(name.as_ref().as_bytes());",
        to: "blob.push_str(name.as_ref());",
    },
    Edit {
        file: "src/grain/bytecode/strings.rs",
        from: "blob: Cow::Borrowed(blob),",
        to: "blob: Cow::Borrowed(core::str::from_utf8(blob).map_err(|_| BadTable::NotUtf8 { at: 0 })?),",
    },
    Edit {
        file: "src/grain/bytecode/strings.rs",
        from: "core::str::from_utf8(self.blob.get(from..to)?).ok()",
        to: "self.blob.get(from..to)",
    },
    Edit { file: "src/grain/bytecode/strings.rs", from: "        &self.blob\n", to: "        self.blob.as_bytes()\n" },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "typ: FnPtrType::Normal,",
        to: "typ: program.functions().iter().find(|function| function.name == index).map_or(FnPtrType::Normal, |function| {\n\
             let num_params = function.params.len();\n\
             FnPtrType::Script { num_params, hash: calc_fn_hash(None, name, num_params) }\n\
             }),",
    },
    Edit {
        file: "src/types/fn_ptr.rs",
        from: "self.call_raw(ctx, this_ptr.as_deref_mut(), args.clone())\n",
        to: "(if matches!(self.typ, FnPtrType::Script { num_params, .. } if self.is_anonymous() && \
             num_params != self.curry.len() + N) {\n\
             Err(ERR::ErrorFunctionNotFound(self.fn_name().to_string(), Position::NONE).into())\n\
             } else {\n\
             self.call_raw(ctx, this_ptr.as_deref_mut(), args.clone())\n\
             })\n",
    },
    Edit { file: "src/grain/vm/callback.rs", from: "pub(crate) fn wrappers(", to: "pub fn wrappers(" },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "pub(crate) use callback::wrappers as callback_wrappers;",
        to: "pub use callback::wrappers as callback_wrappers;",
    },
    Edit {
        file: "src/grain/mod.rs",
        from: "pub(crate) use {program::export_functions_to_module, vm::callback_wrappers};",
        to: "pub(crate) use program::export_functions_to_module;\npub use vm::callback_wrappers;",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "    fn run_with(\n",
        to: "    /// As `eval_with_callbacks`.\n    pub fn run_with(\n",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "[operands_at..operands_at + chain.operands as usize]\n                .iter()\n                .cloned()\n",
        to: "[operands_at..operands_at + chain.operands as usize]\n                .iter_mut()\n                \
             .map(|operand| {\n\
             let mut operand = operand.take();\n\
             if operand.is_read_only() {\n\
             operand.set_access_mode(AccessMode::ReadWrite);\n\
             }\n\
             operand\n\
             })\n",
    },
    Edit {
        file: "src/grain/vm/mod.rs",
        from: "let mut args: FnArgsVec<Dynamic> =\n                    operands[first..first + argc].iter().cloned().collect();\n",
        to: "let mut args: FnArgsVec<Dynamic> =\n                    \
             operands[first..first + argc].iter_mut().map(mem::take).collect();\n",
    },
];

/// Makes `guest/target/rhai`, unless it is there.
pub(crate) fn prepare() -> Result<()> {
    let original = registry_source()?;
    let copy = workspace_root().join("guest/target/rhai");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    copy_dir(&original, &copy)?;
    for Edit { file, from, to } in EDITS {
        let path = copy.join(file);
        let text = fs::read_to_string(&path)?.replace("\r\n", "\n");
        ensure!(text.matches(from).count() == 1, "{file} of rhai is not the one that was edited before");
        fs::write(&path, text.replace(from, to))?;
    }
    Ok(())
}

/// Where cargo keeps the version of Rhai that the workspace names.
fn registry_source() -> Result<std::path::PathBuf> {
    let mut metadata = command("cargo");
    metadata.current_dir(workspace_root()).args(["metadata", "--format-version", "1", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&output(&mut metadata)?)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let rhai = packages.iter().find(|package| package["name"] == "rhai").context("the workspace does not use rhai")?;
    let manifest = rhai["manifest_path"].as_str().context("rhai has no manifest")?;
    Ok(Path::new(manifest).parent().context("rhai has no directory")?.to_owned())
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
