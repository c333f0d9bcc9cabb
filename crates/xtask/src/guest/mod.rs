//! `cargo xtask guest`: builds the guest, pre-initialises it, and keeps it in `guest/prebuilt/` with a record of what
//! it was made from. A machine without a wasm toolchain uses the kept one; a check refuses a stale one.

mod interpreter;
mod toolchain;

use crate::{
    command,
    sources::{hash, sha256},
    workspace_root,
};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::fs;
use toolchain::Toolchain;

/// Everything that the guest's bytes depend on besides the compiler.
const SOURCES: [&str; 12] = [
    "wit",
    "crates/abi/Cargo.toml",
    "crates/abi/src",
    "crates/metering",
    "guest/.cargo",
    "guest/Cargo.lock",
    "guest/Cargo.toml",
    "guest/patches",
    "guest/src",
    "host/examples/preinitialise.rs",
    "crates/xtask/src/guest/interpreter.rs",
    "crates/xtask/src/guest/toolchain.rs",
];

const WASM: &str = "guest/prebuilt/guest.wasm";
const RECORD: &str = "guest/prebuilt/record.json";

/// What the kept guest was made from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// SHA-256 over the paths and contents of all sources.
    sources: String,
    /// `rustc --version` of the compiler.
    compiler: String,
    /// SHA-256 of the kept module.
    wasm: String,
}

/// Builds the guest and replaces the kept one.
pub(crate) fn build() -> Result<()> {
    let root = workspace_root();
    let toolchain = Toolchain::find()?;
    let wasm = compile(&toolchain)?;
    let record = Record { sources: hash(&SOURCES)?, compiler: toolchain.compiler.clone(), wasm: sha256(&wasm) };
    fs::create_dir_all(root.join("guest/prebuilt"))?;
    fs::write(root.join(WASM), &wasm)?;
    fs::write(root.join(RECORD), serde_json::to_string_pretty(&record)? + "\n")?;
    eprintln!("{WASM}: {} bytes, made by {}", wasm.len(), record.compiler);
    Ok(())
}

/// Fails when the kept guest was made from other sources than those that are here; where the recorded compiler is
/// installed, also when building it again gives other bytes.
pub(crate) fn check() -> Result<()> {
    let root = workspace_root();
    let record: Record = serde_json::from_slice(&fs::read(root.join(RECORD)).context(RECORD)?).context(RECORD)?;
    let kept = fs::read(root.join(WASM)).context(WASM)?;
    ensure!(record.wasm == sha256(&kept), "{WASM} is not the module that {RECORD} describes: run `cargo xtask guest`");
    ensure!(record.sources == hash(&SOURCES)?, "{WASM} was made from other sources: run `cargo xtask guest`");
    match Toolchain::find() {
        Ok(toolchain) if toolchain.compiler == record.compiler => {
            let rebuilt = sha256(&compile(&toolchain)?);
            ensure!(rebuilt == record.wasm, "building the guest again gives other bytes than {WASM}: {rebuilt}");
            eprintln!("guest: sources and record agree, and building it again gives the same bytes");
        }
        Ok(toolchain) => eprintln!("guest: sources and record agree; {} is not what made it", toolchain.compiler),
        Err(_) => eprintln!("guest: sources and record agree; there is no wasm toolchain here to build it again"),
    }
    Ok(())
}

fn compile(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let root = workspace_root();
    interpreter::prepare()?;
    let mut cargo = command("cargo");
    cargo.current_dir(root.join("guest")).args(["build", "--release", "--locked"]);
    toolchain.apply(&mut cargo);
    crate::run(&mut cargo).context("compiling the guest")?;
    let compiled = root.join("guest/target/wasm32-unknown-unknown/release/picloud_guest.wasm");
    let initialised = root.join("guest/target/guest.wasm");
    // Of the whole workspace, so that wasmtime is compiled with the features that the tests need, and only once.
    let mut example = command("cargo");
    example.current_dir(&root).args(["build", "--quiet", "--locked", "--workspace", "--example", "preinitialise"]);
    crate::run(&mut example).context("compiling the pre-initialiser")?;
    let mut preinitialise = command(&root.join("target/debug/examples/preinitialise").to_string_lossy());
    crate::run(preinitialise.args([&compiled, &initialised])).context("pre-initialising the guest")?;
    Ok(fs::read(initialised)?)
}
