//! Files: their contents as they are, and lists of them.

use super::{
    access::{Access, Editor, Viewer},
    error::ApiError,
    extract::{Bytes, File as Name, Query},
    page::{self, Prefixed},
};
use crate::Manager;
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use picloud_shared::{
    api::{File, Page},
    limits::{FILE_BYTES, FILE_PATH_BYTES},
    time::now_ms,
};
use picloud_store::FileInfo;
use serde_json::json;

/// The files of an app, by path. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/files",
    tag = "files",
    operation_id = "list_files",
    params(Prefixed),
    responses((status = 200, description = "A page of them", body = Page<File>))
)]
pub(super) async fn list(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Query(asked): Query<Prefixed>,
) -> Result<axum::Json<Page<File>>, ApiError> {
    let size = asked.size("a path", FILE_PATH_BYTES)?;
    let after = asked.after.as_ref().map(String::as_bytes);
    let files = manager.store.files(app.id, asked.prefix.as_bytes(), after, size + 1).await?;
    Ok(axum::Json(page::of(files.into_iter().map(seen).collect(), size, |file| file.path.clone())))
}

/// A file's content. Needs the role viewer.
#[utoipa::path(
    get,
    path = "/apps/{app}/files/{*path}",
    tag = "files",
    operation_id = "read_file",
    responses((status = 200, description = "The content", body = Bytes, content_type = "application/octet-stream"))
)]
pub(super) async fn read(
    State(manager): State<Manager>,
    Viewer(Access { app, .. }): Viewer,
    Name(path): Name,
) -> Result<([(HeaderName, HeaderValue); 2], Vec<u8>), ApiError> {
    let data = manager.store.read_file(app.id, &path).await?.ok_or(ApiError::NotFound("file"))?;
    // Whatever it is, it is nothing for a browser to show at the API's origin.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
    ];
    Ok((headers, data))
}

/// Makes the body, of any type, the content of a file. Needs the role editor.
#[utoipa::path(
    put,
    path = "/apps/{app}/files/{*path}",
    tag = "files",
    operation_id = "write_file",
    request_body(content = Bytes, content_type = "application/octet-stream"),
    responses((status = 200, description = "The file", body = File))
)]
pub(super) async fn write(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(path): Name,
    Bytes(data): Bytes,
) -> Result<axum::Json<File>, ApiError> {
    if data.len() > FILE_BYTES {
        return Err(ApiError::TooLarge(format!("a file has at most {FILE_BYTES} bytes, not {}", data.len())));
    }
    let manager = access.audited(&manager, "write_file", &path, json!({"size": data.len()}));
    let info = manager.store.write_file(access.app.id, &path, &data, now_ms()).await??;
    Ok(axum::Json(seen(info)))
}

/// Deletes a file. Needs the role editor.
#[utoipa::path(
    delete,
    path = "/apps/{app}/files/{*path}",
    tag = "files",
    operation_id = "delete_file",
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn delete(
    State(manager): State<Manager>,
    Editor(access): Editor,
    Name(path): Name,
) -> Result<StatusCode, ApiError> {
    let manager = access.audited(&manager, "delete_file", &path, json!({}));
    let gone = manager.store.delete_file(access.app.id, &path).await?;
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("file")) }
}

fn seen(FileInfo { path, size, sha256, updated_at }: FileInfo) -> File {
    File { path, size, sha256: hex::encode(sha256), updated_at }
}
