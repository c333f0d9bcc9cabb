//! The compiled guest, kept on disk so that only the first start compiles it.

use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt, OpenOptions, OpenOptionsExt},
};
use sha2::{Digest, Sha256};
use std::{
    hash::{Hash, Hasher},
    io::{self, Write},
    path::Path,
};
use wasmtime::{Engine, Module};

/// Compiles the guest, or takes it from `cache`, a directory that belongs to this process's user alone. A cache that
/// cannot be used costs time, never the start.
pub(crate) fn module(engine: &Engine, guest: &[u8], cache: Option<&Path>) -> wasmtime::Result<Module> {
    let Some(path) = cache else { return Module::new(engine, guest) };
    let dir = match open_private(path) {
        Ok(dir) => dir,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "compiling the guest without a cache");
            return Module::new(engine, guest);
        }
    };
    let name = format!("{}.cwasm", key(engine, guest));
    if let Ok(file) = dir.open(&name) {
        // SAFETY: the file was written by `store` below, whole (it is renamed into place), into a directory that only
        // this user can write to, for this version, configuration and CPU of wasmtime: all are part of its name.
        #[expect(unsafe_code, reason = "machine code is trusted as far as the directory it comes from")]
        match unsafe { Module::deserialize_open_file(engine, file.into_std()) } {
            Ok(module) => return Ok(module),
            Err(error) => tracing::warn!(%error, "the cached guest cannot be used; compiling it again"),
        }
    }
    tracing::info!("compiling the interpreter, which the next start finds made; this takes some seconds");
    let module = Module::new(engine, guest)?;
    if let Err(error) = store(&dir, &name, &module.serialize()?) {
        tracing::warn!(%error, path = %path.display(), "the compiled guest could not be cached");
    }
    Ok(module)
}

/// How often to try to seal a file; the kernel waits up to a fifth of a second each time.
const TRIES: usize = 10;

/// Makes the file of a module's memory, which all instances map, rather than with the first instance. It is sealed against
/// writing, and the kernel refuses that (`EBUSY`, `man 2 fcntl`) while it is busy with one of the pages that were just
/// written, which passes.
pub(crate) fn make_memory_file(module: &Module) -> wasmtime::Result<()> {
    for _ in 1..TRIES {
        match module.initialize_copy_on_write_image() {
            Ok(()) => return Ok(()),
            Err(error) => tracing::debug!(%error, "the file of the guest's memory is not sealed yet"),
        }
    }
    module.initialize_copy_on_write_image()
}

/// Everything that the machine code depends on: the guest, and wasmtime's version, settings and CPU features.
fn key(engine: &Engine, guest: &[u8]) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut sha);
    sha.0.update(guest);
    hex::encode(sha.0.finalize())
}

fn open_private(path: &Path) -> io::Result<Dir> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::other("the cache needs a directory of its own"));
    };
    let parent = Dir::open_ambient_dir(parent, ambient_authority())?;
    let mut private = DirBuilder::new();
    private.mode(0o700);
    match parent.create_dir_with(name, &private) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let dir = parent.open_dir(name)?;
    let own = dir.dir_metadata()?;
    if own.mode() & 0o077 != 0 || own.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others may reach into the cache (expected mode 0700)",
        ));
    }
    Ok(dir)
}

/// Writes a file as a whole or not at all, and removes what earlier versions left.
fn store(dir: &Dir, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = format!("{name}.{}.part", std::process::id());
    let mut file = dir.open_with(&part, OpenOptions::new().write(true).create(true).truncate(true).mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    dir.rename(&part, dir, name)?;
    for entry in dir.entries()?.flatten() {
        if entry.file_name() != name {
            dir.remove_file(entry.file_name())?;
        }
    }
    Ok(())
}
