//! Files.

use crate::{Client, Result};
use picloud_shared::{
    api::{File, Page},
    names::{AppSlug, FilePath},
};
use reqwest::{Method, header::CONTENT_TYPE};
use url::Url;

/// Which files to list; all when nothing is given.
#[derive(Clone, Debug, Default)]
pub struct FileFilter {
    /// Only those whose paths begin so.
    pub prefix: Option<String>,
    /// Only those after this one: [`Page::next`] of the page before.
    pub after: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

impl Client {
    /// One page of an app's files, by path.
    pub async fn files(&self, app: &AppSlug, filter: &FileFilter) -> Result<Page<File>> {
        let mut url = self.endpoint(&["apps", app.as_str(), "files"]);
        url.query_pairs_mut()
            .extend_pairs(filter.prefix.as_ref().map(|prefix| ("prefix", prefix)))
            .extend_pairs(filter.after.as_ref().map(|after| ("after", after)))
            .extend_pairs(filter.limit.map(|limit| ("limit", limit.to_string())));
        self.fetch(self.request(Method::GET, url)).await
    }

    /// The content of a file.
    pub async fn read_file(&self, app: &AppSlug, path: &FilePath) -> Result<Vec<u8>> {
        self.fetch_bytes(self.request(Method::GET, self.file(app, path))).await
    }

    /// Writes a file, whatever it was before.
    pub async fn write_file(&self, app: &AppSlug, path: &FilePath, data: Vec<u8>) -> Result<File> {
        let request = self.request(Method::PUT, self.file(app, path));
        self.fetch(request.header(CONTENT_TYPE, "application/octet-stream").body(data)).await
    }

    /// Deletes a file.
    pub async fn delete_file(&self, app: &AppSlug, path: &FilePath) -> Result<()> {
        self.execute(self.request(Method::DELETE, self.file(app, path))).await
    }

    fn file(&self, app: &AppSlug, path: &FilePath) -> Url {
        let segments: Vec<&str> = ["apps", app.as_str(), "files"].into_iter().chain(path.as_str().split('/')).collect();
        self.endpoint(&segments)
    }
}
