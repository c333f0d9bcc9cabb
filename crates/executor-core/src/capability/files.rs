//! `files`: the app's files, in the database. A large one takes several times its size of this process's memory while it
//! is on its way, and a connection for long. So they take turns, in which apps go round: those of one app neither fill the
//! memory nor hold up what others ask of the database.

use super::refuse;
use crate::turns::{Place, Turns};
use picloud_abi::{
    files::{Answer, Info, ListRequest, Request, WriteRequest},
    seam::{Refusal, RefusalCode},
};
use picloud_shared::{
    executor::ExecutorError,
    ids::AppId,
    limits::{FILE_BYTES, FILE_PATH_BYTES, KV_VALUE_BYTES},
    names::{FilePath, InvalidName},
    time::TimestampMs,
};
use picloud_store::{FileInfo, Store, StoreError, WriteRefused};
use std::time::Duration;

/// Most paths that one `list` gives.
const LIST_PATHS: u32 = 1_000;

/// Bytes of a file that needs no turn: as many as a value of the key-value store may have.
const SMALL: usize = KV_VALUE_BYTES;
/// Large files that may wait to be read. Nothing of them is held meanwhile, so as many as may wait to begin.
const READS_WAITING: usize = 4_096;
/// Large files that may wait to be written, which are held meanwhile.
const WRITES_WAITING: usize = 8;
/// How long each may wait: as long as an invocation may take by default.
const WAITING_TIME: Duration = Duration::from_secs(10);

/// Answers the calls of all apps.
pub(crate) struct Files {
    store: Store,
    reads: Turns,
    writes: Turns,
}

/// Held until the script has the answer: as long as a large content is on its way, it counts as being read.
type OnItsWay = Option<Place>;

impl Files {
    pub(crate) fn new(store: Store) -> Self {
        // Half of SQLite's readers are left to others, and more of PostgreSQL's connections.
        let reads = Turns::bounded((store.readers() / 4).max(2), READS_WAITING, WAITING_TIME);
        // One at a time is as fast as SQLite writes, and what others write comes between.
        let writes = Turns::bounded(1, WRITES_WAITING, WAITING_TIME);
        Self { store, reads, writes }
    }

    pub(crate) async fn answer(
        &self,
        app: AppId,
        now: TimestampMs,
        request: Request,
    ) -> Result<(Answer, OnItsWay), Refusal> {
        let store = &self.store;
        let answer = match request {
            Request::Read(path) => {
                let (data, on_its_way) = self.read(app, &checked(path)?).await?;
                return Ok((Answer::Content(data.map(Into::into)), on_its_way));
            }
            Request::Write(request) => self.write(app, now, request).await?,
            Request::Delete(path) => {
                store.delete_file(app, &checked(path)?).await.map(Answer::Deleted).map_err(unavailable)?
            }
            Request::List(ListRequest { prefix, after, limit }) => {
                let prefix = bounded(&prefix)?;
                let after = after.as_deref().map(bounded).transpose()?;
                let files = store.files(app, prefix, after, limit.min(LIST_PATHS)).await.map_err(unavailable)?;
                Answer::Paths(files.into_iter().map(|file| file.path.into()).collect())
            }
            Request::Info(path) => {
                let info = store.file_info(app, &checked(path)?).await.map_err(unavailable)?;
                Answer::Info(info.map(|FileInfo { size, sha256, updated_at, .. }| Info {
                    size: size.unsigned_abs(),
                    sha256: hex::encode(sha256),
                    updated_at,
                }))
            }
        };
        Ok((answer, None))
    }

    async fn read(&self, app: AppId, path: &FilePath) -> Result<(Option<Vec<u8>>, OnItsWay), Refusal> {
        match self.store.read_small_file(app, path, SMALL).await.map_err(unavailable)? {
            None => Ok((None, None)),
            Some(Some(small)) => Ok((Some(small), None)),
            Some(None) => {
                let turn = self.reads.begin(app).await.map_err(|_: ExecutorError| too_many("read"))?;
                // It may be another by now, and is what it is.
                Ok((self.store.read_file(app, path).await.map_err(unavailable)?, Some(turn)))
            }
        }
    }

    async fn write(
        &self,
        app: AppId,
        now: TimestampMs,
        WriteRequest { path, data }: WriteRequest,
    ) -> Result<Answer, Refusal> {
        let path = checked(path)?;
        if data.len() > FILE_BYTES {
            let message = format!("a file has at most {FILE_BYTES} bytes, not {}", data.len());
            return Err(refuse(RefusalCode::TooLarge, message));
        }
        let _turn = match data.len() > SMALL {
            true => Some(self.writes.begin(app).await.map_err(|_: ExecutorError| too_many("written"))?),
            false => None,
        };
        let written = self.store.write_file(app, &path, &data, now).await.map_err(unavailable)?;
        written.map(|_| Answer::Written).map_err(|refused| {
            let code = match refused {
                WriteRefused::NoSuchApp => RefusalCode::Unavailable,
                WriteRefused::StorageFull | WriteRefused::TooMany => RefusalCode::StorageFull,
            };
            refuse(code, refused.to_string())
        })
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

fn too_many(done: &str) -> Refusal {
    refuse(RefusalCode::Unavailable, format!("too many large files are being {done} at once; try again in a moment"))
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
