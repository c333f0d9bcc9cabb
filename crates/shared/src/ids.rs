//! Ids. Each is a UUIDv7 of its own type: unique without coordination, and ordered by time of creation.

use crate::time::TimestampMs;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};
use utoipa::ToSchema;
use uuid::Uuid;

/// Bits of an id that are its time, in milliseconds.
const TIME_BITS: u32 = 48;

/// A text that is no id of the kind asked for.
#[derive(Debug, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, later than every id made before it in this process.
            #[expect(clippy::new_without_default, reason = "an id is made on purpose, never by default")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// Sorts before every id that was made at this time or later, and after all before it.
            pub fn least_at(time: TimestampMs) -> Self {
                let millis = u64::try_from(time).unwrap_or(0).min((1 << TIME_BITS) - 1);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// Its text, of one allocation.
        impl From<$name> for Arc<str> {
            fn from(id: $name) -> Self {
                (&*id.0.hyphenated().encode_lower(&mut Uuid::encode_buffer())).into()
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
    )*};
}

ids! {
    /// A person who signs in.
    UserId;
    /// A bearer token.
    TokenId;
    /// An invitation to an app or to the server.
    InvitationId;
    /// An entry of the audit log.
    AuditId;
    /// An app: the tenant that owns scripts and data.
    AppId;
    /// A script of an app.
    ScriptId;
    /// One immutable version of a script.
    VersionId;
    /// One run of a script; also the request id that a caller sees.
    InvocationId;
    /// One of an active version's schedules.
    ScheduleId;
    /// An event on its way to one script; the same through all attempts.
    DeliveryId;
    /// An open store, among all that are open on one database.
    StoreId;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::now_ms;

    #[test]
    fn ids_sort_by_time_as_text_too() {
        let (before, id, after) = (AuditId::least_at(now_ms()), AuditId::new(), AuditId::least_at(now_ms() + 1));
        assert!(before < id && id < after);
        assert!(before.to_string() < id.to_string() && id.to_string() < after.to_string());
        assert_eq!(AuditId::least_at(-1), AuditId::least_at(0));
        assert!(AuditId::least_at(i64::MAX) > id);
    }
}
