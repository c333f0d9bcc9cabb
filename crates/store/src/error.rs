//! What can go wrong in the store.

use crate::Revoked;
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
    /// Whoever asked may not any more; nothing was changed.
    #[error(transparent)]
    Revoked(#[from] Revoked),
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

    /// Whether the database did not answer, or had too much to do: asking again may help.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_)) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| POSTGRES_AWAY.contains(&&*code) || code.starts_with("08"))
                    || error.message().contains("database is locked")
            }
            _ => false,
        }
    }
}

/// SQLSTATEs of a PostgreSQL that is going, coming or full: of class 57, operator intervention, those that are no
/// cancelled query, and too many connections.
const POSTGRES_AWAY: [&str; 4] = ["57P01", "57P02", "57P03", "53300"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            other => Self::Database(other),
        }
    }
}
