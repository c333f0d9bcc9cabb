//! Why there is no answer, told apart by what a caller can do about it.

use picloud_shared::api::ErrorDetail;
use reqwest::StatusCode;
use std::error::Error as _;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address of a server; another has to be given.
    #[error("{url:?} is not a server's address: {why}")]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token cannot stand in a header, so that no server gave it out.
    #[error("the token holds characters that no token has")]
    Token,
    /// No connection; the server may not be running.
    #[error("cannot connect to {url}: {why}")]
    Connect {
        /// The server's address.
        url: String,
        /// What the system said.
        why: String,
    },
    /// The connection broke, or the answer did not come in time. Whether the request took effect is not known.
    #[error("no answer from {url}: {why}")]
    NoAnswer {
        /// The server's address.
        url: String,
        /// What happened.
        why: String,
    },
    /// The server answered with an error.
    #[error("{}", detail.message)]
    Api {
        /// Its HTTP status.
        status: StatusCode,
        /// What it says.
        detail: ErrorDetail,
    },
    /// An answer that is not of the API: something else listens there, stands in between, or speaks a newer version.
    #[error("the answer of {url} (status {}) is not one of PiCloud's API: {why}", status.as_u16())]
    Decode {
        /// The server's address.
        url: String,
        /// Its HTTP status.
        status: StatusCode,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// Of a request that was not answered in full.
    pub(crate) fn transport(url: &url::Url, error: &reqwest::Error) -> Self {
        let url = url.to_string();
        if error.is_timeout() && !error.is_connect() {
            return Self::NoAnswer { url, why: "it took too long".to_owned() };
        }
        let why = root_cause(error);
        if error.is_connect() { Self::Connect { url, why } } else { Self::NoAnswer { url, why } }
    }

    /// The status that the server answered with, if the error is its answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api { status, .. } | Self::Decode { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// The innermost error, which alone tells more than that a request failed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|error| error.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}
