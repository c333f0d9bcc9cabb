//! `files`: the app's files, in the database.

use super::refuse;
use picloud_abi::{
    files::{Answer, Info, ListRequest, Request, WriteRequest},
    seam::{Refusal, RefusalCode},
};
use picloud_shared::{
    ids::AppId,
    limits::{FILE_BYTES, FILE_PATH_BYTES},
    names::{FilePath, InvalidName},
    time::TimestampMs,
};
use picloud_store::{FileInfo, Store, StoreError, WriteRefused};

/// Most paths that one `list` gives.
const LIST_PATHS: u32 = 1_000;

pub(crate) async fn answer(store: &Store, app: AppId, now: TimestampMs, request: Request) -> Result<Answer, Refusal> {
    match request {
        Request::Read(path) => {
            let data = store.read_file(app, &checked(path)?).await.map_err(unavailable)?;
            Ok(Answer::Content(data.map(Into::into)))
        }
        Request::Write(WriteRequest { path, data }) => {
            let path = checked(path)?;
            if data.len() > FILE_BYTES {
                let message = format!("a file has at most {FILE_BYTES} bytes, not {}", data.len());
                return Err(refuse(RefusalCode::TooLarge, message));
            }
            let written = store.write_file(app, &path, &data, now).await.map_err(unavailable)?;
            written.map(|_| Answer::Written).map_err(|refused| {
                let code = match refused {
                    WriteRefused::NoSuchApp => RefusalCode::Unavailable,
                    WriteRefused::StorageFull | WriteRefused::TooMany => RefusalCode::StorageFull,
                };
                refuse(code, refused.to_string())
            })
        }
        Request::Delete(path) => {
            store.delete_file(app, &checked(path)?).await.map(Answer::Deleted).map_err(unavailable)
        }
        Request::List(ListRequest { prefix, after, limit }) => {
            let prefix = bounded(&prefix)?;
            let after = after.as_deref().map(bounded).transpose()?;
            let files = store.files(app, prefix, after, limit.min(LIST_PATHS)).await.map_err(unavailable)?;
            Ok(Answer::Paths(files.into_iter().map(|file| file.path.into()).collect()))
        }
        Request::Info(path) => {
            let info = store.file_info(app, &checked(path)?).await.map_err(unavailable)?;
            Ok(Answer::Info(info.map(|FileInfo { size, sha256, updated_at, .. }| Info {
                size: size.unsigned_abs(),
                sha256: hex::encode(sha256),
                updated_at,
            })))
        }
    }
}

fn checked(path: String) -> Result<FilePath, Refusal> {
    bounded(&path)?;
    path.try_into().map_err(|rule: InvalidName| refuse(RefusalCode::Invalid, rule.to_string()))
}

/// A path, or the beginning of one.
fn bounded(path: &str) -> Result<&[u8], Refusal> {
    if path.len() > FILE_PATH_BYTES {
        let message = format!("a path has at most {FILE_PATH_BYTES} bytes, not {}", path.len());
        return Err(refuse(RefusalCode::TooLarge, message));
    }
    Ok(path.as_bytes())
}

fn unavailable(error: StoreError) -> Refusal {
    tracing::error!(%error, "files cannot be reached");
    refuse(RefusalCode::Unavailable, "files cannot be reached now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_checked_and_bounded() {
        let code = |path: &str| checked(path.to_owned()).map_err(|refusal| refusal.code);
        assert_eq!(code("a/b.txt").unwrap().as_str(), "a/b.txt");
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "a\0"] {
            assert_eq!(code(bad), Err(RefusalCode::Invalid), "{bad}");
        }
        assert_eq!(code(&"x".repeat(513)), Err(RefusalCode::TooLarge));
        assert!(bounded("").is_ok() && bounded("a/").is_ok() && bounded(&"x".repeat(513)).is_err());
    }
}
