//! What can go wrong in the store.

use std::{io, path::PathBuf};

/// Why the store could not do something. What a caller could have foreseen is a value, not one of these.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, refused a statement, or has no connection to spare.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// The tables cannot be brought up to date.
    #[error("cannot bring the database's tables up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value does not parse: somebody else wrote it.
    #[error("the database holds a value that cannot be right: {0}")]
    Corrupt(String),
    /// The directory for the database's file cannot be used.
    #[error("cannot use the data directory {}: {source}", path.display())]
    DataDirectory {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether what should be stored is there already: as after a commit whose answer was lost.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            other => Self::Database(other),
        }
    }
}
