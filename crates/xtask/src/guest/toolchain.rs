//! Finding what can compile the guest: rustup's wasm target, or Debian's `rustc-web` with the standard library's
//! sources.

use crate::{command, output, workspace_root};
use anyhow::{Context, Result, bail};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const TARGET: &str = "wasm32-unknown-unknown";
/// Where Debian's `rustc-web` puts its compiler.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// A compiler for wasm.
pub(crate) struct Toolchain {
    /// `rustc --version`.
    pub(crate) compiler: String,
    /// Set when the standard library has to be built with it.
    from_source: Option<FromSource>,
    /// The standard library's sources or build, as they appear in the compiler's messages.
    sysroot: String,
}

struct FromSource {
    rustc: PathBuf,
    linker: PathBuf,
}

impl Toolchain {
    /// Prefers rustup's target, which needs nothing else.
    pub(crate) fn find() -> Result<Self> {
        let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
        if Path::new(&sysroot).join("lib/rustlib").join(TARGET).is_dir() {
            let compiler = output(command("rustc").arg("--version"))?;
            return Ok(Self { compiler, from_source: None, sysroot });
        }
        let Ok(debian) = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"])) else {
            bail!(
                "no compiler for {TARGET}. Install one of:\n  rustup target add {TARGET}\n  \
                 apt-get install rustc-web rust-web-src   (Debian)"
            );
        };
        if !Path::new(&debian).join("lib/rustlib/src/rust/library/std").is_dir() {
            bail!("Debian's compiler lacks the standard library's sources: apt-get install rust-web-src");
        }
        let host = output(command("rustc").args(["--print", "host-tuple"]))?;
        let linker = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
        let compiler = output(Command::new(DEBIAN_RUSTC).arg("--version"))?;
        Ok(Self { compiler, from_source: Some(FromSource { rustc: DEBIAN_RUSTC.into(), linker }), sysroot: debian })
    }

    /// Makes a `cargo build` in `guest/` use this compiler.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        cargo.args(["--target", TARGET]);
        if let Some(FromSource { rustc, linker }) = &self.from_source {
            // The standard library is built along, which a stable compiler does only when told that it may.
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", rustc)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        for flag in self.remapped_paths().unwrap_or_default() {
            cargo.arg("--config").arg(format!("target.{TARGET}.rustflags=[{flag:?}]"));
        }
    }

    /// Panics name source files: without this, the module would differ from machine to machine and tell where it was
    /// built.
    fn remapped_paths(&self) -> Result<Vec<String>> {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
        let registries = home.context("no home directory")?.join("registry/src");
        let mut flags = Vec::new();
        for registry in fs::read_dir(registries)?.flatten() {
            flags.push(remap(&registry.path(), "crates"));
        }
        flags.push(remap(&Path::new(&self.sysroot).join("lib/rustlib/src/rust"), "rust"));
        flags.push(remap(&workspace_root(), "picloud"));
        Ok(flags)
    }
}

fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}=/{to}", from.display())
}
