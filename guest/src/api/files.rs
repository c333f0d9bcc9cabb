//! `files`: the app's files. A path is relative, such as `images/logo.png`, of at most 512 bytes; a file has at most
//! 10 MiB, and an app's files 256 MiB together.

use super::{Result, at, call, unexpected};
use picloud_abi::{
    files::{Answer, Info, ListRequest, Request, WriteRequest},
    seam,
};
use rhai::{Array, Blob, Map, plugin::*};

/// Paths that `list` gives at most, when not told otherwise.
const LIST_LIMIT: i64 = 100;

fn ask(request: Request) -> Result<Answer> {
    match call(&seam::Request::Files(request))? {
        seam::Answer::Files(answer) => Ok(answer),
        _ => unexpected(),
    }
}

fn content(path: &str) -> Result<Option<Blob>> {
    match ask(Request::Read(path.into()))? {
        Answer::Content(data) => Ok(data.map(|data| data.into_vec())),
        _ => unexpected(),
    }
}

fn bytes(data: Dynamic) -> Result<Vec<u8>> {
    match data.try_cast_result::<Blob>() {
        Ok(data) => Ok(data),
        Err(data) => match data.into_string() {
            Ok(text) => Ok(text.into_bytes()),
            Err(kind) => Err(format!("a file holds a blob or a string, not {kind}").into()),
        },
    }
}

fn paths(prefix: &str, after: &str, limit: i64) -> Result<Array> {
    let limit = u32::try_from(limit).map_err(|_| format!("cannot list {limit} files"))?;
    let after = (!after.is_empty()).then(|| after.to_owned());
    match ask(Request::List(ListRequest { prefix: prefix.into(), after, limit }))? {
        Answer::Paths(paths) => Ok(paths.into_iter().map(Dynamic::from).collect()),
        _ => unexpected(),
    }
}

fn described(path: &str) -> Result<Option<Info>> {
    match ask(Request::Info(path.into()))? {
        Answer::Info(info) => Ok(info),
        _ => unexpected(),
    }
}

#[export_module]
pub mod files {
    /// The content of a file, a blob, or `()`.
    ///
    /// Example: `files::write("notes/a.txt", "hello"); [files::read("notes/a.txt").as_string(), files::read("none")]` →
    /// `["hello", ()]`
    #[rhai_fn(return_raw)]
    pub fn read(context: NativeCallContext, path: &str) -> Result<Dynamic> {
        at(&context, || Ok(content(path)?.map_or(Dynamic::UNIT, Dynamic::from_blob)))
    }

    /// Writes a file, a blob or a string's UTF-8, whatever it was before. It has reached the disk when this returns.
    ///
    /// Example: `files::write("logo.png", base64::decode("iVBORw0K")); files::read("logo.png").len()` → `6`
    #[rhai_fn(return_raw)]
    pub fn write(context: NativeCallContext, path: &str, data: Dynamic) -> Result<()> {
        at(&context, || match ask(Request::Write(WriteRequest { path: path.into(), data: bytes(data)?.into() }))? {
            Answer::Written => Ok(()),
            _ => unexpected(),
        })
    }

    /// Removes a file; says whether it was there.
    ///
    /// Example: `files::write("old.txt", ""); [files::delete("old.txt"), files::delete("old.txt")]` → `[true, false]`
    #[rhai_fn(return_raw)]
    pub fn delete(context: NativeCallContext, path: &str) -> Result<bool> {
        at(&context, || match ask(Request::Delete(path.into()))? {
            Answer::Deleted(deleted) => Ok(deleted),
            _ => unexpected(),
        })
    }

    /// Whether there is such a file.
    ///
    /// Example: `files::write("here.txt", ""); [files::exists("here.txt"), files::exists("there.txt")]` → `[true, false]`
    #[rhai_fn(return_raw)]
    pub fn exists(context: NativeCallContext, path: &str) -> Result<bool> {
        at(&context, || Ok(described(path)?.is_some()))
    }

    /// A file's `size` in bytes, the `sha256` of its content in hexadecimal, and when it was `updated_at`, in
    /// milliseconds; `()` if there is none.
    ///
    /// Example: `files::write("b.txt", "abc"); let info = files::info("b.txt"); [info.size, info.sha256.sub_string(0, 8)]` →
    /// `[3, "ba7816bf"]`
    #[rhai_fn(return_raw)]
    pub fn info(context: NativeCallContext, path: &str) -> Result<Dynamic> {
        at(&context, || {
            let Some(Info { size, sha256, updated_at }) = described(path)? else { return Ok(Dynamic::UNIT) };
            let fields: [(&str, Dynamic); 3] =
                [("size", size.cast_signed().into()), ("sha256", sha256.into()), ("updated_at", updated_at.into())];
            Ok(Dynamic::from_map(Map::from_iter(fields.map(|(name, value)| (name.into(), value)))))
        })
    }

    /// The first 100 paths that start with `prefix`, in byte order.
    ///
    /// Example: `files::write("docs/b.md", ""); files::write("docs/a.md", ""); files::list("docs/")` →
    /// `["docs/a.md", "docs/b.md"]`
    #[rhai_fn(return_raw)]
    pub fn list(context: NativeCallContext, prefix: &str) -> Result<Array> {
        at(&context, || paths(prefix, "", LIST_LIMIT))
    }

    /// The first `limit` paths, at most 1,000, that start with `prefix` and come after `after`, in byte order.
    ///
    /// Example: `files::write("img/a", ""); files::write("img/b", ""); files::list("img/", "img/a", 10)` → `["img/b"]`
    #[rhai_fn(name = "list", return_raw)]
    pub fn list_after(context: NativeCallContext, prefix: &str, after: &str, limit: i64) -> Result<Array> {
        at(&context, || paths(prefix, after, limit))
    }
}
