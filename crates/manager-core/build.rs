//! Embeds the dashboard as `cargo xtask dashboard` has built it, each file with its type, its tag and, where that is
//! smaller, compressed; and the policy that its page names in a `meta`, to be sent as a header.

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

const PAGE: &str = "index.html";
const POLICY: &str = "http-equiv=\"content-security-policy\" content=\"";

fn main() -> Result<(), Box<dyn Error>> {
    let built = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../dashboard/build").canonicalize()?;
    println!("cargo::rerun-if-changed={}", built.display());
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut paths = Vec::new();
    collect(&built, &mut paths)?;
    paths.sort();
    let mut list = String::new();
    for (number, path) in paths.iter().enumerate() {
        let name = path.strip_prefix(&built)?.to_str().ok_or("a file's name is no UTF-8")?;
        let content = fs::read(path)?;
        let compressed = gzip(&content)?;
        let compressed = if compressed.len() < content.len() {
            let file = out.join(format!("{number}.gz"));
            fs::write(&file, compressed)?;
            format!("Some(include_bytes!({file:?}))")
        } else {
            "None".to_owned()
        };
        let (mime, tag) = (mime(name)?, hex::encode(&Sha256::digest(&content)[..16]));
        writeln!(
            list,
            "File {{ path: {name:?}, mime: {mime:?}, tag: {tag:?}, content: include_bytes!({path:?}), \
             compressed: {compressed} }},"
        )?;
    }
    let page = fs::read_to_string(built.join(PAGE))?;
    let (_, policy) = page.split_once(POLICY).ok_or("the dashboard's page names no policy")?;
    let (policy, _) = policy.split_once('"').ok_or("the dashboard's policy does not end")?;
    fs::write(
        out.join("dashboard.rs"),
        format!("static FILES: &[File] = &[\n{list}];\nconst PAGE_POLICY: &str = {policy:?};\n"),
    )?;
    Ok(())
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, paths)? } else { paths.push(path) }
    }
    Ok(())
}

fn gzip(content: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    encoder.finish()
}

fn mime(name: &str) -> Result<&'static str, String> {
    Ok(match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => return Err(format!("{name} is of no type that is known here: add it to crates/manager-core/build.rs")),
    })
}
