//! Conversions between stored values and Rust's, where a type's own `TryFrom` is not enough.

use crate::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

/// A JSON text, parsed.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> TryFrom<String> for Json<T> {
    type Error = serde_json::Error;
    fn try_from(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&text).map(Self)
    }
}

/// Text that may hold NUL, which is why it is stored as bytes; or NULL.
pub(crate) struct OptionalText(pub(crate) Option<String>);

impl TryFrom<Option<Vec<u8>>> for OptionalText {
    type Error = std::string::FromUtf8Error;
    fn try_from(bytes: Option<Vec<u8>>) -> Result<Self, Self::Error> {
        bytes.map(String::from_utf8).transpose().map(Self)
    }
}

/// A value that is stored as text; or NULL.
pub(crate) struct Optional<T>(pub(crate) Option<T>);

impl<T: TryFrom<String>> TryFrom<Option<String>> for Optional<T> {
    type Error = T::Error;
    fn try_from(text: Option<String>) -> Result<Self, T::Error> {
        text.map(T::try_from).transpose().map(Self)
    }
}

/// As JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|e| sqlx::Error::Encode(e.into()))
}

/// As the databases' only kind of integer. What does not fit becomes the largest.
pub(crate) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// So long what cannot be read waits until it is looked at again, in milliseconds: somebody may have mended it.
pub(crate) const UNREADABLE_MS: i64 = 60 * 60 * 1_000;

/// A row that cannot be read, and why.
pub(crate) struct Unreadable {
    pub(crate) id: String,
    pub(crate) why: StoreError,
}

/// Reads each row by itself, so that one that cannot be read holds up no other. The first column is the row's id.
pub(crate) fn each_by_itself<R: Row, T: for<'r> FromRow<'r, R>>(rows: &[R]) -> sqlx::Result<Vec<Result<T, Unreadable>>>
where
    usize: ColumnIndex<R>,
    String: Type<R::Database> + for<'r> Decode<'r, R::Database>,
{
    let read = |row: &R| {
        let id: String = row.try_get(0)?;
        Ok(T::from_row(row).map_err(|why| Unreadable { id, why: why.into() }))
    };
    rows.iter().map(read).collect()
}
