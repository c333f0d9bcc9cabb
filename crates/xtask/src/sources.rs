//! What something that is kept was made from, as one hash.

use crate::workspace_root;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// SHA-256 over the paths and contents of these files, and of all files in these directories.
pub(crate) fn hash(sources: &[&str]) -> Result<String> {
    let root = workspace_root();
    let mut files = Vec::new();
    for source in sources {
        let path = root.join(source);
        collect(&path, &mut files).with_context(|| format!("reading {source}"))?;
    }
    files.sort();
    let mut sha = Sha256::new();
    for path in files {
        let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        let content = fs::read(&path).with_context(|| format!("reading {name}"))?;
        sha.update(format!("{name}\0{}\0", content.len()));
        sha.update(content);
    }
    Ok(hex::encode(sha.finalize()))
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}
